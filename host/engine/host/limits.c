/* Stopping Lua code from inside: a count hook looks at the cancel flag and the deadline. Once one of them
 * says stop, it raises at every call, return, line and instruction, so that no pcall in a loop can swallow
 * it. What no hook reaches (string.find, __gc) only another process can stop: see cli/supervisor.c. */
#include "host.h"
#include <lauxlib.h>
#include <stdio.h>

#define INSTRUCTIONS_BETWEEN_LOOKS 1000

bool host_limits_stopped(const bosun_host *host, char *text, size_t size)
{
    if (host->deadline != BOSUN_NO_DEADLINE && bosun_monotonic() >= host->deadline) {
        snprintf(text, size, "timed out after %g s", host->options.timeout);
        return true;
    }
    if (!atomic_load(&host->cancelled))
        return false;
    const char *reason = atomic_load(&host->cancel_reason);
    snprintf(text, size, "%s", reason ? reason : "cancelled");
    return true;
}

static void look(lua_State *L, lua_Debug *activation)
{
    (void)activation;
    char text[128];
    if (!host_limits_stopped(host_of(L), text, sizeof text))
        return;
    lua_sethook(L, look, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
    luaL_error(L, "%s", text);
}

void host_limits_arm(lua_State *L)
{
    lua_sethook(L, look, LUA_MASKCOUNT, INSTRUCTIONS_BETWEEN_LOOKS);
}

void host_limits_disarm(lua_State *L)
{
    lua_sethook(L, NULL, 0, 0);
}
