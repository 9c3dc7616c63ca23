/* debug.sethook and debug.gethook. A thread has one hook, and the host's limits and the debugger need it, so
 * a plugin's hook (a profiler's, say) is kept beside it, and called by it. As in Lua, it is a thread's own,
 * and while it runs, no hook does: one that never returns can only be stopped from outside. */
#include "host.h"
#include <lauxlib.h>
#include <string.h>

#define INSTRUCTIONS 1000 /* between two count events of the host */

/* Registry key of the hooks: thread → { function, mask, count, events to skip }. Only the address matters. */
static const char hooks_key = 'h';

enum { FUNCTION = 1, MASK, COUNT, SKIPPED };

/* Pushes what the thread has, or nil. Returns whether it has a hook. [-0, +1, m] */
static bool push_entry(lua_State *L, lua_State *thread)
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

static int field(lua_State *L, int index)
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
    if (push_entry(L, L)) {
        mask = field(L, MASK);
        int wanted = field(L, COUNT);
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
    int count = field(L, COUNT);
    int skipped = field(L, SKIPPED) + INSTRUCTIONS;
    bool due = count <= INSTRUCTIONS || skipped >= count;
    lua_pushinteger(L, due ? 0 : skipped);
    lua_rawseti(L, -2, SKIPPED);
    return due;
}

void host_plugin_hook_run(lua_State *L, lua_Debug *activation)
{
    static const char *const names[] = {"call", "return", "line", "count", "tail call"};
    static const int masks[] = {LUA_MASKCALL, LUA_MASKRET, LUA_MASKLINE, LUA_MASKCOUNT, LUA_MASKCALL};
    if (!host_of(L)->has_plugin_hooks)
        return;
    int event = activation->event;
    if (!push_entry(L, L) || !(field(L, MASK) & masks[event]) || (event == LUA_HOOKCOUNT && !is_due(L))) {
        lua_pop(L, 1);
        return;
    }
    int line = activation->currentline;
    lua_rawgeti(L, -1, FUNCTION);
    lua_remove(L, -2);
    lua_pushstring(L, names[event]);
    if (event == LUA_HOOKLINE)
        lua_pushinteger(L, line);
    else
        lua_pushnil(L);
    lua_call(L, 2, 0);
}

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

/* Keeps the value at the top of the stack as the hook of a thread. [-1, +0, m] */
static void set_entry(lua_State *L, lua_State *thread)
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

/* debug.sethook([thread,] hook, mask [, count]), debug.sethook([thread]) */
static int sethook(lua_State *L)
{
    int first;
    lua_State *thread = thread_argument(L, &first);
    if (lua_isnoneornil(L, first + 1)) {
        lua_pushnil(L);
        set_entry(L, thread);
        host_limits_arm(thread);
        return 0;
    }
    const char *text = luaL_checkstring(L, first + 2);
    luaL_checktype(L, first + 1, LUA_TFUNCTION);
    int count = (int)luaL_optinteger(L, first + 3, 0);
    int mask = read_mask(text, count);
    lua_createtable(L, SKIPPED, 0);
    lua_pushvalue(L, first + 1);
    lua_rawseti(L, -2, FUNCTION);
    lua_pushinteger(L, mask);
    lua_rawseti(L, -2, MASK);
    lua_pushinteger(L, count);
    lua_rawseti(L, -2, COUNT);
    set_entry(L, thread);
    host_of(L)->has_plugin_hooks = true;
    host_limits_arm(thread);
    return 0;
}

/* debug.gethook([thread]) -> hook, mask, count: those that sethook was given */
static int gethook(lua_State *L)
{
    int first;
    lua_State *thread = thread_argument(L, &first);
    if (!push_entry(L, thread))
        return 1; /* nil */
    int mask = field(L, MASK);
    int count = field(L, COUNT);
    lua_rawgeti(L, -1, FUNCTION);
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
