/* The parts of a host, private to host/engine. */
#ifndef BOSUN_ENGINE_HOST_HOST_H
#define BOSUN_ENGINE_HOST_HOST_H

#include "announce.h"
#include "context.h"
#include "core/base/buf.h"
#include "core/base/redact.h"
#include "core/base/wait.h"
#include "core/config.h"
#include "core/config_kept.h"
#include "core/status.h"
#include "embedded.h"
#include "stopped.h"
#include <locale.h>
#include <lua.h>
#include <stdatomic.h>

/* The folders searched for a plugin given by name, before the built-in plugins. */
typedef struct bosun_dirs {
    char *path; /* colon-separated; NULL: none */
    char *site; /* the plugins installed on this machine */
} bosun_dirs;

/* Where a plugin's code is. */
typedef struct bosun_plugin_file {
    bosun_buf path;                 /* absolute, or the name of the embedded file */
    const bosun_embedded *embedded; /* NULL: a file on disk */
} bosun_plugin_file;

#define HOST_REASON_MAX 128
#define HOST_REASONS    4

/* When a call into the host has to stop: when it is cancelled or runs out of time. A cancel stays until the
 * call that it has stopped ends. */
typedef struct bosun_limits {
    atomic_int cancelled;
    atomic_uint reason;  /* why it was cancelled: which of the texts */
    atomic_uint reasons; /* how many there have been */
    atomic_char reason_texts[HOST_REASONS][HOST_REASON_MAX];
    int cancel_fd;              /* an eventfd, readable once cancelled */
    atomic_int owner;           /* the process that cancel_fd was made in */
    atomic_int cut;             /* the call was stopped, or a wait of it, even if the plugin ignored that */
    double seconds;             /* that the call may take; 0: no limit */
    int64_t started;            /* when it began */
    int64_t spent;              /* nanoseconds of its time that loading the plugin has taken */
    int64_t stood;              /* nanoseconds, of all calls, for which time stood still: see stopped.c */
    int64_t deadline;           /* when Lua code is stopped; BOSUN_NO_DEADLINE: never */
    uint64_t instructions;      /* that the call has executed, in steps of the hook */
    uint64_t instruction_limit; /* how many it may execute; 0: no limit */
    bool cleaning_up;           /* the action was stopped; the deadline is that of its clean-up */

    /* For waits. Its deadline is a little earlier, which leaves a plugin time to report what it waited for.
     */
    bosun_wait wait;
} bosun_limits;

/* A limit for a part of an action: see time_limit.c. */
typedef struct host_time_limit {
    int64_t end;       /* on bosun_monotonic's clock */
    lua_State *thread; /* the coroutine that began it */
    struct host_time_limit *next;
} host_time_limit;

/* What a debugger (engine/debug) adds: the one hook of every thread, which then calls host_limits_check, too,
 * and a look at errors. */
typedef struct host_watcher {
    lua_Hook hook;
    int mask;                     /* the events that it needs, besides the count */
    void (*raised)(lua_State *L); /* an error, at index 1, that nobody has caught; its stack is still there */
} host_watcher;

struct bosun_host {
    lua_State *L;
    bosun_dirs dirs;
    bosun_options options; /* its strings are not valid: dirs has copies */
    bosun_secrets secrets;
    bosun_kept_configs configs;
    bosun_phase phase;
    host_context context;
    bosun_buf traceback; /* of the last failure, until it is logged; empty: none */
    bosun_log_level traceback_level;

    bosun_limits limits;
    host_time_limit *time_limits; /* not ended */
    bool skip_finalizers;         /* while the host is freed: there is no way to run them safely */

