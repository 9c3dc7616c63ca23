/* What the Lua modules written in C share. CONTRIBUTING.md has the rules of the border between C and Lua: a
 * function that takes a lua_State * may raise and owns nothing outside a userdata; one that does not returns
 * 0 or -1. */
#ifndef BOSUN_ENGINE_BIND_BIND_H
#define BOSUN_ENGINE_BIND_BIND_H

#include "core/base/value.h"
#include "engine/host/host.h"
#include <lauxlib.h>
#include <lua.h>
#include <sys/types.h>

/* Returns argument `arg` as a path: a string that is not empty and has no NUL byte. Otherwise raises. */
const char *bind_check_path(lua_State *L, int arg);

/* Returns `mode`, the value of argument `arg`, as permission bits. Raises if it is out of range. */
mode_t bind_check_mode(lua_State *L, int arg, lua_Integer mode);

/* Returns the text of the string or bosun.secret at `index`, NULL for anything else. Valid while the value
 * is. len may be NULL. [-0, +0, m] */
const char *bind_text_or_secret(lua_State *L, int index, size_t *len);

/* Raises unless `arg` is nil, absent or a table whose keys are all in `known` (NULL-terminated). The message
 * suggests a known option for a mistyped one. */
void bind_check_options(lua_State *L, int arg, const char *const *known);

/* Return the option `name` of the table at `arg`, or `otherwise` if the table or the option is absent or nil.
 * Raise, naming the option, if its type is wrong. */
bool bind_option_bool(lua_State *L, int arg, const char *name, bool otherwise);
lua_Number bind_option_number(lua_State *L, int arg, const char *name, lua_Number otherwise);
lua_Integer bind_option_integer(lua_State *L, int arg, const char *name, lua_Integer otherwise);

/* The same for a string, NULL if absent. Valid as long as the table keeps it. len may be NULL. */
const char *bind_option_string(lua_State *L, int arg, const char *name, size_t *len);

/* The same for a path: raises if it is empty or contains a NUL byte. */
const char *bind_option_path(lua_State *L, int arg, const char *name);

/* Return the option or argument, a number of seconds, in nanoseconds, or `otherwise` if it is absent or nil.
 * kind: "seconds" (0 or more), "limit" (the same, or math.huge), "timeout" (more than 0, or math.huge, which
 * is BOSUN_NO_DEADLINE). Raise on anything else, NaN included, with what is expected. */
int64_t bind_option_seconds(lua_State *L, int arg, const char *name, const char *kind, int64_t otherwise);
int64_t bind_check_seconds(lua_State *L, int arg, const char *kind, int64_t otherwise);

/* Returns the option `mode` as permission bits, 0 if absent. */
mode_t bind_option_mode(lua_State *L, int arg);

/* Pushes the error as a bosun.error. Returns 1. [-0, +1, m] */
int bind_push_error(lua_State *L, const bosun_err *err);

/* Reads what data.error says (code, op, hint, retryable) from the fields of the error table at `index`; what
 * it lacks is left as it is. Runs no code. [-0, +0, m] */
void bind_read_failure(lua_State *L, int index, bosun_err *err);

/* Pushes nil and the error as a bosun.error. Returns 2. [-0, +2, m] */
int bind_push_failure(lua_State *L, const bosun_err *err);

/* Pushes nil and the error "cannot <op> <path>: …" for an errno value. Returns 2. [-0, +2, m] */
int bind_push_errno(lua_State *L, int errnum, const char *op, const char *path);

/* Pushes true if rc is 0, else nil and the error. Returns how many values. [-0, +1|2, m] */
int bind_push_done(lua_State *L, int rc, const bosun_err *err);

/* Pushes the buffer's bytes as a string and frees the buffer. Raises if it ran out of memory. Returns 1.
 * [-0, +1, e] */
int bind_push_text(lua_State *L, bosun_buf *buf);

/* Pushes a tree. Sequences get the array metatable, which keeps empty ones sequences. In a sequence, null is
 * `yaml.null` (the light userdata NULL, which is also cjson.null); in a mapping, its key is left out. Shared
 * nodes are copied. [-0, +1, e] */
void bind_push_value(lua_State *L, const bosun_value *value);

/* Set the field `name` of the table at the top of the stack. [-0, +0, m] */
void bind_set_integer(lua_State *L, const char *name, lua_Integer value);
void bind_set_boolean(lua_State *L, const char *name, bool value);
void bind_set_text(lua_State *L, const char *name, const char *text, size_t len);

