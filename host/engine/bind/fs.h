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

/* Before a change to what is at a path; after: what is there then. False: a dry run, which has recorded it.
 */
bool bind_fs_begin(lua_State *L, const char *op, const char *path, const char *after);

/* The same for what is at one path and goes to another. words: "moved to". */
bool bind_fs_begin_move(lua_State *L, const char *op, const char *from, const char *to, const char *words);

/* The same for three functions that may find that nothing is to be done. there: was there anything? It is set
 * in a dry run. */
bool bind_fs_begin_write(lua_State *L, const char *path, const char *bytes, size_t len);
bool bind_fs_begin_mkdir(lua_State *L, const char *path, bool parents);
bool bind_fs_begin_remove(lua_State *L, const char *path, bool recursive, bool *there);

/* Returns "file", "directory", … for a letter of bosun_fs_list. The string is static. */
const char *bind_fs_type_name(char letter);

#endif