    locale_t c_locale;
    locale_t callers_locale;                 /* of the thread, before host_enter */
    host_process_function *on_first_process; /* NULL: none, or called */
    void *process_data;
    bool (*on_prompt)(void *data, lua_State *L, int env); /* see debug.h; NULL: none */
    void *prompt_data;
    const char *(*source_text)(const char *name, size_t *len); /* of an embedded file; NULL: none */
    bool has_plugin_hooks;                                     /* debug.sethook was called */
    atomic_bool interrupted;                                   /* stop at the next line */
    host_watcher *watcher;                                     /* NULL: no debugger */
    host_stopped_function *on_stopped;                         /* NULL: none */
    void *stopped_data;
    int64_t stopped_since; /* a person looks at the stopped action; 0: nobody does */

    lua_CFunction error; /* Lua's own function of that name */
    size_t memory_used;  /* bytes allocated by Lua */

    struct host_module *modules; /* of the embedder's: see given.c */

    bool loaded;
    bool has_schema;      /* the plugin's class has a config_schema */
    bosun_err load_error; /* why no plugin is loaded */
    char *plugin_name;    /* the name the class gives itself; until it is loaded, the name asked for */
    char *private_config; /* path; NULL: none */
    char *config_name;    /* that of the private config for people, when it is in memory; NULL: it is not */
    int config_fd;        /* the file in memory; -1: none */

    bosun_buf warning;                  /* the pieces so far of a warning from Lua itself */
    const struct host_console *console; /* engine/console; NULL: none is open */
    bosun_buf plan;                     /* what a dry run would have done: texts, each followed by a NUL */
};

/* Returns the host of a state. Every state here comes from host_state_new. */
static inline bosun_host *host_of(lua_State *L)
{
    return *(bosun_host **)lua_getextraspace(L);
}

/* Every public function that works with a host begins with host_enter, which gives the calling thread the C
 * locale, and ends with host_leave. A callback of the embedder's is called between host_leave and
 * host_enter. */
int host_locale_init(bosun_host *host, bosun_err *err);
void host_enter(bosun_host *host);
void host_leave(bosun_host *host);

/* Sends an event to the host's log, with secrets redacted and NUL bytes in the message made visible. fields
 * may be NULL if count is 0. Does not touch Lua. */
void host_log(bosun_host *host, bosun_log_level level, const bosun_log_field *fields, size_t count,
              const char *message, size_t len);

/* Logs the traceback of the last failed call, if it has not been. Call this after the error is logged. */
void host_log_traceback(bosun_host *host);

/* Returns whether the host logs events of that level. */
bool host_logs(const bosun_host *host, bosun_log_level level);

/* Returns whether the host logs the trace. If not, skip the work that only the trace needs. */
bool host_traces(const bosun_host *host);

/* A call of the plugin to the world outside, which is a span of the action's trace. */
typedef struct host_span {
    const char *id; /* NULL: a new one */
    const char *op; /* "fs.write", "http.get", "process.run" */
    const char *args;
    size_t args_len;
    int64_t start; /* bosun_monotonic */
    const char *outcome;
    size_t outcome_len;
    const char *error; /* the code of its failure; NULL: none */
    const bosun_log_field
        *details; /* `detail_count`, at most HOST_SPAN_DETAILS, with OpenTelemetry's names */
    size_t detail_count;
} host_span;

#define HOST_SPAN_DETAILS 8

/* Makes the id of a call that is to come, and the traceparent that tells it to others. Like host_trace, does
 * not touch Lua. */
void host_begin_span(bosun_host *host, char id[BOSUN_SPAN_ID_SIZE], char traceparent[BOSUN_TRACEPARENT_SIZE]);

/* Logs one event of the trace. Secrets are redacted. */
void host_trace(bosun_host *host, const host_span *span);

/* Writes to the console, with secrets redacted; does nothing without one. Does not touch Lua. */
void host_print(bosun_host *host, const char *text, size_t len);

/* A change to the world outside. */
typedef struct host_change {
    const char *op;     /* "fs.mkdir" */
    const char *target; /* what it changes: a path, a command, a URL */
    const char *before; /* what is there now; NULL: nothing, or not known */
    const char *after;  /* what is there then; NULL: nothing, or not known */
    const char *reason; /* why; NULL: that of the scope, effect.because */
    const char *other;  /* where the target goes; NULL: nowhere */
} host_change;

