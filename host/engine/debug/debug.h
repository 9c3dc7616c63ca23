/* The debugger's engine: it stops a host's Lua code at lines, after steps and where errors are raised, in any
 * coroutine, and hands what it found to the Lua code of lua/lib/bosun/debug, which decides. The faces, an
 * editor's protocol and the terminal, are there, too. A host without a debugger pays nothing for it. */
#ifndef BOSUN_ENGINE_DEBUG_DEBUG_H
#define BOSUN_ENGINE_DEBUG_DEBUG_H

#include "bosun.h"
#include "core/base/err.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* What the status of an action says that a person ends in the debugger. */
#define DEBUG_CANCELLED "cancelled in the debugger"

typedef struct host_debug_options {
    const char *face;   /* the Lua module whose function `start` gets what follows: "bosun.debug.dap" */
    const char *socket; /* where an editor can attach; NULL: nowhere */
    bool wait;          /* for an editor, before anything of the plugin runs */
    bool stop_on_entry; /* at the first line of the action's method */
} host_debug_options;

/* Starts a debugger in a host that has not loaded a plugin yet. Returns 0, or -1 with *err filled. */
int host_debug_start(bosun_host *host, const host_debug_options *options, bosun_err *err);

/* Reads lines at a terminal while the action stands still, until one lets it go on. L: the thread of the
 * debugger; `env`: the index in its stack of a table whose fields are what the stopped frame sees. L NULL:
 * only says whether there is a terminal. */
typedef bool host_prompt_function(void *data, lua_State *L, int env);

/* Sets that function. `source` finds the text of an embedded file; NULL: nobody has them. */
void host_debug_on_prompt(bosun_host *host, host_prompt_function *function, void *data,
                          const char *(*source)(const char *name, size_t *len));

/* Stops the action at its next line, if a debugger is on. Safe in signal handlers. False: none is, or an
 * earlier interrupt has not been noticed yet: the action waits, or runs code that is not Lua. */
bool host_debug_interrupt(bosun_host *host);

/* Serves an editor on standard input and output: launches actions, as runs of `program` (the path of bosun),
 * or connects to one that runs, until the editor goes. Needs no plugin. Returns 0, or -1 with *err filled. */
int host_debug_adapt(bosun_host *host, const char *program, bosun_err *err);

/* Pushes the module bosun.native.debugger. Returns 1. [-0, +1, m] */
int host_debug_open(lua_State *L);

#endif
