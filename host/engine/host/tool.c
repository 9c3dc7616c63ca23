/* Commands of the program bosun in Lua. */
#include "tool.h"
#include "engine/bind/bind.h"
#include "host.h"
#include <lauxlib.h>
#include <string.h>

/* Pushes the table for the command. [-0, +1, m] */
static void push_arguments(lua_State *L, const host_tool_call *call)
{
    lua_newtable(L);
    for (lua_Integer i = 0; call->words && call->words[i]; i++) {
        lua_pushstring(L, call->words[i]);
        lua_rawseti(L, -2, i + 1);
    }
    for (const char *const *field = call->fields; field && *field; field += 2) {
        lua_pushstring(L, field[1]); /* nil when NULL */
        lua_setfield(L, -2, field[0]);
    }
}

/* Appends the text at `index`, without what is secret. [-0, +0, e] */
static void take_text(lua_State *L, int index, bosun_buf *out)
{
    size_t len;
    const char *text = luaL_optlstring(L, index, "", &len);
    bosun_redact(out, &host_of(L)->secrets, text, len);
    if (out->failed)
        luaL_error(L, "out of memory");
}

/* The same for what is no text, and has no secrets. */
static void take_bytes(lua_State *L, int index, bosun_buf *out)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, index, &len);
    bosun_buf_append(out, bytes, len);
    if (out->failed)
        luaL_error(L, "out of memory");
}

static int run(lua_State *L)
{
    host_tool_call *call = lua_touserdata(L, 1);
    host_push_library(L, call->module, "run");
    push_arguments(L, call);
    lua_call(L, 1, 4);
    call->status = (int)luaL_checkinteger(L, -4);
    if (lua_toboolean(L, -1))
        take_bytes(L, lua_gettop(L) - 2, &call->out);
    else
        take_text(L, lua_gettop(L) - 2, &call->out);
    take_text(L, lua_gettop(L) - 1, &call->message);
    return 0;
}

int host_run_tool(bosun_host *host, host_tool_call *call, bosun_err *err)
{
    static const char what[] = "running the command";
    host_enter(host);
    int rc = host_begin(host, what, err);
    if (rc == 0)
        rc = host_call(host, run, call, what, err);
    host_end(host);
    host_leave(host);
    return rc;
}