/* The operation of which both paths, target and other, change places. */
#define HOST_EXCHANGE "fs.exchange"

/* Call this before any change to the world outside. Returns true if the change has to be made. Returns false
 * in a dry run: then it is in the plan. Raises if out of memory. [-0, +0, e]
 *
 *     int rc = 0;
 *     if (host_effect_begin(L, &(host_change){.op = "fs.mkdir", .target = path, .after = "folder"}))
 *         rc = bosun_fs_mkdir(path, mode, parents, &err);
 *     return bind_push_done(L, rc, &err);         // a dry run reports success
 */
bool host_effect_begin(lua_State *L, const host_change *change);

/* In a dry run that removes what does not exist: takes what the plan has created at `path` and below it out
 * of the plan. Returns whether, after the plan, something is there. *was: its path before the plan moved it
 * there, so that its removal is a change; NULL: nothing was moved. Valid until the plan changes. */
bool host_effect_undo(lua_State *L, const char *path, const char **was);

/* Replaces the reason of changes that give none by the one at the top of the stack, a string or nil, and
 * pushes the former one. [-1, +1, m] */
void host_effect_swap_reason(lua_State *L);

/* Returns the plan as a sequence of mappings. NULL: out of memory. */
bosun_value *host_plan_value(const bosun_host *host, bosun_arena *arena);

/* Fill *ours from those of the embedder, NULL: the defaults. Return 0, or -1: they are not initialised, or
 * those of a newer library. */
int host_options_take(bosun_options *ours, const bosun_options *theirs, bosun_err *err);
int host_run_options_take(bosun_run_options *ours, const bosun_run_options *theirs, bosun_err *err);
int host_load_options_take(bosun_load_options *ours, const bosun_load_options *theirs, bosun_err *err);

/* Copies the folders from the options, and finds the site folder if they have none. Returns 0, or -1: out of
 * memory. */
int host_dirs_init(bosun_dirs *dirs, const bosun_options *options);
void host_dirs_free(bosun_dirs *dirs);

/* Finds the file of `plugin`, a name or a path, in the search order of the contract. The error lists the
 * places searched. The caller frees file->path, also after a failure. */
int host_find_plugin(const bosun_dirs *dirs, const char *plugin, bosun_plugin_file *file, bosun_err *err);

/* Registry key: the folder of a built-in plugin, which has the embedded modules that only it can require. */
#define BOSUN_EMBEDDED_DIR "bosun.embedded_dir"

/* Registry key: the folder of any other plugin, which `require` searches first. */
#define BOSUN_PLUGIN_DIR "bosun.plugin_dir"

/* Registry key: the system's search path for C modules, whatever a plugin sets package.cpath to. */
#define BOSUN_SYSTEM_CPATH "bosun.system_cpath"

/* Registry keys: Lua's own functions of that name in `package`. */
#define BOSUN_SYSTEM_SEARCHPATH "bosun.system_searchpath"
#define BOSUN_SYSTEM_LOADLIB    "bosun.system_loadlib"

/* Keeps the value at the top of the stack as the class of the loaded plugin. [-0, +0, m] */
void host_keep_class(lua_State *L);

/* Pushes the class of the loaded plugin, nil if there is none. [-0, +1, -] */
void host_push_class(lua_State *L);

/* Pushes a function of a module of the library: "bosun.host.driver", "run". [-0, +1, e] */
void host_push_library(lua_State *L, const char *module, const char *function);

/* Creates the state of a host and opens everything in it. Returns 0, or -1, perhaps with a state. */
int host_open(bosun_host *host, bosun_err *err);

/* Closes the state, also that of a plugin that has failed to load, and opens another one. */
int host_unload(bosun_host *host, bosun_err *err);

/* Forgets the plugin, and its private config, whose state is closed. */
void host_forget_plugin(bosun_host *host);

/* Keeps where the plugin's private config is, in a file or in memory. */
int host_keep_private_config(bosun_host *host, const bosun_load_options *options, bosun_err *err);
void host_forget_private_config(bosun_host *host);

