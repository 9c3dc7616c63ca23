/* The hook. Calls are always seen, lines only while a function runs that has a breakpoint or that a step may
 * end in, returns while such a function may be below. So code without breakpoints pays for its calls only. A
 * change of a thread's hook starts its count of instructions anew, so the limits are checked here, too. */
#include "internal.h"
#include <lauxlib.h>
#include <poll.h>

#define INSTRUCTIONS 1000
#define LOOK         (BOSUN_SECOND / 200) /* between two looks at the input */
#define SWITCHES     200
#define RETURNS      256
#define SCANNED      200 /* levels; deeper, lua_getstack takes too long */

static void hook(lua_State *L, lua_Debug *activation);

static void set_events(lua_State *L, bool lines, bool returns)
{
    int count;
    int mask = LUA_MASKCOUNT | LUA_MASKCALL | (lines ? LUA_MASKLINE : 0) | (returns ? LUA_MASKRET : 0) |
               host_plugin_hook_mask(L, &count);
    if (lua_gethookmask(L) == mask && lua_gethook(L) == hook)
        return;
    lua_sethook(L, hook, mask, count);
    debugger *d = debug_of(L);
    if (d)
        d->switches++;
}

static void check_limits(debugger *d, lua_State *L)
{
    if (d->switches < SWITCHES)
        return;
    d->switches = 0;
    host_limits_check(L);
}

static void event(debugger *d, lua_State *L, const char *kind, int count)
{
    debug_event(d, L, kind, count);
    if (d->stale)
        debug_refresh(d, L);
    if (host_limits_cancelled(&d->host->limits))
        host_limits_check(L);
}

static bool is_lua(const lua_Debug *function)
{
    return function->source[0] == '@' || function->what[0] != 'C';
}

/* The source of a function, after lua_getinfo "S"; NULL: a chunk that is not a file, or C. */
static debug_source *source_of(debugger *d, lua_State *L, const lua_Debug *function)
{
    if (function->source[0] != '@')
        return NULL;
    debug_source *s = debug_source_find(d, function->source);
    if (s && !s->announced) {
        s->announced = true;
        lua_pushstring(L, function->source); /* kept, so that a line needs no new one */
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, s);
        event(d, L, "source", 1);
    }
    return s;
}

static bool has_breakpoint(const debug_source *s, const lua_Debug *function)
{
    if (!s || s->count == 0)
        return false;
    return function->linedefined == 0 ||
           debug_source_touches(s, function->linedefined, function->lastlinedefined);
}

/* Has the thread of a step over or out ended, or does it wait to be resumed? */
static bool left_thread(const debugger *d)
{
    lua_Debug frame;
    int status = lua_status(d->step_thread);
    return status != LUA_OK || !lua_getstack(d->step_thread, 0, &frame);
}

/* Can the step end in the function at `level`? */
static bool is_step_target(const debugger *d, lua_State *L, int level, const debug_source *s)
{
    if (d->step == STEP_NONE || (s && s->library && !d->step_library))
        return false;
    if (d->step == STEP_IN)
        return true;
    if (L != d->step_thread)
        return left_thread(d);
    return debug_depth(L) - level <= d->step_depth;
}

/* Has one of the functions from `level` on a breakpoint? True if there are too many to tell. */
static bool any_breakpoint(debugger *d, lua_State *L, int level)
{
    lua_Debug frame;
    for (; level < SCANNED; level++) {
        if (!lua_getstack(L, level, &frame))
            return false;
        lua_getinfo(L, "S", &frame);
        if (frame.source[0] == '@' && has_breakpoint(debug_source_find(d, frame.source), &frame))
            return true;
    }
    return true;
}

/* Gives the thread at the top of the stack a number, unless it has one. [-1, +0, m] */
static void number_thread(lua_State *L)
{
    debug_push_threads(L);
    lua_insert(L, -2);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        lua_pushliteral(L, "last");
        lua_rawget(L, -4);
        lua_Integer number = lua_tointeger(L, -1) + 1;
        lua_pop(L, 2);
        lua_pushinteger(L, number);
        lua_rawset(L, -3);
        lua_pushliteral(L, "last");
        lua_pushinteger(L, number);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 3);
    }
}

static void note_thread(debugger *d, lua_State *L)
{
    d->last_thread = L;
    lua_pushthread(L);
    number_thread(L);
}

static void on_call(debugger *d, lua_State *L, lua_Debug *function)
{
    lua_getinfo(L, "S", function);
    if (!is_lua(function)) {
        if (L != d->last_thread)
            d->last_thread = NULL; /* it may be freed, and another one be in its place */
        return;
    }
    if (L != d->last_thread)
        note_thread(d, L);
    debug_source *s = source_of(d, L, function);
    if (d->step == STEP_NONE && (!s || s->count == 0)) {
        if (lua_gethookmask(L) & LUA_MASKLINE)
            set_events(L, d->pausing, true);
        return;
    }
    bool here = has_breakpoint(s, function);
    bool returns = here || d->step != STEP_NONE || (lua_gethookmask(L) & LUA_MASKRET);
    set_events(L, here || d->pausing || is_step_target(d, L, 0, s), returns);
}

