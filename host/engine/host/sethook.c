/* debug.sethook and debug.gethook, for plugins. */
#include "host.h"
#include <lauxlib.h>
#include <string.h>

static lua_State *thread_argument(lua_State *L, int *first)
{
    *first = lua_isthread(L, 1) ? 1 : 0;
    return *first ? lua_tothread(L, 1) : L;
}

static int read_mask(const char *text, int count)
{
    return (strchr(text, 'c') ? LUA_MASKCALL : 0) | (strchr(text, 'r') ? LUA_MASKRET : 0) |
           (strchr(text, 'l') ? LUA_MASKLINE : 0) | (count > 0 ? LUA_MASKCOUNT : 0);
}

/* debug.sethook([thread,] hook, mask [, count]), debug.sethook([thread]) */
static int sethook(lua_State *L)
{
    int first;
    lua_State *thread = thread_argument(L, &first);
    if (lua_isnoneornil(L, first + 1)) {
        lua_pushnil(L);
        host_plugin_hook_set(L, thread);
        host_limits_arm(thread);
        return 0;
    }
    const char *text = luaL_checkstring(L, first + 2);
    luaL_checktype(L, first + 1, LUA_TFUNCTION);
    int count = (int)luaL_optinteger(L, first + 3, 0);
    int mask = read_mask(text, count);
    lua_createtable(L, HOOK_SKIPPED, 0);
    lua_pushvalue(L, first + 1);
    lua_rawseti(L, -2, HOOK_FUNCTION);
    lua_pushinteger(L, mask);
    lua_rawseti(L, -2, HOOK_MASK);
    lua_pushinteger(L, count);
    lua_rawseti(L, -2, HOOK_COUNT);
    host_plugin_hook_set(L, thread);
    host_of(L)->has_plugin_hooks = true;
    host_limits_arm(thread);
    return 0;
}

/* debug.gethook([thread]) -> hook, mask, count: those that sethook was given */
static int gethook(lua_State *L)
{
    int first;
    lua_State *thread = thread_argument(L, &first);
    if (!host_plugin_hook_push(L, thread))
        return 1; /* nil */
    int mask = host_plugin_hook_field(L, HOOK_MASK);
    int count = host_plugin_hook_field(L, HOOK_COUNT);
    lua_rawgeti(L, -1, HOOK_FUNCTION);
    lua_pushfstring(L, "%s%s%s", mask & LUA_MASKCALL ? "c" : "", mask & LUA_MASKRET ? "r" : "",
                    mask & LUA_MASKLINE ? "l" : "");
    lua_pushinteger(L, count);
    return 3;
}

void host_open_plugin_hooks(lua_State *L)
{
    lua_getglobal(L, "debug");
    lua_pushcfunction(L, sethook);
    lua_setfield(L, -2, "sethook");
    lua_pushcfunction(L, gethook);
    lua_setfield(L, -2, "gethook");
    lua_pop(L, 1);
}
