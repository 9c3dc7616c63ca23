/* What the files of the debugger's engine share. */
#ifndef BOSUN_ENGINE_DEBUG_INTERNAL_H
#define BOSUN_ENGINE_DEBUG_INTERNAL_H

#include "engine/host/host.h"
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#define SOURCE_SLOTS 256

/* A chunk of code that has run: "@/path/of/plugin.lua", "@bosun/http.lua". */
typedef struct debug_source {
    char *name;
    bool library;   /* the library's own code, which steps do not enter */
    bool announced; /* there was an event */
    int *lines;     /* with breakpoints, ascending */
    size_t count;
    struct debug_source *next;
} debug_source;

typedef enum debug_step { STEP_NONE, STEP_IN, STEP_OVER, STEP_OUT } debug_step;

/* Which errors are an event. */
typedef enum debug_catch { CATCH_OFF, CATCH_UNCAUGHT, CATCH_ALL } debug_catch;

typedef struct debugger {
    host_watcher watcher; /* first: the host points to it */
    bosun_host *host;
    lua_State *face;        /* the thread in which Lua code of the debugger runs */
    lua_State *last_thread; /* the one that the last call was in */
    bool busy;              /* code of the debugger runs: no events */
    bool stale;             /* breakpoints or step have changed: every thread's hook has to be set anew */
    bool pausing;           /* stop at the next line */
    bool is_stopped;        /* a person thinks: time stands still */
    debug_catch catch;
    debug_step step;
    bool step_library;      /* the step began in the library */
    lua_State *step_thread; /* of a step over or out */
    int step_depth;         /* the deepest level at which it ends */
    unsigned returns;       /* since it was last checked whether they are needed */
    unsigned switches;      /* of hooks, which start their count anew, since the limits were last checked */
    uint64_t filter;        /* a bit is set for each line with a breakpoint, modulo 64 */
    debug_source *sources;
    debug_source *slots[SOURCE_SLOTS]; /* by the address of the name */
    int input;                         /* readable: an event; -1: none */
    int64_t next_look;                 /* when to look whether it is */
} debugger;

/* Returns the debugger of a state; NULL: none. */
debugger *debug_of(lua_State *L);

/* Makes the debugger, unless there is one, and pushes nothing. The function at index 1 gets its events.
 * [-0, +0, m] */
void debug_install(lua_State *L);

/* Takes it away: no code is slower than without. [-0, +0, m] */
void debug_remove(lua_State *L);

/* Calls the function that gets the events with `kind`, the thread L and the `count` values at the top of L,
 * which are popped. Does nothing but pop if it is running already, or the action is cancelled. Its errors are
 * logged. Then, if `stale`, debug_refresh is due. [-count, +0, m] */
void debug_event(debugger *d, lua_State *L, const char *kind, int count);

/* Makes the debugger of a state; returns the one that has been made before, NULL: none. [-0, +0, m] */
debugger *debug_make(lua_State *L);
debugger *debug_made(lua_State *L);

/* Lets code of the debugger's thread L be stopped: a person's, which may not end. The debugger's own is five
 * times as fast without. */
void debug_guard(lua_State *L, bool on);

/* Pops the function that gets the events. [-1, +0, m] */
void debug_set_callback(lua_State *L);

/* Sets the hook of the debugger's watcher. */
void debug_hook_set(debugger *d);

/* Returns how many functions are active in L. */
int debug_depth(lua_State *L);

/* Gives a thread the hook, and a number. [-0, +0, m] */
void debug_watch(debugger *d, lua_State *L, lua_State *thread);

/* Sets the hook of every thread to what breakpoints and step need. [-0, +0, m] */
void debug_refresh(debugger *d, lua_State *L);

/* The registry's table of threads that have run: thread → number. [-0, +1, m] */
void debug_push_threads(lua_State *L);

/* ---- sources.c: no Lua
 * ----------------------------------------------------------------------------------------- */

/* Returns the source of that name, a new one if need be; NULL: out of memory. */
debug_source *debug_source_find(debugger *d, const char *name);

/* Is that the name of a chunk of the library? */
bool debug_source_is_library(const char *name);

/* Sets the lines with breakpoints; the source takes `lines`, from malloc. */
void debug_source_set(debugger *d, debug_source *source, int *lines, size_t count);

/* Does one of its breakpoints lie between two lines? */
bool debug_source_touches(const debug_source *source, int first, int last);
void debug_sources_free(debugger *d);

/* ---- catch.c
 * ------------------------------------------------------------------------------------------------------ */

/* Makes errors that pcall and its like catch an event, too. [-0, +0, m] */
void debug_catch_install(lua_State *L);

/* The host's message handler has an error at index 1. */
void debug_uncaught(lua_State *L);

/* An error with the value at `index` was raised in `thread`, whose stack is still there. */
void debug_raised(lua_State *L, lua_State *thread, int index, bool caught);

/* ---- channel.c
 * ---------------------------------------------------------------------------------------------------- */

/* Sets the functions listen, connect, stdio and wait of the module at the top of the stack.
 * [-0, +0, m] */
void debug_channel_open(lua_State *L);

/* Pushes a channel that reads from a descriptor, which stays the caller's. [-0, +1, m] */
void debug_channel_push(lua_State *L, int fd);

/* Sets the function spawn of the module at the top of the stack. [-0, +0, m] */
void debug_child_open(lua_State *L);

/* The descriptor of the channel at `index`, -1: closed, or not a channel. [-0, +0, m] */
int debug_channel_fd(lua_State *L, int index);

#endif
