/* What a prompt needs from a host: evaluating lines with the plugin's world open, in an environment of the
 * session or in that of a frame, and switching effects, settings and time limits between two runs. The Lua
 * side is lua/lib/bosun/repl. */
#ifndef BOSUN_ENGINE_CONSOLE_CONSOLE_H
#define BOSUN_ENGINE_CONSOLE_CONSOLE_H

#include "bosun.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/value.h"

struct lua_State;

/* The program's side of a console. The functions must return normally, and must not call the host. */
typedef struct host_console {
    /* Receives what is printed, whole lines as a rule, without secrets. */
    void (*write)(void *data, const char *text, size_t len);
    /* Returns the source text of an embedded file ("bosun/fs.lua", "bosun/meta/fs.lua", "plugins/test.lua"),
     * or NULL. `index` counts all of them: name NULL and an index return that file, and its name in *found.
     */
    const char *(*source)(const char *name, size_t index, const char **found, size_t *len);
    /* How many columns the terminal has now. */
    int (*width)(void *data);
    void *data;
    bool color;
    int depth;          /* to which tables are shown */
    const char *config; /* path of the action config; NULL: none */
    char **said;        /* notes that are given once, separated by newlines; NULL after it: none yet */
} host_console;

/* What a line is evaluated in. */
typedef struct host_scope {
    struct lua_State *L; /* the thread that stands still; NULL: none does, and `env` is not used */
    int env;             /* index in its stack of a table whose fields are what the frame sees */
} host_scope;

typedef enum host_console_result {
    HOST_CONSOLE_OK,
    HOST_CONSOLE_FAILED,     /* the line raised, and that is printed; or it was stopped */
    HOST_CONSOLE_INCOMPLETE, /* the line needs another one */
} host_console_result;

/* Makes the host that of a console: print writes there, changes that are held back are announced there, and
 * require finds the modules of bosun.repl. The host borrows `console`; NULL: it no longer is. Call it after
 * bosun_host_new. */
void host_console_open(bosun_host *host, const host_console *console);

/* Calls function(scope, args…) of a module of the library, "bosun.repl.evaluate", without time limit. The
 * function returns one of "ok", "failed", "incomplete", and may return a text, which is appended to `text`
 * (NULL: dropped). bosun_host_cancel stops it. scope NULL: nothing stands still. args ends with NULL. */
host_console_result host_console_call(bosun_host *host, const host_scope *scope, const char *module,
                                      const char *function, const char *const *args, bosun_buf *text);

/* How bosun_host_run runs from now on. settings: as in bosun_options, borrowed. timeout: 0: none. */
void host_console_set_run(bosun_host *host, bool dry_run, double timeout, const char *const *settings);

/* Whether a text holds a secret that the host knows. */
bool host_console_knows_secret(bosun_host *host, const char *text, size_t len);

/* The session's variables that are plain data, as a mapping in `arena`; NULL: there are none, or no memory.
 * And back, into another host. */
bosun_value *host_console_save(bosun_host *host, bosun_arena *arena);
void host_console_restore(bosun_host *host, const bosun_value *variables);

#endif
