/* What the bind_fs*.c files share. */
#ifndef BOSUN_ENGINE_BIND_FS_H
#define BOSUN_ENGINE_BIND_FS_H

#include "bind.h"
#include "core/base/buf.h"
#include "core/fs/fs.h"

/* Each adds the functions of its file to the module at the top of the stack. [-0, +0, m] */
void bosun_fs_add_folders(lua_State *L);
void bosun_fs_add_properties(lua_State *L);
void bosun_fs_add_lock(lua_State *L);

/* True, or nil and the error: what functions return that have nothing to tell. [-0, +1|2, m] */
int bosun_fs_push_done(lua_State *L, int rc, const bosun_err *err);

/* The option `mode` as permission bits; 0: absent. */
mode_t bosun_fs_option_mode(lua_State *L, int arg);

/* Permission bits from an integer; raises on others. */
mode_t bosun_fs_check_mode(lua_State *L, int arg, lua_Integer mode);

/* "file", "directory", … for a letter of bosun_fs_list; static. */
const char *bosun_fs_type_name(char letter);

/* The wait of the state's host. */
const bosun_wait *bosun_fs_wait(lua_State *L);

#endif
