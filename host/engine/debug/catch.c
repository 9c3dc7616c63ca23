/* Break on errors, with the frames that raised them still there. An error that nobody catches comes by way of
 * the host's message handler. For those that are caught, pcall and xpcall get a message handler of their own
 * here, and coroutine.resume and coroutine.wrap look at the coroutine that has failed, whose stack stays. */
#include "internal.h"
#include <lauxlib.h>

/* [-0, +0, m] */
void debug_raised(lua_State *L, lua_State *thread, int index, bool caught)
{
    debugger *d = debug_of(L);
    if (!d || d->busy || d->catch == CATCH_OFF || (caught && d->catch != CATCH_ALL))
        return;
    index = lua_absindex(L, index);
    lua_pushvalue(L, index);
    lua_pushboolean(L, caught);
    if (thread == L)
        lua_pushnil(L);
    else {
        lua_pushthread(thread);
        lua_xmove(thread, L, 1);
    }
    debug_event(d, L, "raised", 3);
    if (d->stale)
        debug_refresh(d, L);
}

void debug_uncaught(lua_State *L)
{
    debug_raised(L, L, 1, false);
}

/* The message handler of a pcall. */
static int on_caught(lua_State *L)
{
    debug_raised(L, L, 1, true);
    lua_settop(L, 1);
    return 1;
}

/* The message handler of an xpcall. upvalue: the caller's */
static int on_caught_by(lua_State *L)
{
    debug_raised(L, L, 1, true);
    lua_settop(L, 1);
    if (host_limits_cancelled(&host_of(L)->limits))
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* Does the library call? What it catches is its own business. */
static bool is_called_by_library(lua_State *L)
{
    lua_Debug caller;
    if (!lua_getstack(L, 1, &caller))
        return false;
    lua_getinfo(L, "S", &caller);
    return debug_source_is_library(caller.source);
}

/* [handler, true, results] or [handler, …, error value] -> what pcall returns */
static int finish(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - 1;
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* [function, arguments], and the handler in the place before them */
static int protected_call(lua_State *L)
{
    lua_pushboolean(L, 1);
    lua_insert(L, 2); /* [handler, true, function, arguments] */
    return finish(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, 0, finish), 0);
}

/* pcall(f, …). upvalue: Lua's own */
static int catching_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    debugger *d = debug_of(L);
    bool watched = d && !d->busy && !is_called_by_library(L);
    lua_pushcfunction(L, on_caught);
    lua_insert(L, 1);
    if (watched)
        return protected_call(L);
    lua_pushboolean(L, 1);
    lua_insert(L, 2);
    return finish(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 0, 0, finish), 0);
}

/* xpcall(f, handler, …) */
static int catching_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (lua_tocfunction(L, 2) != host_record_stack && !is_called_by_library(L)) {
        lua_pushvalue(L, 2);
        lua_pushcclosure(L, on_caught_by, 1);
        lua_replace(L, 2);
    }
    lua_pushvalue(L, 2);
    lua_remove(L, 2);
    lua_insert(L, 1); /* [handler, f, …] */
    return protected_call(L);
}

static bool has_failed(lua_State *thread)
{
    int status = lua_status(thread);
    return status != LUA_OK && status != LUA_YIELD;
}

/* coroutine.resume(co, …). upvalue: Lua's own */
static int catching_resume(lua_State *L)
{
    lua_State *thread = lua_tothread(L, 1);
    bool failed_before = thread && has_failed(thread);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_pushvalue(L, 2);
    lua_insert(L, 1); /* the coroutine stays on the stack */
    lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
    if (thread && !failed_before && has_failed(thread) && lua_gettop(L) >= 3)
        debug_raised(L, thread, 3, true);
    return lua_gettop(L) - 1;
}

/* Raises what a coroutine has raised, as coroutine.wrap does: closed, and with the place of the caller. */
static int raise_again(lua_State *L, lua_State *thread)
{
    if (has_failed(thread)) {
        lua_pushvalue(thread, -1); /* lua_resetthread needs it at the top */
        lua_xmove(thread, L, 1);
        debug_raised(L, thread, -1, true);
        lua_pop(L, 1);
        lua_resetthread(thread);
    }
    lua_xmove(thread, L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* What coroutine.wrap returns. upvalue: the coroutine */
static int resume_wrapped(lua_State *L)
{
    lua_State *thread = lua_tothread(L, lua_upvalueindex(1));
    int count = lua_gettop(L);
    if (!lua_checkstack(thread, count))
        return luaL_error(L, "too many arguments to resume");
    bool dead = lua_status(thread) == LUA_OK && lua_gettop(thread) == 0;
    if (dead)
        return luaL_error(L, "cannot resume dead coroutine");
    lua_xmove(L, thread, count);
    int results;
    int status = lua_resume(thread, L, count, &results);
    if (status != LUA_OK && status != LUA_YIELD)
        return raise_again(L, thread);
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(thread, results);
        return luaL_error(L, "too many results to resume");
    }
    lua_xmove(thread, L, results);
    return results;
}

/* coroutine.wrap(f) */
static int catching_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *thread = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    lua_pushcclosure(L, resume_wrapped, 1);
    return 1;
}

void debug_catch_install(lua_State *L)
{
    lua_pushcfunction(L, catching_pcall);
    lua_setglobal(L, "pcall");
    lua_pushcfunction(L, catching_xpcall);
    lua_setglobal(L, "xpcall");
    lua_getglobal(L, "coroutine");
    lua_getfield(L, -1, "resume");
    lua_pushcclosure(L, catching_resume, 1);
    lua_setfield(L, -2, "resume");
    lua_pushcfunction(L, catching_wrap);
    lua_setfield(L, -2, "wrap");
    lua_pop(L, 1);
}
