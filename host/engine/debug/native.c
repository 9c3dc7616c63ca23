/* bosun.native.debugger: what the debugger's Lua code tells its engine. */
#include "debug.h"
#include "engine/bind/bind.h"
#include "internal.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static debugger *check_debugger(lua_State *L)
{
    debugger *d = debug_of(L);
    if (!d)
        luaL_error(L, "the debugger is not on");
    return d;
}

/* start(on_event): on_event(kind, thread, …) is called for each event, while everything else stands still:
 *     "source", thread, name                       a chunk of code runs for the first time
 *     "line", thread, source, line, hit, why       hit: a breakpoint is there; why: "step", "pause" or nil
 *     "raised", thread, value, caught, coroutine   coroutine: which raised it, if it is not `thread`
 *     "input", thread                              the input can be read */
static int debugger_start(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    debug_install(L);
    return 0;
}

/* stop() */
static int debugger_stop(lua_State *L)
{
    debug_remove(L);
    return 0;
}

static int by_line(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* set_lines(source, lines): the lines with breakpoints */
static int debugger_set_lines(lua_State *L)
{
    debugger *d = check_debugger(L);
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    int *from = lua_newuserdatauv(L, (count + 1) * sizeof *from, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        from[i] = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    debug_source *source = debug_source_find(d, name);
    int *lines = source ? malloc((count + 1) * sizeof *lines) : NULL;
    if (!lines)
        return luaL_error(L, "out of memory for breakpoints");
    memcpy(lines, from, count * sizeof *lines);
    qsort(lines, count, sizeof *lines, by_line);
    debug_source_set(d, source, lines, count);
    return 0;
}

static const char step_thread_key; /* of the registry: only the address matters */

/* step(kind, thread, depth): "in"; "over" or "out", which end in `thread` at most `depth` levels deep; nil */
static int debugger_step(lua_State *L)
{
    static const char *const names[] = {"none", "in", "over", "out", NULL};
    debugger *d = check_debugger(L);
    debug_step step = (debug_step)luaL_checkoption(L, 1, "none", names);
    int depth = (int)luaL_optinteger(L, 3, 0);
    luaL_argcheck(L, step < STEP_OVER || lua_isthread(L, 2), 2, "expected a thread");
    lua_settop(L, 4);
    lua_pushvalue(L, 2); /* the hook looks at the thread, so it must not be collected */
    lua_rawsetp(L, LUA_REGISTRYINDEX, &step_thread_key);
    d->step = step;
    d->step_thread = step >= STEP_OVER ? lua_tothread(L, 2) : NULL;
    d->step_depth = depth;
    d->step_library = lua_toboolean(L, 4);
    d->stale = true;
    return 0;
}

/* pause(on): stop at the next line, whatever runs */
static int debugger_pause(lua_State *L)
{
    debugger *d = check_debugger(L);
    d->pausing = lua_toboolean(L, 1);
    d->stale = true;
    if (!d->busy)
        debug_refresh(d, L);
    return 0;
}

/* catch("off" | "uncaught" | "all") */
static int debugger_catch(lua_State *L)
{
    static const char *const names[] = {"off", "uncaught", "all", NULL};
    check_debugger(L)->catch = (debug_catch)luaL_checkoption(L, 1, NULL, names);
    return 0;
}

/* guard(on): what follows can be stopped */
static int debugger_guard(lua_State *L)
{
    debug_guard(L, lua_toboolean(L, 1));
    return 0;
}

/* watch(thread): gives a coroutine that was there before the debugger its hook */
static int debugger_watch(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    debug_watch(check_debugger(L), L, lua_tothread(L, 1));
    return 0;
}

/* stopped(on): a person thinks; time stands still */
static int debugger_stopped(lua_State *L)
{
    host_stand_still(host_of(L), lua_toboolean(L, 1));
    return 0;
}

/* cancel(): ends the action, before another line of it runs */
static int debugger_cancel(lua_State *L)
{
    host_limits_cancel(&host_of(L)->limits, BOSUN_STOP_CANCELLED, DEBUG_CANCELLED);
    return 0;
}

/* input(channel | nil): what to look at while code runs */
static int debugger_input(lua_State *L)
{
    debugger *d = check_debugger(L);
    d->input = debug_channel_fd(L, 1);
    return 0;
}

/* threads() -> {thread → number}, those that have run, and the main one */
static int debugger_threads(lua_State *L)
{
    check_debugger(L);
    lua_newtable(L);
    debug_push_threads(L);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_isthread(L, -2)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, 1);
        } else {
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return 1;
}

/* depth(thread) -> how many functions are active */
static int debugger_depth(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_pushinteger(L, debug_depth(lua_tothread(L, 1)));
    return 1;
}

/* is_on() -> whether there is a debugger */
static int debugger_is_on(lua_State *L)
{
    lua_pushboolean(L, debug_of(L) != NULL);
    return 1;
}

/* has_prompt() -> whether there is a terminal */
static int debugger_has_prompt(lua_State *L)
{
    const bosun_host *host = host_of(L);
    lua_pushboolean(L, host->on_prompt && host->on_prompt(host->prompt_data, NULL, 0));
    return 1;
}

/* prompt(env): reads lines until one lets the action go on */
static int debugger_prompt(lua_State *L)
{
    bosun_host *host = host_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkstack(L, 20, NULL);
    if (!host->on_prompt)
        return 0;
    host_leave(host);
    host->on_prompt(host->prompt_data, L, 1);
    host_enter(host);
    return 0;
}

/* source(name) -> the text of an embedded file | nil */
static int debugger_source(lua_State *L)
{
    size_t len = 0;
    const bosun_host *host = host_of(L);
    const char *text = host->source_text ? host->source_text(luaL_checkstring(L, 1), &len) : NULL;
    if (!text)
        return 0;
    lua_pushlstring(L, text, len);
    return 1;
}

/* in_action() -> whether the action's method runs, or what it calls */
static int debugger_in_action(lua_State *L)
{
    lua_pushboolean(L, host_of(L)->phase == BOSUN_PHASE_ACTION);
    return 1;
}

/* real_path(path) -> absolute, without links | nil: there is no such file */
static int debugger_real_path(lua_State *L)
{
    char real[PATH_MAX];
    if (!realpath(luaL_checkstring(L, 1), real))
        return 0;
    lua_pushstring(L, real);
    return 1;
}

/* func(thread, level) -> the function that is active there; debug.getinfo would make a table */
static int debugger_func(lua_State *L)
{
    lua_Debug frame;
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_State *thread = lua_tothread(L, 1);
    if (!lua_getstack(thread, (int)luaL_checkinteger(L, 2), &frame))
        return 0;
    lua_getinfo(thread, "f", &frame);
    if (thread != L)
        lua_xmove(thread, L, 1);
    return 1;
}

/* embedded(name) -> the chunk of an embedded file | nil */
static int debugger_embedded(lua_State *L)
{
    const bosun_embedded *file = host_embedded_find(luaL_checkstring(L, 1));
    if (!file)
        return 0;
    host_embedded_load(L, file);
    return 1;
}

int host_debug_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"start", debugger_start},
        {"stop", debugger_stop},
        {"set_lines", debugger_set_lines},
        {"step", debugger_step},
        {"pause", debugger_pause},
        {"catch", debugger_catch},
        {"stopped", debugger_stopped},
        {"cancel", debugger_cancel},
        {"watch", debugger_watch},
        {"guard", debugger_guard},
        {"input", debugger_input},
        {"threads", debugger_threads},
        {"depth", debugger_depth},
        {"embedded", debugger_embedded},
        {"func", debugger_func},
        {"is_on", debugger_is_on},
        {"has_prompt", debugger_has_prompt},
        {"prompt", debugger_prompt},
        {"source", debugger_source},
        {"in_action", debugger_in_action},
        {"real_path", debugger_real_path},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    debug_channel_open(L);
    debug_child_open(L);
    return 1;
}

