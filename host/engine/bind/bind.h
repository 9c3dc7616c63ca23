/* What the files of the Lua side share. The rules of the border between C and Lua are in CONTRIBUTING.md: a
 * function that takes lua_State * may raise and owns nothing outside a userdata; one that does not returns 0
 * or -1. */
#ifndef BOSUN_ENGINE_BIND_BIND_H
#define BOSUN_ENGINE_BIND_BIND_H

#include "bosun.h"
#include "core/base/err.h"
#include "core/base/value.h"
#include "core/base/wait.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdatomic.h>

/* The host that a state belongs to. Never fails: every state here is made by bosun_host_new. */
bosun_host *bosun_engine_host(lua_State *L);

/* What a wait in this host has to obey: cancellation and deadline. */
const bosun_wait *bosun_engine_wait(bosun_host *host);
bool bosun_engine_dry_run(const bosun_host *host);

/* Sends an event to the host's log, secrets redacted. Does not touch Lua. fields may be NULL when count is 0.
 */
void bosun_engine_log(bosun_host *host, bosun_log_level level, const bosun_log_field *fields, size_t count,
                      const char *message, size_t len);
bool bosun_engine_logs(const bosun_host *host, bosun_log_level level);

/* Marks a text as secret for logs and status. Does not touch Lua; -1: out of memory. */
int bosun_engine_add_secret(bosun_host *host, const char *text, size_t len);

/* nil and the error as a table {code=, op=, message=} with __tostring. Returns 2. [-0, +2, m] */
int bosun_push_failure(lua_State *L, const bosun_err *err);

/* The error table alone. Returns 1. [-0, +1, m] */
int bosun_push_error(lua_State *L, const bosun_err *err);

/* Argument `arg` as a path: a string without NUL, not empty. Raises otherwise. */
const char *bosun_check_path(lua_State *L, int arg);

/* Fields of the options table at `arg` (nil or absent: the default). A wrong type raises, naming the field.
 */
bool bosun_option_bool(lua_State *L, int arg, const char *name, bool otherwise);
lua_Number bosun_option_number(lua_State *L, int arg, const char *name, lua_Number otherwise);
lua_Integer bosun_option_integer(lua_State *L, int arg, const char *name, lua_Integer otherwise);
/* Borrowed from the table: valid while it holds the string. NULL: absent. */
const char *bosun_option_string(lua_State *L, int arg, const char *name, size_t *len);

/* Raises unless `arg` is nil, absent or a table that has only the named keys (NULL-terminated); a mistyped
 * option gets a "did you mean". */
void bosun_check_options(lua_State *L, int arg, const char *const *known);

/* The text of a string or of a bosun.secret at `index`, or NULL: it is neither. Valid while the value is. */
const char *bosun_text_or_secret(lua_State *L, int index, size_t *len);

/* A growable buffer in a userdata: bytes that C collects while Lua may raise. Free it when done; the
 * collector does when an error came first. [-0, +1, m] */
struct bosun_buf *bosun_push_buf(lua_State *L);

/* ---- effects: what changes the world
 * ------------------------------------------------------------------------- A binding that changes something
 * outside asks first:
 *
 *     if (!bosun_effect_begin(L, "fs.mkdir", "%s", path))
 *         return push_true(L);                  // dry run: recorded, as if it had worked
 *     int rc = bosun_fs_mkdir(path, mode, parents, &err);
 */

/* True: do it. False: this is a dry run, and "op text" is now in the plan. May raise (out of memory). */
bool bosun_effect_begin(lua_State *L, const char *op, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Pushes a tree. Sequences get the array metatable, so that empty ones stay sequences; a null in a mapping is
 * left out, in a sequence it is the sentinel `yaml.null` (the light userdata NULL, which is cjson.null too).
 * Shared nodes are copied. [-0, +1, m] */
void bosun_push_value(lua_State *L, const bosun_value *value);

/* The value at `index` as a tree in `arena`; raises (with the path inside the value, which is called `name`)
 * on what plain data cannot hold: functions, cycles, depth over 50, keys that are tables. Sorted keys. [-0,
 * +0, e] */
bosun_value *bosun_to_value(lua_State *L, int index, const char *name, bosun_arena *arena);

/* Makes the table at the top of the stack a sequence (mapping) even when it is empty. [-0, +0, m] */
void bosun_mark_array(lua_State *L);

/* Makes `bosun.<name>` requirable for each line of the table, without running it. [-0, +0, m] */
void bosun_preload_bindings(lua_State *L);

int bosun_open_fs(lua_State *L);
int bosun_open_path(lua_State *L);
int bosun_open_yaml(lua_State *L);
int bosun_open_log(lua_State *L);
int bosun_open_time(lua_State *L);
int bosun_open_crypto(lua_State *L);
int bosun_open_secret(lua_State *L);
int bosun_open_base64(lua_State *L);
int bosun_open_http(lua_State *L);
int bosun_open_process(lua_State *L);
int bosun_open_effect(lua_State *L);

#endif
