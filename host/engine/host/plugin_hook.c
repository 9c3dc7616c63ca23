/* The hooks that plugins set (sethook.c). A thread has one hook, and the host's limits and the debugger need
 * it, so a plugin's hook (a profiler's, say) is kept beside it, and called by it. As in Lua, it is a thread's
 * own, and while it runs, no hook does: one that never returns can only be stopped from outside. */
#include "host.h"
#include <lauxlib.h>
#include <string.h>

#define INSTRUCTIONS 1000 /* between two count events of the host */

/* Registry key of the hooks: thread → { function, mask, count, events to skip }. Only the address matters. */
static const char hooks_key = 'h';

bool host_plugin_hook_push(lua_State *L, lua_State *thread)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &hooks_key) != LUA_TTABLE)
        return false;
    lua_pushthread(thread);
    if (thread != L)
        lua_xmove(thread, L, 1);
    bool found = lua_rawget(L, -2) == LUA_TTABLE;
    lua_remove(L, -2);
    return found;
}

int host_plugin_hook_field(lua_State *L, int index)
{
    lua_rawgeti(L, -1, index);
    int value = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

int host_plugin_hook_mask(lua_State *L, int *count)
{
    *count = INSTRUCTIONS;
    if (!host_of(L)->has_plugin_hooks)
        return 0;
    int mask = 0;
    if (host_plugin_hook_push(L, L)) {
        mask = host_plugin_hook_field(L, HOOK_MASK);
        int wanted = host_plugin_hook_field(L, HOOK_COUNT);
        if ((mask & LUA_MASKCOUNT) && wanted < INSTRUCTIONS)
            *count = wanted;
    }
    lua_pop(L, 1);
    return mask;
}

/* Whether a count event is one of the plugin's: its own count can be longer than the host's. The entry is at
 * the top of the stack. */
static bool is_due(lua_State *L)
{
    int count = host_plugin_hook_field(L, HOOK_COUNT);
    int skipped = host_plugin_hook_field(L, HOOK_SKIPPED) + INSTRUCTIONS;
    bool due = count <= INSTRUCTIONS || skipped >= count;
    lua_pushinteger(L, due ? 0 : skipped);
    lua_rawseti(L, -2, HOOK_SKIPPED);
    return due;
}

void host_plugin_hook_run(lua_State *L, lua_Debug *activation)
{
    static const char *const names[] = {"call", "return", "line", "count", "tail call"};
    static const int masks[] = {LUA_MASKCALL, LUA_MASKRET, LUA_MASKLINE, LUA_MASKCOUNT, LUA_MASKCALL};
    if (!host_of(L)->has_plugin_hooks)
        return;
    int event = activation->event;
    if (!host_plugin_hook_push(L, L) || !(host_plugin_hook_field(L, HOOK_MASK) & masks[event]) ||
        (event == LUA_HOOKCOUNT && !is_due(L))) {
        lua_pop(L, 1);
        return;
    }
    int line = activation->currentline;
    lua_rawgeti(L, -1, HOOK_FUNCTION);
    lua_remove(L, -2);
    lua_pushstring(L, names[event]);
    if (event == LUA_HOOKLINE)
        lua_pushinteger(L, line);
    else
        lua_pushnil(L);
    lua_call(L, 2, 0);
}

void host_plugin_hook_set(lua_State *L, lua_State *thread)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &hooks_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_createtable(L, 0, 1);
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        lua_setmetatable(L, -2);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &hooks_key);
    }
    lua_insert(L, -2);
    lua_pushthread(thread);
    if (thread != L)
        lua_xmove(thread, L, 1);
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}
