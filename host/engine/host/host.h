/* What a host is made of: private to host/engine. */
#ifndef BOSUN_ENGINE_HOST_HOST_H
#define BOSUN_ENGINE_HOST_HOST_H

#include "core/base/buf.h"
#include "core/base/redact.h"
#include "core/base/wait.h"
#include "core/status.h"
#include "embedded.h"
#include <lua.h>
#include <stdatomic.h>

/* The folders that a plugin's bare name is looked up in, before the built-in ones. */
typedef struct bosun_dirs {
    char *path; /* colon-separated; NULL: none */
    char *site; /* of the plugins installed on this machine */
} bosun_dirs;

/* Where a plugin's code is. */
typedef struct bosun_plugin_file {
    bosun_buf path;                 /* absolute, or the embedded file's name */
    const bosun_embedded *embedded; /* NULL: a file of its own */
} bosun_plugin_file;

/* When an action has to stop: once it is cancelled, or its time is up. */
typedef struct bosun_limits {
    atomic_int cancelled;
    _Atomic(const char *) reason; /* why it was cancelled; NULL: nobody said */
    int cancel_fd;                /* an eventfd, readable once cancelled */
    atomic_int cut;               /* a wait was ended by cancellation or deadline */
    double timeout;               /* seconds; 0: none */
    int64_t deadline;             /* Lua code is stopped; BOSUN_NO_DEADLINE: never */
    bosun_wait wait; /* its deadline is a little earlier, so that a plugin can tell which wait it was */
} bosun_limits;

struct bosun_host {
    lua_State *L;
    bosun_dirs dirs;
    bosun_options options; /* its strings are not used: dirs has copies */
    bosun_secrets secrets;
    bosun_phase phase;

    bosun_limits limits;

    size_t memory_used; /* bytes that Lua holds */

    bool loaded;
    bosun_err load_error; /* why there is no plugin */
    char *plugin_name;    /* what the class calls itself; until it is loaded, as it was asked for */
    char *private_config; /* NULL: none */

    bosun_buf plan; /* what a dry run would do: texts, each followed by a NUL */
};

/* The host that a state belongs to: every state here is made by host_state_new. */
static inline bosun_host *host_of(lua_State *L)
{
    return *(bosun_host **)lua_getextraspace(L);
}

/* Sends an event to the host's log, secrets redacted. Does not touch Lua. fields may be NULL when count is 0.
 */
void host_log(bosun_host *host, bosun_log_level level, const bosun_log_field *fields, size_t count,
              const char *message, size_t len);
bool host_logs(const bosun_host *host, bosun_log_level level);

/* Does anybody read the trace? What only it needs is made only then. */
bool host_traces(const bosun_host *host);

/* Writes one event of the trace: `op` ("fs.write", "http.get", "process.run") with its arguments, begun at
 * `start` (bosun_monotonic), and what came of it. Secrets are redacted. Does not touch Lua. */
void host_trace(bosun_host *host, const char *op, const char *args, size_t args_len, int64_t start,
                const char *outcome, size_t outcome_len);

/* Marks a text as secret for logs and status. Does not touch Lua; -1: out of memory. */
int host_add_secret(bosun_host *host, const char *text, size_t len);

/* Asked by everything that changes something outside, before it does. True: do it. False: this is a dry run,
 * and "op text" is now in the plan. May raise (out of memory).
 *
 *     if (!host_effect_begin(L, "fs.mkdir", "%s", path))
 *         return push_true(L);                  // recorded, as if it had worked
 *     int rc = bosun_fs_mkdir(path, mode, parents, &err);
 */
bool host_effect_begin(lua_State *L, const char *op, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies folders from the options and finds the site folder when it is not given. 0 or -1: out of memory. */
int host_dirs_init(bosun_dirs *dirs, const bosun_options *options);
void host_dirs_free(bosun_dirs *dirs);

/* Finds what `plugin` names, in the order of the contract's lookup. The failure lists where was looked. The
 * path is to be freed either way. */
int host_find_plugin(const bosun_dirs *dirs, const char *plugin, bosun_plugin_file *file, bosun_err *err);

/* Registry key: the name's prefix of the embedded modules that lie beside a built-in plugin. */
#define BOSUN_EMBEDDED_DIR "bosun.embedded_dir"

/* The state of a host, with nothing opened in it yet; NULL: out of memory. */
lua_State *host_state_new(bosun_host *host);

/* Opens libraries and bindings and sets up `require`. Called inside a protected call. [-0, +0, e] */
void host_state_open(lua_State *L);

/* Pushes the chunk of a Lua source file, compiled, or raises. Text only; the chunk's name is the path. [-0,
 * +1, e] */
void host_load_file(lua_State *L, const char *path);

/* timeout: seconds; 0: none. Every other function of limits wants it to have succeeded, but for the last. */
int host_limits_init(bosun_limits *limits, double timeout, bosun_err *err);
void host_limits_cancel(bosun_limits *limits, const char *reason); /* async-signal-safe */
void host_limits_free(bosun_limits *limits);

/* Has the action been told to stop, or run out of time? Then `text` (size bytes) says so: "timed out after 2
 * s". */
bool host_limits_stopped(const bosun_limits *limits, char *text, size_t size);

/* Lua code stops at its next instruction once the action has to stop. */
void host_limits_arm(lua_State *L);
void host_limits_disarm(lua_State *L);

/* Calls function(L) with `argument` as a light userdata, protected. On an error: -1, the message in *err,
 * with file and line; the traceback goes to the log. */
int host_call(bosun_host *host, lua_CFunction function, void *argument, const char *what, bosun_err *err);

/* File and line at the top of the stack (or nil, nil) are the place of errors whose stack shows none.
 * [-2, +0, m] */
void host_set_place(lua_State *L);

/* Pushes the class of the loaded plugin. [-0, +1, -] */
void host_push_class(lua_State *L);

/* Pushes a function of one of the library's own modules: "bosun.host.driver", "run". [-0, +1, e] */
void host_push_library(lua_State *L, const char *module, const char *function);

/* What the embedder is told. host: whose secrets the texts may hold; NULL: none yet. error may be NULL. */
void host_report_error(const bosun_host *host, bosun_error *error, const bosun_err *err);

/* "there is no action …", with a suggestion; returns -1. */
int host_unknown_action(const char *name, bosun_err *err);

void host_set_phase(bosun_host *host, bosun_phase phase);

/* Notes the secrets of pluginConfig (NULL: none). -1: out of memory. */
int host_note_secrets(bosun_host *host, const bosun_value *section);

/* The same for a config that cannot be read as YAML: a message about it may repeat a part of it. What looks
 * like the value of a secret key is noted. */
int host_note_secrets_in_file(bosun_host *host, const char *path);

/* Takes every noted secret out of the status, then cuts a message that is too long for people. -1: out of
 * memory. */
int host_redact_status(bosun_status *status, const bosun_secrets *secrets);

/* The plan as a sequence of strings; NULL: out of memory. */
bosun_value *host_plan_value(const bosun_host *host, bosun_arena *arena);

#endif
