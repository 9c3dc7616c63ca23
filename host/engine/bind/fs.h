/* What the files of bosun.fs share. */
#ifndef BOSUN_ENGINE_BIND_FS_H
#define BOSUN_ENGINE_BIND_FS_H

#include "bind.h"
#include "core/base/buf.h"
#include "core/fs/fs.h"

/* Add the functions of one file to the module at the top of the stack. [-0, +0, m] */
void bind_fs_add_folders(lua_State *L);
void bind_fs_add_properties(lua_State *L);
void bind_fs_add_lock(lua_State *L);

/* Returns "file", "directory", … for a letter of bosun_fs_list. The string is static. */
const char *bind_fs_type_name(char letter);

#endif