/* Pops a value and sets the field `name` of the table below it, unless the table has that field.
 * [-1, +0, m] */
void bind_set_default(lua_State *L, const char *name);

/* Copies the fields of the table at `from` to the table at the top of the stack. [-0, +0, m] */
void bind_copy_fields(lua_State *L, int from);

/* What a table is. */
typedef enum bind_shape {
    BIND_LIST,        /* its keys are 1 to n and nothing else, or it is empty and marked as a list */
    BIND_MAPPING,     /* anything else */
    BIND_BROKEN_LIST, /* it is marked as a list, but its keys are not those of one */
} bind_shape;

/* Returns the shape of the table at `index`, and the length of a list. [-0, +0, -] */
bind_shape bind_table_shape(lua_State *L, int index, lua_Integer *length);

/* Returns the length of the table at `index` where only a list makes sense: its keys are 1 to n and nothing
 * else. -1: it is not a list, and bind_push_list_problem has the reason. [-0, +0, -] */
lua_Integer bind_list_length(lua_State *L, int index);

/* Pushes why the table at `index` is not a list: "item 2 is missing", "it has the key \"name\"".
 * [-0, +1, m] */
const char *bind_push_list_problem(lua_State *L, int index);

/* Make the table at the top of the stack a list even if it is empty, a mapping even if its keys are 1 to n.
 * [-0, +0, m] */
void bind_mark_array(lua_State *L);
void bind_mark_mapping(lua_State *L);

/* Pushes the string at `index` with its NUL bytes made visible (see bosun_buf_append_visible), for texts that
 * C ends at a NUL. [-0, +1, m] */
const char *bind_push_visible(lua_State *L, int index);

/* Converts the list at `index` to an array of its *count strings followed by NULL, kept by a userdata that is
 * pushed. Items that are not strings become "". Raises if it is not a list. Valid as long as the list keeps
 * its strings. [-0, +1, e] */
const char *const *bind_push_string_array(lua_State *L, int index, size_t *count);

/* Converts the value at `index` to a tree in `arena`, with sorted keys. Raises on what plain data cannot hold
 * (functions, cycles, depth over 50, tables as keys), giving the path inside the value, which `name` begins.
 * [-0, +0, e] */
bosun_value *bind_to_value(lua_State *L, int index, const char *name, bosun_arena *arena);

/* Pushes the metatable `name`, made at the first call from `metamethods` and, in __index, `methods` (NULL: no
 * methods). [-0, +1, m] */
void bind_push_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *metamethods);

/* Returns whether the value at `index` has the metatable `name`. [-0, +0, -] */
bool bind_has_class(lua_State *L, int index, const char *name);

/* Pushes an empty buffer in a userdata, for C to fill where Lua may raise. Free it when done; if an error
 * comes first, the collector does. [-0, +1, m] */
bosun_buf *bind_push_buf(lua_State *L);

/* Returns the deadline, the time limits and the cancellation that every wait has to obey. Ask anew for each.
 */
const bosun_wait *bind_wait(lua_State *L);

/* Lets `require` find the modules written in C, without running any of them. [-0, +0, m] */
void bind_preload(lua_State *L);

/* Push a module, as luaopen_* functions do. Return 1. [-0, +1, m] */
int bind_fs_open(lua_State *L);
int bind_path_open(lua_State *L);
int bind_yaml_open(lua_State *L);
int bind_lines_open(lua_State *L);
int bind_list_open(lua_State *L);
int bind_log_open(lua_State *L);
int bind_time_open(lua_State *L);
int bind_crypto_open(lua_State *L);
int bind_regex_open(lua_State *L);
int bind_secret_open(lua_State *L);
int bind_secrets_open(lua_State *L);
int bind_base64_open(lua_State *L);
int bind_cjson_open(lua_State *L);
int bind_console_open(lua_State *L);
int bind_gzip_open(lua_State *L);
int bind_http_open(lua_State *L);
int bind_process_open(lua_State *L);
int bind_effect_open(lua_State *L);
int bind_error_open(lua_State *L);
int bind_options_open(lua_State *L);
int bind_suggest_open(lua_State *L);
int bind_size_open(lua_State *L);
int bind_url_open(lua_State *L);

/* The function that opens lua-cjson, if the library has it inside and `module` is it; NULL: not. */
lua_CFunction bind_cjson_inside(const char *module);

#endif