/* The function that goes on is the one below. */
static void on_return(debugger *d, lua_State *L, lua_Debug *function)
{
    lua_Debug caller;
    if (!lua_getstack(L, 1, &caller))
        return;
    lua_getinfo(L, "S", &caller);
    if (!is_lua(&caller))
        return;
    debug_source *s = source_of(d, L, &caller);
    bool here = has_breakpoint(s, &caller);
    bool lines = here || d->pausing || is_step_target(d, L, 1, s);
    if (here || d->step != STEP_NONE || d->pausing) {
        set_events(L, lines, true);
        return;
    }
    lua_getinfo(L, "S", function);
    bool was_here =
        function->source[0] == '@' && has_breakpoint(debug_source_find(d, function->source), function);
    bool scan = was_here || ++d->returns >= RETURNS;
    if (scan)
        d->returns = 0;
    set_events(L, false, !scan || any_breakpoint(d, L, 1));
}

static void on_line(debugger *d, lua_State *L, lua_Debug *function)
{
    int line = function->currentline;
    bool hit = d->filter >> ((unsigned)line % 64) & 1;
    if (!hit && d->step == STEP_NONE && !d->pausing)
        return;
    lua_getinfo(L, "S", function);
    if (function->source[0] != '@')
        return;
    const debug_source *s = source_of(d, L, function);
    if (!s)
        return;
    hit = hit && debug_source_touches(s, line, line);
    bool stepped = is_step_target(d, L, 0, s);
    bool pausing = d->pausing && !s->library;
    if (!hit && !stepped && !pausing)
        return;
    lua_rawgetp(L, LUA_REGISTRYINDEX, s);
    lua_pushinteger(L, line);
    lua_pushboolean(L, hit);
    lua_pushstring(L, stepped ? "step" : pausing ? "pause" : NULL);
    event(d, L, "line", 4);
}

static void on_count(debugger *d, lua_State *L)
{
    host_limits_check(L);
    if (!d->busy && atomic_exchange(&d->host->interrupted, false)) {
        d->pausing = true;
        debug_refresh(d, L);
    }
    if (d->busy || d->input < 0 || bosun_monotonic() < d->next_look)
        return;
    struct pollfd input = {.fd = d->input, .events = POLLIN};
    if (poll(&input, 1, 0) > 0)
        event(d, L, "input", 0);
    d->next_look = bosun_monotonic() + LOOK;
}

static void hook(lua_State *L, lua_Debug *activation)
{
    debugger *d = debug_of(L);
    if (activation->event == LUA_HOOKCOUNT && d)
        on_count(d, L);
    else if (!d || d->busy)
        host_limits_check(L);
    else if (activation->event == LUA_HOOKLINE)
        on_line(d, L, activation);
    else if (activation->event == LUA_HOOKRET)
        on_return(d, L, activation);
    else
        on_call(d, L, activation);
    if (d)
        check_limits(d, L);
    if (!d || !d->busy)
        host_plugin_hook_run(L, activation);
}

void debug_hook_set(debugger *d)
{
    d->watcher.hook = hook;
    d->watcher.mask = LUA_MASKCALL;
}

/* What a thread needs that is not at the beginning or the end of a call. */
static void refresh(debugger *d, lua_State *L)
{
    lua_Debug frame;
    bool lines = false;
    if (lua_gethook(L) != hook || !lua_getstack(L, 0, &frame))
        return;
    lua_getinfo(L, "S", &frame);
    if (is_lua(&frame)) {
        debug_source *s = frame.source[0] == '@' ? debug_source_find(d, frame.source) : NULL;
        lines = d->pausing || has_breakpoint(s, &frame) || is_step_target(d, L, 0, s);
    }
    set_events(L, lines, d->step != STEP_NONE || d->pausing || any_breakpoint(d, L, 0));
}

void debug_watch(debugger *d, lua_State *L, lua_State *thread)
{
    if (thread == d->face)
        return;
    lua_pushthread(thread);
    if (thread != L)
        lua_xmove(thread, L, 1);
    number_thread(L);
    if (lua_gethook(thread) != hook)
        lua_sethook(thread, hook, LUA_MASKCOUNT | LUA_MASKCALL, INSTRUCTIONS);
    d->stale = true;
}

void debug_refresh(debugger *d, lua_State *L)
{
    bool removed = !debug_of(L);
    d->stale = false;
    debug_push_threads(L);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_State *thread = lua_tothread(L, -2);
        if (thread && removed && lua_gethook(thread) == hook)
            host_limits_arm(thread);
        else if (thread)
            refresh(d, thread);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}
