/* What the bind_fs*.c files share. */
#ifndef BOSUN_ENGINE_BIND_FS_H
#define BOSUN_ENGINE_BIND_FS_H

#include "bind.h"
#include "core/base/buf.h"
#include "core/fs/fs.h"

/* Each adds the functions of its file to the module at the top of the stack. [-0, +0, m] */
void bind_fs_add_folders(lua_State *L);
void bind_fs_add_properties(lua_State *L);
void bind_fs_add_lock(lua_State *L);

/* "file", "directory", … for a letter of bosun_fs_list; static. */
const char *bind_fs_type_name(char letter);

#endif
