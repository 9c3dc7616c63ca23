/* bosun.log: log events from plugins. `log.info(msg, fields)` logs one event; a logger adds its fields to
 * every event: `local log = require("bosun.log").with{deployment = id}; log:info(msg, fields)`. */
#include "bind.h"
#include <stdlib.h>
#include <string.h>

#define LOGGER_METATABLE "bosun.logger"
#define FIELDS_MAX       32

static const char *const levels[] = {"trace", "debug", "info", "warn", "error", NULL};

/* Fills `fields` from a table of at most `max` fields and returns how many. The names, and the values as
 * text, stay on the stack, which keeps them alive. [-0, +n, e] */
static size_t read_fields(lua_State *L, int table, bosun_log_field *fields, size_t max)
{
    size_t count = 0;
    if (lua_isnoneornil(L, table))
        return count;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (count == max)
            luaL_error(L, "a log event has at most %d fields", (int)max);
        luaL_checkstack(L, 4, "too many log fields");
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "expected a string as the name of a log field, got a %s", luaL_typename(L, -2));
        int type = lua_type(L, -1);
        bosun_log_field *field = &fields[count++];
        field->name = bind_push_visible(L, -2); /* [key, value, name] */
        field->bare = type == LUA_TNUMBER || type == LUA_TBOOLEAN;
        field->text = luaL_tolstring(L, -2, &field->len);
        lua_replace(L, -3); /* [key, text, name] */
        lua_pushvalue(L, -3);
        lua_remove(L, -4); /* [text, name, key]: lua_next pops the key */
    }
    return count;
}

/* The order of a Lua table changes from run to run; the order in the log must not. */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const bosun_log_field *)a)->name, ((const bosun_log_field *)b)->name);
}

/* Logs the value at `message` with the fields in the table, or nil, at the next index. */
static int log_event(lua_State *L, bosun_log_level level, int message)
{
    bosun_host *host = host_of(L);
    lua_settop(L, message + 1);
    if (!host_logs(host, level))
        return 0;
    size_t len;
    luaL_tolstring(L, message, &len);
    lua_replace(L, message);
    bosun_log_field fields[FIELDS_MAX];
    size_t count = read_fields(L, message + 1, fields, FIELDS_MAX);
    qsort(fields, count, sizeof fields[0], by_name);
    host_log(host, level, fields, count, lua_tolstring(L, message, &len), len);
    return 0;
}

static void check_fields(lua_State *L, int arg)
{
    if (!lua_isnoneornil(L, arg))
        luaL_checktype(L, arg, LUA_TTABLE);
}

/* log.LEVEL(msg [, fields]). upvalue: the level */
static int log_plain(lua_State *L)
{
    luaL_checkany(L, 1);
    check_fields(L, 2);
    return log_event(L, (bosun_log_level)lua_tointeger(L, lua_upvalueindex(1)), 1);
}

/* Pushes a logger with the fields of the table at `from`, and those of the table at `more` unless that is 0.
 * [-0, +1, m] */
static int push_logger(lua_State *L, int from, int more)
{
    lua_newtable(L);
    bind_copy_fields(L, from);
    if (more)
        bind_copy_fields(L, more);
    luaL_setmetatable(L, LOGGER_METATABLE);
    return 1;
}

/* logger:LEVEL(msg [, fields]). upvalue: the level */
static int logger_log(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    check_fields(L, 3);
    lua_settop(L, 3);
    if (!lua_isnil(L, 3))
        push_logger(L, 1, 3);
    else
        lua_pushvalue(L, 1);
    lua_replace(L, 3);
    return log_event(L, (bosun_log_level)lua_tointeger(L, lua_upvalueindex(1)), 2);
}

/* log.with(fields) -> logger */
static int log_with(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    return push_logger(L, 1, 0);
}

/* logger:with(fields) -> logger with these fields in addition */
static int logger_with(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    return push_logger(L, 1, 2);
}

/* Adds a closure of `function` for each level to the table at the top of the stack. [-0, +0, m] */
static void set_levels(lua_State *L, lua_CFunction function)
{
    for (int i = 0; levels[i]; i++) {
        lua_pushinteger(L, i);
        lua_pushcclosure(L, function, 1);
        lua_setfield(L, -2, levels[i]);
    }
}

int bind_log_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"with", log_with}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"with", logger_with}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{NULL, NULL}};
    bind_push_class(L, LOGGER_METATABLE, methods, metamethods);
    lua_getfield(L, -1, "__index");
    set_levels(L, logger_log);
    lua_pop(L, 2);
    luaL_newlib(L, functions);
    set_levels(L, log_plain);
    return 1;
}
