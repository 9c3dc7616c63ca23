/* A debugger comes to a host, and goes. */
#include "internal.h"

void debug_install(lua_State *L)
{
    lua_pushvalue(L, 1);
    debug_set_callback(L);
    if (debug_of(L))
        return;
    debugger *d = debug_made(L);
    bool first = !d;
    if (first)
        d = debug_make(L);
    debug_hook_set(d);
    d->watcher.raised = debug_uncaught;
    host_of(L)->watcher = &d->watcher;
    debug_watch(d, L, d->host->L);
    debug_watch(d, L, L);
    if (first)
        debug_catch_install(L);
    debug_refresh(d, L);
}

void debug_remove(lua_State *L)
{
    debugger *d = debug_of(L);
    if (!d)
        return;
    d->step = STEP_NONE;
    d->pausing = false;
    d->catch = CATCH_OFF;
    d->input = -1;
    host_of(L)->watcher = NULL;
    debug_refresh(d, L);
}
