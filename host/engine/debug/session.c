/* A debugger in a host: the thread in which its Lua code runs, and events. */
#include "internal.h"
#include <lauxlib.h>
#include <string.h>

#define METATABLE "bosun.debugger"

/* Registry keys: only their addresses matter. */
static const char debugger_key = 'd';
static const char callback_key = 'c';
static const char face_key = 'f';
static const char threads_key = 't';

debugger *debug_of(lua_State *L)
{
    return (debugger *)host_of(L)->watcher;
}

void debug_push_threads(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &threads_key);
}

int debug_depth(lua_State *L)
{
    lua_Debug frame;
    int low = 0;
    int high = 1;
    while (lua_getstack(L, high - 1, &frame)) {
        low = high;
        high *= 2;
    }
    while (low < high - 1) {
        int middle = low + (high - low) / 2;
        if (lua_getstack(L, middle - 1, &frame))
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The hook of a person's code, in the debugger's thread, and of the coroutines that it makes. */
static void check_face(lua_State *L, lua_Debug *activation)
{
    (void)activation;
    host_limits_check(L);
}

void debug_guard(lua_State *L, bool on)
{
    lua_sethook(L, on ? check_face : NULL, on ? LUA_MASKCOUNT : 0, on ? 1000 : 0);
}

/* [-0, +0, m] */
static void make_face(debugger *d, lua_State *L)
{
    d->face = lua_newthread(L);
    debug_guard(d->face, false);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &face_key);
}

static void log_failure(debugger *d, lua_State *face)
{
    char why[128];
    if (host_limits_stopped(&d->host->limits, why, sizeof why))
        return; /* the action ends, and the debugger with it */
    const char *text = lua_type(face, -1) == LUA_TSTRING ? lua_tostring(face, -1) : "no message";
    bosun_buf message = {0};
    bosun_buf_printf(&message, "the debugger failed: %s", text);
    host_log(d->host, BOSUN_LOG_WARN, NULL, 0, bosun_buf_text(&message), message.len);
    bosun_buf_free(&message);
}

/* The action was cancelled: no thread runs another instruction, whatever catches the error. */
static void stop_threads(lua_State *L)
{
    debug_push_threads(L);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_State *thread = lua_tothread(L, -2);
        if (thread)
            host_limits_tighten(thread);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void debug_event(debugger *d, lua_State *L, const char *kind, int count)
{
    if (d->busy || host_limits_cancelled(&d->host->limits)) {
        lua_pop(L, count);
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &callback_key);
    lua_pushstring(L, kind);
    lua_pushthread(L);
    lua_rotate(L, -3 - count, 3);
    lua_settop(d->face, 0);
    lua_xmove(L, d->face, count + 3);
    d->busy = true;
    int results;
    int status = lua_resume(d->face, NULL, count + 2, &results);
    d->busy = false;
    if (status != LUA_OK) {
        host_stand_still(d->host, false);
        log_failure(d, d->face);
        make_face(d, L);
    } else {
        lua_settop(d->face, 0);
    }
    if (host_limits_cancelled(&d->host->limits))
        stop_threads(L);
}

static int collect(lua_State *L)
{
    debugger *d = lua_touserdata(L, 1);
    if (d->host->watcher == &d->watcher)
        d->host->watcher = NULL;
    debug_sources_free(d);
    return 0;
}

debugger *debug_make(lua_State *L)
{
    debugger *d = lua_newuserdatauv(L, sizeof *d, 0);
    *d = (debugger){.host = host_of(L), .input = -1};
    if (luaL_newmetatable(L, METATABLE)) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &debugger_key);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &threads_key);
    make_face(d, L);
    return d;
}

debugger *debug_made(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &debugger_key);
    debugger *d = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return d;
}

void debug_set_callback(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &callback_key);
}
