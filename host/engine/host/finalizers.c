/* Finalizers (__gc) under the limits. Lua runs them with all hooks off, so an endless one could not be
 * stopped, not even while the host is freed. Here setmetatable replaces a finalizer that is written in Lua by
 * one that runs it in a coroutine, where hooks work. */
#include "host.h"
#include <lauxlib.h>

static const char coroutine_key = 'c'; /* registry key of an idle coroutine: only the address matters */

/* Pushes the idle coroutine, or a new one, and arms its hook. [-0, +1, m] */
static lua_State *push_coroutine(lua_State *L)
{
    lua_State *coroutine;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &coroutine_key) == LUA_TTHREAD) {
        coroutine = lua_tothread(L, -1);
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &coroutine_key);
    } else {
        lua_pop(L, 1);
        coroutine = lua_newthread(L);
    }
    host_limits_arm(coroutine);
    return coroutine;
}

static bool is_skipped(bosun_host *host)
{
    char why[128];
    return host->phase == BOSUN_PHASE_CLOSE &&
           (host->skip_finalizers || host_limits_stopped(&host->limits, why, sizeof why));
}

/* A finalizer. upvalue: the plugin's own. An error becomes a warning in the log. */
static int finalize(lua_State *L)
{
    if (is_skipped(host_of(L)))
        return 0;
    lua_settop(L, 1);
    lua_State *coroutine = push_coroutine(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_xmove(L, coroutine, 2);
    int results;
    int status = lua_resume(coroutine, L, 1, &results);
    if (status == LUA_YIELD)
        return luaL_error(L, "a finalizer cannot yield");
    if (status != LUA_OK) {
        lua_xmove(coroutine, L, 1);
        return lua_error(L);
    }
    lua_settop(coroutine, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &coroutine_key); /* only one that has ended well can run again */
    return 0;
}

/* Wraps the finalizer of the metatable at `index`, if it has one in Lua. [-0, +0, m] */
static void wrap_finalizer(lua_State *L, int index)
{
    lua_pushliteral(L, "__gc");
    int type = lua_rawget(L, index);
    if ((type == LUA_TFUNCTION && !lua_iscfunction(L, -1)) || type == LUA_TTABLE) {
        lua_pushcclosure(L, finalize, 1);
        lua_pushliteral(L, "__gc");
        lua_insert(L, -2);
        lua_rawset(L, index);
    } else {
        lua_pop(L, 1);
    }
}

/* setmetatable(table, metatable) -> table */
static int set_metatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2);
    if (type == LUA_TTABLE)
        wrap_finalizer(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* debug.setmetatable(value, metatable) -> value */
static int debug_set_metatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    lua_settop(L, 2);
    if (type == LUA_TTABLE)
        wrap_finalizer(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

void host_open_finalizers(lua_State *L)
{
    lua_pushcfunction(L, set_metatable);
    lua_setglobal(L, "setmetatable");
    lua_getglobal(L, "debug");
    lua_pushcfunction(L, debug_set_metatable);
    lua_setfield(L, -2, "setmetatable");
    lua_pop(L, 1);
}