/* The part of a searcher for modules that the embedder gives: pushes the loader of the module at index 1 and
 * its argument, and returns 2; or returns 0. [-0, +0|2, e] */
int host_search_given(lua_State *L);
void host_free_modules(bosun_host *host);

/* Which Lua is in use: see lua_library.c. Fails if that is not one Lua 5.4. */
int host_check_lua(bosun_err *err);

/* Fails if a module written in C would not find this Lua; the same for a function of the program's. */
int host_check_c_module(const char *name, bosun_err *err);
int host_check_opener(const char *name, int (*open)(lua_State *L), bosun_err *err);

/* Creates the state of a host, with no libraries opened. NULL: out of memory. */
lua_State *host_state_new(bosun_host *host);

/* Opens libraries and bindings, and adapts them. Needs a protected call. [-0, +0, e] */
void host_state_open(lua_State *L);

/* Parts of host_state_open: `require`, finalizers, debug.sethook. [-0, +0, e] */
void host_open_require(lua_State *L);
void host_open_finalizers(lua_State *L);
void host_open_plugin_hooks(lua_State *L);

/* Compiles a Lua source file and pushes its chunk, named after the path. Rejects binary chunks. [-0, +1, e]
 */
void host_load_file(lua_State *L, const char *path);

/* The same for a text, with a name for messages. [-0, +1, e] */
void host_load_text(lua_State *L, const char *text, size_t len, const char *name);

/* The same for a text of the embedder's. Pushes, below the chunk, the file that messages name: NAME.lua.
 * [-0, +2, e] */
void host_load_memory(lua_State *L, const char *text, size_t len, const char *name);

/* The beginning and the end of a call of the embedder that may run the plugin, between host_enter and
 * host_leave: its limits. host_begin fails, with a text that `what` ("loading the plugin") is part of, if the
 * call is cancelled already or the thread's stack is too small. host_end goes with it even then. */
int host_begin(bosun_host *host, const char *what, bosun_err *err);

/* The same with another timeout than the host's. */
int host_begin_within(bosun_host *host, double seconds, const char *what, bosun_err *err);

void host_end(bosun_host *host);

/* Runs the plugin's finalizers, under limits of their own, and closes the state. */
void host_close(bosun_host *host);

/* The error of a call whose host is NULL. Returns -1. */
int host_missing(bosun_err *err);

/* Fails on a timeout that is negative or not a number. */
int host_check_timeout(double timeout, const char *op, bosun_err *err);

/* Fails as host_check_timeout. If this fails, only host_limits_free may be called. */
int host_limits_init(bosun_limits *limits, double timeout, bosun_err *err);
void host_limits_free(bosun_limits *limits);

/* Begins a call that may take so many seconds (0: no limit), less those spent on loading, and so many
 * instructions (0: no limit). Fails, with the
 * deadline set, if a forked child gets no descriptor of its own. */
int host_limits_begin(bosun_limits *limits, double seconds, uint64_t instructions, bosun_err *err);

/* Ends the call, and with it the cancel that has stopped it. One that has come too late stops the next call.
 */
void host_limits_end(bosun_limits *limits);

/* Gives an action that was stopped BOSUN_CLEAN_UP_SECONDS to clean up, in which nothing else stops it. */
void host_limits_begin_clean_up(bosun_limits *limits);

/* Makes the wake-up of a cancel this process's own, after a fork that ended its parent's use of the host. */
void host_limits_adopt(bosun_limits *limits);

/* stop: BOSUN_STOP_…; reason: copied; NULL: "cancelled". Safe in signal handlers and from any thread. */
void host_limits_cancel(bosun_limits *limits, int stop, const char *reason);

/* Sets a cancel that was taken back again, with the last reason. stop: 0: there was none. */
void host_limits_restore(bosun_limits *limits, int stop);

/* Takes the cancel back. */
void host_limits_clear(bosun_limits *limits);