typedef struct start_call {
    const host_debug_options *options;
    bosun_err *err;
    bool failed;
} start_call;

static int start(lua_State *L)
{
    start_call *call = lua_touserdata(L, 1);
    const host_debug_options *options = call->options;
    host_push_library(L, options->face, "start");
    lua_createtable(L, 0, 3);
    lua_pushstring(L, options->socket);
    lua_setfield(L, -2, "socket");
    bind_set_boolean(L, "wait", options->wait);
    bind_set_boolean(L, "stop_on_entry", options->stop_on_entry);
    lua_call(L, 1, 2); /* nothing, or what is wrong and its code */
    if (lua_isstring(L, -2)) {
        call->failed = true;
        bosun_err_set(call->err, lua_tostring(L, -1), "start the debugger", "%s", lua_tostring(L, -2));
    }
    return 0;
}

void host_debug_on_prompt(bosun_host *host, host_prompt_function *function, void *data,
                          const char *(*source)(const char *name, size_t *len))
{
    host->on_prompt = function;
    host->prompt_data = data;
    host->source_text = source;
}

bool host_debug_interrupt(bosun_host *host)
{
    if (!host->watcher)
        return false;
    return !atomic_exchange(&host->interrupted, true);
}

static int adapt(lua_State *L)
{
    host_push_library(L, "bosun.debug.adapter", "run");
    lua_pushstring(L, lua_touserdata(L, 1));
    lua_call(L, 1, 0);
    return 0;
}

int host_debug_adapt(bosun_host *host, const char *program, bosun_err *err)
{
    host_enter(host);
    int rc = host_call(host, adapt, (void *)program, "serving the editor", err);
    host_leave(host);
    return rc;
}

int host_debug_start(bosun_host *host, const host_debug_options *options, bosun_err *err)
{
    host_enter(host);
    start_call call = {.options = options, .err = err};
    int rc = host_call(host, start, &call, "starting the debugger", err);
    host_leave(host);
    return call.failed ? -1 : rc;
}
