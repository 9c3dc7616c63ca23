/* The modules written in C. A new module is a file, its bind_…_open in bind.h, and a line here. If the host
 * logs the trace, the functions of a module are wrapped here, which keeps tracing out of the bindings. */
#include "bind.h"
#include "engine/debug/debug.h"
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const luaL_Reg modules[] = {
    {"base64", bind_base64_open},
    {"crypto", bind_crypto_open},
    {"effect", bind_effect_open},
    {"error", bind_error_open},
    {"fs", bind_fs_open},
    {"lines", bind_lines_open},
    {"log", bind_log_open},
    {"native.cjson", bind_cjson_open},
    {"native.console", bind_console_open},
    {"native.debugger", host_debug_open},
    {"native.gzip", bind_gzip_open},
    {"native.http", bind_http_open},
    {"native.list", bind_list_open},
    {"native.secrets", bind_secrets_open},
    {"options", bind_options_open},
    {"path", bind_path_open},
    {"process", bind_process_open},
    {"regex", bind_regex_open},
    {"secret", bind_secret_open},
    {"size", bind_size_open},
    {"suggest", bind_suggest_open},
    {"time", bind_time_open},
    {"url", bind_url_open},
    {"yaml", bind_yaml_open},
    {NULL, NULL},
};
/* clang-format on */

#define SHOWN_BYTES 120 /* a longer string is content: only its size is shown */

static void add_string(lua_State *L, luaL_Buffer *text, int index)
{
    size_t len;
    const char *bytes = lua_tolstring(L, index, &len);
    if (len > SHOWN_BYTES || memchr(bytes, '\n', len)) {
        char size[64];
        snprintf(size, sizeof size, "(%zu bytes)", len);
        luaL_addstring(text, size);
        return;
    }
    luaL_addchar(text, '"');
    luaL_addlstring(text, bytes, len);
    luaL_addchar(text, '"');
}

static void add_argument(lua_State *L, luaL_Buffer *text, int index)
{
    char number[64];
    switch (lua_type(L, index)) {
    case LUA_TSTRING: add_string(L, text, index); break;
    case LUA_TNUMBER:
        snprintf(number, sizeof number, "%.14g", lua_tonumber(L, index));
        luaL_addstring(text, number);
        break;
    case LUA_TBOOLEAN: luaL_addstring(text, lua_toboolean(L, index) ? "true" : "false"); break;
    default: luaL_addstring(text, luaL_typename(L, index)); break;
    }
}

/* Pushes arguments 1 to n as text. [-0, +1, m] */
static void push_arguments(lua_State *L, int n)
{
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addstring(&text, ", ");
        add_argument(L, &text, i);
    }
    luaL_pushresult(&text);
}

/* Pushes "ok" and nil, or message and code of the error if the results, which start at index `first`, are nil
 * and an error. [-0, +2, m] */
static void push_outcome(lua_State *L, int first)
{
    if (lua_gettop(L) == first + 1 && lua_isnil(L, first) && lua_istable(L, first + 1)) {
        lua_getfield(L, first + 1, "message");
        lua_getfield(L, first + 1, "code");
        if (lua_isstring(L, -2))
            return;
        lua_pop(L, 2);
    }
    lua_pushliteral(L, "ok");
    lua_pushnil(L);
}

/* Calls the function in upvalue 1, named "module.function" in upvalue 2, and logs the call. */
static int call_traced(lua_State *L)
{
    int n = lua_gettop(L);
    push_arguments(L, n);
    lua_insert(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 2);
    int64_t start = bosun_monotonic();
    lua_call(L, n, LUA_MULTRET);
    int results = lua_gettop(L) - 1;
    host_span span = {.op = lua_tostring(L, lua_upvalueindex(2)), .start = start};
    span.args = lua_tolstring(L, 1, &span.args_len);
    push_outcome(L, 2);
    span.outcome = lua_tolstring(L, -2, &span.outcome_len);
    span.error = lua_tostring(L, -1);
    host_trace(host_of(L), &span);
    lua_settop(L, results + 1);
    return results;
}

/* Wraps every function of the module at the top of the stack in call_traced. [-0, +0, m] */
static void wrap_functions(lua_State *L, const char *module)
{
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_isfunction(L, -1)) {
            lua_pushfstring(L, "%s.%s", module, lua_tostring(L, -2));
            lua_pushcclosure(L, call_traced, 2);
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, table); /* lua_next allows this: the field exists */
        } else {
            lua_pop(L, 1);
        }
    }
}

/* The trace shows how a plugin affects and queries the world outside, not how it computes. */
static bool is_traced(const char *module)
{
    return strcmp(module, "fs") == 0; /* http and process write their own events, with more detail */
}

/* The loader in package.preload. upvalue: index in `modules` */
static int open_module(lua_State *L)
{
    const luaL_Reg *module = &modules[lua_tointeger(L, lua_upvalueindex(1))];
    lua_pushcfunction(L, module->func);
    lua_call(L, 0, 1);
    if (host_traces(host_of(L)) && is_traced(module->name))
        wrap_functions(L, module->name);
    return 1;
}

void bind_preload(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (int i = 0; modules[i].name; i++) {
        lua_pushfstring(L, "bosun.%s", modules[i].name);
        lua_pushinteger(L, i);
        lua_pushcclosure(L, open_module, 1);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
}
