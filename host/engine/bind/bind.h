/* What the files of the Lua side share. The rules of the border between C and Lua are in CONTRIBUTING.md: a
 * function that takes lua_State * may raise and owns nothing outside a userdata; one that does not returns 0
 * or -1. */
#ifndef BOSUN_ENGINE_BIND_BIND_H
#define BOSUN_ENGINE_BIND_BIND_H

#include "core/base/value.h"
#include "engine/host/host.h"
#include <lauxlib.h>
#include <lua.h>
#include <sys/types.h>

/* nil and the error as a bosun.error. Returns 2. [-0, +2, m] */
int bind_push_failure(lua_State *L, const bosun_err *err);

/* The bosun.error alone. Returns 1. [-0, +1, m] */
int bind_push_error(lua_State *L, const bosun_err *err);

/* Argument `arg` as a path: a string without NUL, not empty. Raises otherwise. */
const char *bind_check_path(lua_State *L, int arg);

/* True, or nil and the error: what functions return that have nothing to tell. [-0, +1|2, m] */
int bind_push_done(lua_State *L, int rc, const bosun_err *err);

/* What a wait in this state's host has to obey. */
const bosun_wait *bind_wait(lua_State *L);

/* Fields of the options table at `arg` (nil or absent: the default). A wrong type raises, naming the field.
 */
bool bind_option_bool(lua_State *L, int arg, const char *name, bool otherwise);
lua_Number bind_option_number(lua_State *L, int arg, const char *name, lua_Number otherwise);
lua_Integer bind_option_integer(lua_State *L, int arg, const char *name, lua_Integer otherwise);
/* Borrowed from the table: valid while it holds the string. NULL: absent. */
const char *bind_option_string(lua_State *L, int arg, const char *name, size_t *len);

/* The option `mode` as permission bits; 0: absent. */
mode_t bind_option_mode(lua_State *L, int arg);

/* Permission bits from an integer; raises on others. */
mode_t bind_check_mode(lua_State *L, int arg, lua_Integer mode);

/* Raises unless `arg` is nil, absent or a table that has only the named keys (NULL-terminated); a mistyped
 * option gets a "did you mean". */
void bind_check_options(lua_State *L, int arg, const char *const *known);

/* The text of a string or of a bosun.secret at `index`, or NULL: it is neither. Valid while the value is. */
const char *bind_text_or_secret(lua_State *L, int index, size_t *len);

/* A growable buffer in a userdata: bytes that C collects while Lua may raise. Free it when done; the
 * collector does when an error came first. [-0, +1, m] */
bosun_buf *bind_push_buf(lua_State *L);

/* Pushes a tree. Sequences get the array metatable, so that empty ones stay sequences; a null in a mapping is
 * left out, in a sequence it is the sentinel `yaml.null` (the light userdata NULL, which is cjson.null too).
 * Shared nodes are copied. [-0, +1, m] */
void bind_push_value(lua_State *L, const bosun_value *value);

/* The value at `index` as a tree in `arena`; raises (with the path inside the value, which is called `name`)
 * on what plain data cannot hold: functions, cycles, depth over 50, keys that are tables. Sorted keys. [-0,
 * +0, e] */
bosun_value *bind_to_value(lua_State *L, int index, const char *name, bosun_arena *arena);

/* Makes the table at the top of the stack a sequence (mapping) even when it is empty. [-0, +0, m] */
void bind_mark_array(lua_State *L);

/* Makes `bosun.<name>` requirable for each line of the table, without running it. [-0, +0, m] */
void bind_preload(lua_State *L);

int bind_fs_open(lua_State *L);
int bind_path_open(lua_State *L);
int bind_yaml_open(lua_State *L);
int bind_log_open(lua_State *L);
int bind_time_open(lua_State *L);
int bind_crypto_open(lua_State *L);
int bind_secret_open(lua_State *L);
int bind_base64_open(lua_State *L);
int bind_http_open(lua_State *L);
int bind_process_open(lua_State *L);
int bind_effect_open(lua_State *L);
int bind_error_open(lua_State *L);
int bind_options_open(lua_State *L);
int bind_suggest_open(lua_State *L);

#endif