/* Returns NULL unless the call has to stop; then BOSUN_ERR_DEADLINE, _CANCELLED or _INSTRUCTIONS, with the
 * reason in `text`: "timed out after 2 s". */
const char *host_limits_stopped(bosun_limits *limits, char *text, size_t size);

/* Is that one of these codes? */
bool host_limits_is_stop(const char *code);

/* Has the call been cancelled, and is not cleaning up? Changes nothing, as host_limits_stopped does. */
bool host_limits_cancelled(const bosun_limits *limits);

/* Raises if the call has to stop. The hook does this now and then. [-0, +0, e] */
void host_limits_check(lua_State *L);

/* Lets a thread check at each instruction, for a call that has to stop. */
void host_limits_tighten(lua_State *L);

/* While a person thinks, at a breakpoint, the deadline and the time limits stand still. Ignored if that is so
 * already. */
void host_stand_still(bosun_host *host, bool still);

/* The hooks of the plugin's own, debug.sethook: the events that the one of this thread needs, and how many
 * instructions may lie between two count events; calling it. [-0, +0, e] */
int host_plugin_hook_mask(lua_State *L, int *count);
void host_plugin_hook_run(lua_State *L, lua_Debug *activation);

/* Keeps the value at the top of the stack, a table with these fields or nil, as the hook of a thread.
 * [-1, +0, m] */
enum { HOOK_FUNCTION = 1, HOOK_MASK, HOOK_COUNT, HOOK_SKIPPED };
void host_plugin_hook_set(lua_State *L, lua_State *thread);

/* Pushes it, or nil; returns whether there is one. And a number of the one at the top of the stack. */
bool host_plugin_hook_push(lua_State *L, lua_State *thread);
int host_plugin_hook_field(lua_State *L, int index);

/* Arming makes Lua code check the limits now and then, and raise an error once the action has to stop. */
void host_limits_arm(lua_State *L);
void host_limits_disarm(lua_State *L);

/* Begins a limit, whose `end` is set, and ends it. The caller keeps limit and thread until then. Ending it
 * again does nothing. */
void host_time_limit_begin(bosun_host *host, host_time_limit *limit, lua_State *thread);
void host_time_limit_end(bosun_host *host, host_time_limit *limit);

/* Returns what every wait has to obey now. */
const bosun_wait *host_wait(bosun_host *host);

/* Calls function(L) in protected mode, with `argument` as a light userdata. If it raises: returns -1, with
 * the message, file and line in *err, and the traceback waits for host_log_traceback. what: "loading the
 * plugin". */
int host_call(bosun_host *host, lua_CFunction function, void *argument, const char *what, bosun_err *err);

/* A message handler: records where the error at index 1 was raised, unless one that is now raised again is on
 * record. Returns the error itself. */
int host_record_stack(lua_State *L);

/* Pops a file and a line, or nil and nil: the place of errors whose stack has no line of the plugin.
 * [-2, +0, m] */
void host_set_place(lua_State *L);

/* Fills the embedder's error, with the secrets of `host` redacted. host NULL: no secrets yet. error may be
 * NULL. */
void host_report_error(const bosun_host *host, bosun_error *error, const bosun_err *err);

/* Changes the phase, and calls the embedder's phase function. */
void host_set_phase(bosun_host *host, bosun_phase phase);

/* Adds a text to the secrets that are redacted in logs, statuses and errors. Like the functions below, does
 * not touch Lua, and returns 0, or -1: out of memory. */
int host_add_secret(bosun_host *host, const char *text, size_t len);

/* Adds user and password of a URL, if the text is one that has them. */
int host_add_url_secrets(bosun_host *host, const char *url, size_t len);

/* The action config at `path` (NULL: none): its secrets are added when it is read. */
bosun_config_source host_config_source(bosun_host *host, const char *path);

/* Redacts the status, then cuts a message that is too long for people. Returns 0, or -1: out of memory. */
int host_redact_status(bosun_status *status, const bosun_secrets *secrets);

#endif
