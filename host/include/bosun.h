/* libbosun runs the actions of Lua plugins in a C or C++ program.
 *
 *     bosun_options options;
 *     bosun_options_init(&options);
 *     bosun_error error;
 *     bosun_host *host = bosun_host_new(&options, &error);
 *     if (host && bosun_host_load(host, "filesystem", "/etc/bosun/fs.yaml", &error) == 0) {
 *         bosun_status *status = bosun_host_run(host, "pe_status", "/run/action.yaml");
 *         if (status)
 *             puts(bosun_status_message(status) ? bosun_status_message(status) : "");
 *         bosun_status_free(status);
 *     }
 *     bosun_host_free(host);
 *
 * Threads: only one thread at a time may use a host, and hosts in different threads are independent. The one
 * exception is bosun_host_cancel, which any thread and any signal handler may call. Between two calls, a host
 * can go to another thread, if the program synchronises that. The same holds for a status, which is
 * independent of its host: one thread at a time.
 *
 * Callbacks run in the thread that called the library, during that call. They must return: no longjmp, no C++
 * exception, no pthread_exit. They must not use the host, except for bosun_host_cancel and bosun_host_user,
 * and must not free it. What a callback gets is valid until it returns.
 *
 * Stack: Lua code that nests deeply, by accident or not, needs up to 640 KiB of the calling thread's stack. A
 * call in a thread that has less left fails and says so. On a stack of your own making (makecontext, fibers)
 * the library cannot check that: provide as much.
 *
 * Side effects: the library has no global state. It never exits or prints, and it never changes signal
 * handlers, the locale, the working directory, the umask or the environment of the process. During a call,
 * and only in the calling thread, the locale is "C" (uselocale), so that numbers have a decimal point;
 * callbacks run in the caller's locale. Plugins run inside the calling process, so nothing here can stop one
 * that never returns from a C function (string.find, string.rep) or from the message handler of xpcall; for
 * that, use bosun-plugin-runner, which puts the plugin in a second process.
 *
 * Plugins are trusted. In the calling process, they can do what the program can: read and write files and the
 * environment's values, start programs, load modules in C. Their finalizers (__gc) can run in any call, also
 * in bosun_host_free; debug.sethook does not remove the host's own limits. They cannot exit the process,
 * change its locale or reach other hosts.
 *
 * Forks: a child may use or free the hosts that it inherits, from the one thread that it has. It does not
 * affect its parent's.
 *
 * Ownership: unless stated otherwise, the library borrows a string argument for the duration of the call, and
 * a string it returns belongs to the object passed to the call and lives as long as that object. All strings
 * end with a NUL byte. NULL where an object or a name is needed is an error of the call, or, where a function
 * cannot report one, as if there were nothing: no message, no schema. It is never a crash.
 *
 * Lua: the shared library has its own Lua, which the program and other libraries do not see, unless it was
 * built to share that of the system. bosun_host_new fails if the program has another Lua that gets in the
 * way. */
#ifndef BOSUN_H
#define BOSUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BOSUN_API __attribute__((visibility("default")))
#else
#define BOSUN_API
#endif

/* The version of this header, as text and as a number: 0xMMmmpp. */
#define BOSUN_VERSION        "0.1.0"
#define BOSUN_VERSION_NUMBER 0x000100

/* Returns the version of the library in use, "MAJOR.MINOR.PATCH". The string is static. */
BOSUN_API const char *bosun_version(void);

/* Returns the same as a number, to be compared with BOSUN_VERSION_NUMBER. */
BOSUN_API uint32_t bosun_version_number(void);

/* A Lua state with at most one plugin loaded into it. */
typedef struct bosun_host bosun_host;

/* The result of an action. Independent of the host: it stays valid after bosun_host_free. */
typedef struct bosun_status bosun_status;

/* The codes that a program is likely to treat in a way of their own. More can be added at the end. */
typedef enum bosun_error_kind {
    BOSUN_ERROR_NONE,             /* "": success */
    BOSUN_ERROR_OTHER,            /* any other code, also those of plugins */
    BOSUN_ERROR_SYSTEM,           /* the name of an errno value but ENOMEM: "EACCES" */
    BOSUN_ERROR_NO_MEMORY,        /* "ENOMEM" */
    BOSUN_ERROR_INVALID,          /* "invalid": a call or an argument is wrong */
    BOSUN_ERROR_CANCELLED,        /* "cancelled": bosun_host_cancel */
    BOSUN_ERROR_DEADLINE,         /* "deadline": the timeout of the host or the run */
    BOSUN_ERROR_TIMEOUT,          /* "timeout": a time limit of the plugin's */
    BOSUN_ERROR_INSTRUCTIONS,     /* "instructions": bosun_options.instruction_limit */
    BOSUN_ERROR_CONFIG,           /* "config": a value of a config is missing or wrong */
    BOSUN_ERROR_SYNTAX,           /* "syntax": a text is not YAML, JSON or Base64 */
    BOSUN_ERROR_PLUGIN_NOT_FOUND, /* "plugin_not_found" */
    BOSUN_ERROR_PLUGIN,           /* "plugin": the plugin's code has a bug */
    BOSUN_ERROR_FAILED,           /* "failed": the plugin reports a failure without a code */
    BOSUN_ERROR_TOO_LARGE,        /* "too_large": a limit on a size */
} bosun_error_kind;

/* Returns what kind of code that is, such as the one of bosun_status_code.
 * code: NULL: success. */
BOSUN_API bosun_error_kind bosun_code_kind(const char *code);

/* Why a call failed: fields for programs and a message for people. The secrets known to the host are replaced
 * by "[redacted]". A text too long for its array is cut. docs/reference/errors.md lists the codes. */
typedef struct bosun_error {
    /* `code` for a switch. BOSUN_ERROR_NONE after success. */
    bosun_error_kind kind;

    /* The name of an errno value ("EACCES"), or a word such as "invalid" or "cancelled". "" after success. */
    char code[32];

    /* The operation that failed: "open", "load". "" after success. */
    char op[64];

    /* The complete message, including the place: "file:line:column: key.path: cause; what to do". Several
     * problems are separated by newlines. "" after success. */
    char message[4096];

    /* The file to correct, a plugin or a config. "": the error is not about a file. */
    char file[512];

    /* The line in `file`, 1-based. 0: unknown. */
    unsigned line;

    /* The column in `line`, 1-based, in characters. 0: unknown. */
    unsigned column;

    /* The path of the key in `file`: "peInfo.deployments[2].id". "": the error is not about a key. */
    char path[256];

    /* For fields to come, so that the struct stays as large as it is. */
    uint64_t reserved[8];
} bosun_error;

/* Severity of a log event, in ascending order. */
typedef enum bosun_log_level {
    BOSUN_LOG_TRACE,
    BOSUN_LOG_DEBUG,
    BOSUN_LOG_INFO,
    BOSUN_LOG_WARN,
    BOSUN_LOG_ERROR,
} bosun_log_level;

/* A named value of a log event. */
typedef struct bosun_log_field {
    const char *name;
    const char *text; /* the value as UTF-8 without secrets; may contain NUL bytes */
    size_t len;       /* bytes in `text`, not counting the NUL byte at its end */
    bool bare;        /* the value is a number or a boolean: a structured format writes it unquoted */
} bosun_log_field;

/* One log event. Those of an action have the fields `action`, `deployment` (the id, for an action on one),
 * `run` and `trace_id`, unless a plugin sets fields of these names. Everything it points to is valid only
 * during the call of the log function. */
typedef struct bosun_log_event {
    bosun_log_level level;
    int64_t time_ns;               /* nanoseconds since the epoch */
    const char *message;           /* UTF-8 without secrets; may contain newlines; a NUL byte is "\0" */
    const bosun_log_field *fields; /* `field_count` of them */
    size_t field_count;            /* 0 or more */
} bosun_log_event;

/* Receives each event at or above bosun_options.log_level. Runs in the thread that called the library. It
 * must not call the host, and must return normally: no longjmp, no C++ exception.
 * data: bosun_options.log_data. */
typedef void bosun_log_function(void *data, const bosun_log_event *event);

/* What the host is doing. */
typedef enum bosun_phase {
    BOSUN_PHASE_IDLE,     /* nothing: between two calls */
    BOSUN_PHASE_CONFIG,   /* reading the action config */
    BOSUN_PHASE_LOAD,     /* running the plugin's file */
    BOSUN_PHASE_INIT,     /* running the plugin's constructor */
    BOSUN_PHASE_ACTION,   /* running the action's method */
    BOSUN_PHASE_CLEAN_UP, /* running the plugin's clean_up after an action that was stopped */
    BOSUN_PHASE_CLOSE,    /* freeing the host: running finalizers */
} bosun_phase;

/* Returns a description for messages: "reading the action config", "loading the plugin". For a value that is
 * not a phase: "unknown". The string is static. */
BOSUN_API const char *bosun_phase_name(bosun_phase phase);

/* Receives each change of phase. The same rules apply as for bosun_log_function.
 * data: bosun_options.phase_data. */
typedef void bosun_phase_function(void *data, bosun_phase phase);

/* Finds a module that a plugin requires and that the library does not have itself; it comes before the
 * plugin's folder and those of the system. Returns its Lua source, valid until the function is called again
 * or returns to the host's caller, or NULL: there is no such module. The same rules apply as for
 * bosun_log_function.
 * data: bosun_options.find_module_data.
 * name: "shop.prices".
 * len:  receives the bytes of the source. */
typedef const char *bosun_module_function(void *data, const char *name, size_t *len);

/* Allocates, resizes and frees the memory of Lua.
 * data:     bosun_options.allocate_data.
 * block:    NULL: a new one.
 * old_size: bytes of `block`; 0 for a new one.
 * new_size: bytes wanted; 0: free the block and return NULL. A smaller size than before must not fail.
 * Returns the block, which can be another one with the same content; NULL: out of memory, the block stays. */
typedef void *bosun_allocate_function(void *data, void *block, size_t old_size, size_t new_size);

/* An HTTP request of a plugin's that the program makes. What it points to is valid during the call. */
typedef struct bosun_transport_request {
    const char *method;         /* "GET" */
    const char *url;            /* http or https */
    const char *const *headers; /* name, value, name, value, …, NULL; credentials included */
    const char *body;           /* `body_len` bytes */
    size_t body_len;
    double timeout;   /* seconds until the request or the action has to be over; 0: no limit */
    int follow;       /* the most redirects to follow; 0: a redirect is the reply */
    size_t max_bytes; /* of the reply's body; 0: no limit */
} bosun_transport_request;

/* The reply to it, which the program fills with the functions below. */
typedef struct bosun_transport_reply bosun_transport_reply;

/* Makes a request and fills the reply. It should obey the timeout: nothing else stops it. The same rules
 * apply as for bosun_log_function. data: bosun_options.transport_data. Returns 0, or -1: there is no reply,
 * and bosun_reply_fail has said why. */
typedef int bosun_transport_function(void *data, const bosun_transport_request *request,
                                     bosun_transport_reply *reply);

/* Sets the status of the reply, 100 to 599; without one, the request fails. */
BOSUN_API void bosun_reply_set_status(bosun_transport_reply *reply, int status);

/* Adds a header. Returns 0, or -1: out of memory, or NULL. */
BOSUN_API int bosun_reply_add_header(bosun_transport_reply *reply, const char *name, const char *value);

/* Adds bytes to the body. Returns 0, or -1: the body is larger than max_bytes, or out of memory, and the
 * request fails for that reason; or NULL. */
BOSUN_API int bosun_reply_append(bosun_transport_reply *reply, const char *bytes, size_t len);

/* Says why there is no reply.
 * code:    one that plugins know from the library, such as "connect", "tls", "timeout" or "ECONNREFUSED"
 *          (docs/reference/errors.md); NULL: "http".
 * message: what follows "GET http://… failed: ". */
BOSUN_API void bosun_reply_fail(bosun_transport_reply *reply, const char *code, const char *message);

/* The settings of a host. Set the defaults with bosun_options_init, then change fields. */
typedef struct bosun_options {
    /* The bytes of the struct, which bosun_options_init sets. It tells the library which fields the program
     * knows, so that a program and a library of different versions understand each other. An option that the
     * library does not know is an error, unless it has its default. */
    size_t size;

    /* Colon-separated folders, searched first for a plugin given by name. NULL: none. The library does not
     * read BOSUN_PLUGIN_PATH; bosun-plugin-runner passes it here. Default: NULL. */
    const char *plugin_path;

    /* The folder with the plugins installed on this machine, searched next. NULL: ../share/bosun/site
     * relative to the folder of the running program, or else of libbosun; if neither exists, the one below
     * the PREFIX that the library was built with. Default: NULL. */
    const char *site_dir;

    /* Record changes instead of making them. Default: false. */
    bool dry_run;

    /* Values that replace those of the action config, or add to it: "deploymentInfo.id=d1". A value is YAML,
     * but text where the config has text. Ends with NULL. NULL: none. Must stay valid until bosun_host_free
     * returns. Default: NULL. */
    const char *const *settings;

    /* Seconds that a call may take before the plugin is stopped. Each call has them anew, except that the
     * call after bosun_host_load shares its time: so many seconds are for loading the plugin and the first
     * run. The plugin's finalizers, in bosun_host_free, have 5 seconds at most. 0: no timeout. Default: 0. */
    double timeout;

    /* The most bytes that Lua may allocate. 0: no limit. Default: 0. */
    size_t memory_limit;

    /* The lowest level that reaches `log`. Default: BOSUN_LOG_INFO. */
    bosun_log_level log_level;

    /* Receives log events. NULL: they are discarded. Default: NULL. */
    bosun_log_function *log;

    /* Passed to `log`. Must stay valid until bosun_host_free returns. Default: NULL. */
    void *log_data;

    /* Receives changes of phase. NULL: none. Default: NULL. */
    bosun_phase_function *phase;

    /* Passed to `phase`. Must stay valid until bosun_host_free returns. Default: NULL. */
    void *phase_data;

    /* The field `run` of every log event, which tells the events of one run from those of others: at most 64
     * bytes. NULL: random, another one for each action. Default: NULL. */
    const char *run_id;

    /* The span of the caller that actions are part of, as W3C Trace Context writes it ("00-…-…-01"). Each
     * action is a span of its own in that trace; programs and HTTP requests of the plugin continue it. NULL,
     * or a text that is not valid: each action begins a trace. Default: NULL. */
    const char *traceparent;

    /* Finds modules that plugins require. NULL: none. Default: NULL. */
    bosun_module_function *find_module;

    /* Passed to `find_module`. Must stay valid until bosun_host_free returns. Default: NULL. */
    void *find_module_data;

    /* The most Lua instructions that a call may execute, counted in steps of 1,000, before the plugin is
     * stopped, as by a timeout; a plugin's clean_up is not counted. Unlike the timeout, it does not depend on
     * the machine. 0: no limit. Default: 0. */
    uint64_t instruction_limit;

    /* Allocates what Lua uses, which is nearly all that grows with a plugin. Only one call at a time for one
     * host. NULL: realloc. Default: NULL. */
    bosun_allocate_function *allocate;

    /* Passed to `allocate`. Must stay valid until bosun_host_free returns. Default: NULL. */
    void *allocate_data;

    /* Makes the HTTP requests of plugins, one at a time. Then the library opens no connection for bosun.http,
     * and options about connections (Unix sockets, TLS) and other protocols (WebSockets) are errors. NULL:
     * libcurl makes them. Default: NULL. */
    bosun_transport_function *transport;

    /* Passed to `transport`. Must stay valid until bosun_host_free returns. Default: NULL. */
    void *transport_data;

    /* For the program itself: see bosun_host_user. Default: NULL. */
    void *user;
} bosun_options;

/* Sets every field to its default. Always call it first.
 * options: may be NULL. */
#define bosun_options_init(options) bosun_options_init_size((options), sizeof(bosun_options))

/* What bosun_options_init calls, for programs that do not use this header's macros.
 * size: of the program's struct. Not a byte more is written. */
BOSUN_API void bosun_options_init_size(bosun_options *options, size_t size);

/* Creates a host.
 * options: copied, including its strings, but for those of `settings`; NULL: the defaults.
 * error:   filled on failure and cleared on success; may be NULL.
 * Returns the host, to be freed with bosun_host_free, or NULL on failure: out of memory or descriptors, a
 * timeout that is negative or not a number. */
BOSUN_API bosun_host *bosun_host_new(const bosun_options *options, bosun_error *error);

/* Returns bosun_options.user. host NULL: NULL. */
BOSUN_API void *bosun_host_user(const bosun_host *host);

/* Runs the plugin's finalizers and frees the host. The log and phase functions may be called meanwhile. A
 * finalizer that takes too long is stopped, and those left are skipped; all of them are if the thread's stack
 * is too small. The log says so.
 * host: may be NULL. */
BOSUN_API void bosun_host_free(bosun_host *host);

/* Loads a plugin. A host has one plugin at a time: bosun_host_unload makes room for another. A failed load
 * leaves the host as it was before, with no plugin; what it had begun is finalized by the next load.
 * plugin:         a name, or the path of a Lua module. It is a path if it contains '/' or ends in ".lua".
 * private_config: path of the plugin's own config, which the plugin reads when an action runs; NULL: none.
 * error:          filled on failure and cleared on success; may be NULL.
 * Returns 0, or -1 on failure. */
BOSUN_API int bosun_host_load(bosun_host *host, const char *plugin, const char *private_config,
                              bosun_error *error);

/* What to load. Set the defaults with bosun_load_options_init, then change fields. Nothing but what is copied
 * is kept after the call. */
typedef struct bosun_load_options {
    /* The bytes of the struct, which bosun_load_options_init sets: see bosun_options.size. */
    size_t size;

    /* As in bosun_host_load. With `source`: the plugin's name in messages; NULL: "plugin". Default: NULL. */
    const char *plugin;

    /* The Lua source of the plugin's module. NULL: it is in a file. Such a plugin has no folder of its own;
     * its modules are those of bosun_host_add_module and bosun_options.find_module. Default: NULL. */
    const char *source;

    /* Bytes of `source`. Default: 0. */
    size_t source_len;

    /* Path of the plugin's own config. NULL: none. With private_config_text: its name in messages; NULL:
     * "private config". Default: NULL. */
    const char *private_config;

    /* That config itself, copied. The plugin reads it from a file in memory, which nobody else can open.
     * NULL: it is in a file. Default: NULL. */
    const char *private_config_text;

    /* Bytes of `private_config_text`. Default: 0. */
    size_t private_config_len;
} bosun_load_options;

/* Sets every field to its default. Always call it first.
 * options: may be NULL. */
#define bosun_load_options_init(options) bosun_load_options_init_size((options), sizeof(bosun_load_options))

/* The same for programs that do not use this header's macros. */
BOSUN_API void bosun_load_options_init_size(bosun_load_options *options, size_t size);

/* Loads a plugin, as bosun_host_load, that can be in memory. */
BOSUN_API int bosun_host_load_with(bosun_host *host, const bosun_load_options *options, bosun_error *error);

/* Unloads the plugin: runs its finalizers, as bosun_host_free does, and forgets all of its Lua state.
 * Options, modules, secrets and configs that were read stay. If this fails, the host can only be freed or
 * unloaded again. A host that has no plugin is left as it is. error: filled on failure and cleared on
 * success; may be NULL. Returns 0, or -1: out of memory. */
BOSUN_API int bosun_host_unload(bosun_host *host, bosun_error *error);

/* Adds a Lua module that plugins of this host can require. It comes before the plugin's folder and those of
 * the system, and stays when a plugin is unloaded. Call it before the plugin requires the module.
 * name:   "shop.prices"; not "bosun" or "bosun.…", which are the library's.
 * source: Lua source, copied. len: its bytes.
 * error:  filled on failure and cleared on success; may be NULL.
 * Returns 0, or -1: the name is NULL, empty, the library's or taken; out of memory. */
BOSUN_API int bosun_host_add_module(bosun_host *host, const char *name, const char *source, size_t len,
                                    bosun_error *error);

struct lua_State;

/* Opens a module written in C, a lua_CFunction: as luaopen_NAME, with the name and `data`, a light userdata,
 * as its arguments. */
typedef int (*bosun_opener)(struct lua_State *L);

/* The same for a module written in C with Lua's own interface. Only for programs that use the same Lua
 * library as libbosun: see docs/how-to/embed-libbosun.md, "Programs with a Lua of their own". data: must stay
 * valid until bosun_host_free returns. */
BOSUN_API int bosun_host_add_c_module(bosun_host *host, const char *name, bosun_opener open, void *data,
                                      bosun_error *error);

/* Runs one action. A host can run several actions, one after another, whether they are stopped or not; each
 * gets a new plugin object.
 * action: name of the action, "deployment_start".
 * config: path of the action config (YAML); NULL: none, for an action that needs none.
 * Returns the status, to be freed with bosun_status_free. Any failure, including a plugin that failed to
 * load, becomes a failing status with the reason as its message. NULL: out of memory for a status. */
BOSUN_API bosun_status *bosun_host_run(bosun_host *host, const char *action, const char *config);

/* bosun_run_options.timeout: that of the host. */
#define BOSUN_TIMEOUT_OF_HOST (-1.0)

/* The settings of one run. Set the defaults with bosun_run_options_init, then change fields. Nothing is kept
 * after the call. */
typedef struct bosun_run_options {
    /* The bytes of the struct, which bosun_run_options_init sets: see bosun_options.size. */
    size_t size;

    /* Path of the action config (YAML). NULL: none, for an action that needs none. With config_text: the name
     * of that text in messages; NULL: "action config". Default: NULL. */
    const char *config;

    /* The action config itself. NULL: it is in a file. Default: NULL. */
    const char *config_text;

    /* Bytes of `config_text`. Default: 0. */
    size_t config_len;

    /* As bosun_options.settings. NULL: those of the host. Default: NULL. */
    const char *const *settings;

    /* Seconds that the run may take before it is stopped. Unlike the timeout of the host, all of them are for
     * this run, even the first. 0: no timeout. Default: BOSUN_TIMEOUT_OF_HOST. */
    double timeout;
} bosun_run_options;

/* Sets every field to its default. Always call it first.
 * options: may be NULL. */
#define bosun_run_options_init(options) bosun_run_options_init_size((options), sizeof(bosun_run_options))

/* The same for programs that do not use this header's macros. */
BOSUN_API void bosun_run_options_init_size(bosun_run_options *options, size_t size);

/* Runs one action, as bosun_host_run, with settings of its own.
 *
 * The last few action configs are kept as they were read, up to 64 KiB each, so that the same config again
 * costs no time. A file that has changed is read again.
 * options: NULL: the defaults. */
BOSUN_API bosun_status *bosun_host_run_with(bosun_host *host, const char *action,
                                            const bosun_run_options *options);

/* Receives the names of one plugin, separated by commas: "filesystem,filesystem_plugin". The same rules apply
 * as for bosun_log_function.
 * data: as passed to bosun_list_plugins. */
typedef void bosun_name_function(void *data, const char *names);

/* Lists the plugins that can be given by name: the built-in ones, then those in the folders of
 * options->plugin_path and options->site_dir. No plugin is loaded.
 * options: NULL: the defaults.
 * Returns 0, or -1: out of memory, or the options have no valid size. */
BOSUN_API int bosun_list_plugins(const bosun_options *options, bosun_name_function *tell, void *data);

/* The format of a plugin's description. */
typedef enum bosun_describe_format {
    BOSUN_DESCRIBE_TEXT,        /* for people */
    BOSUN_DESCRIBE_JSON,        /* for programs */
    BOSUN_DESCRIBE_YAML_SAMPLE, /* a commented private config to start from */
} bosun_describe_format;

/* Describes the loaded plugin: its name, the actions it implements, and the options of its private config.
 * Does not create a plugin object.
 * error: filled on failure and cleared on success; may be NULL.
 * Returns the text, to be freed with bosun_text_free, or NULL on failure. */
BOSUN_API char *bosun_host_describe(bosun_host *host, bosun_describe_format format, bosun_error *error);

/* Frees a text returned by bosun_host_describe.
 * text: may be NULL. */
BOSUN_API void bosun_text_free(char *text);

/* Returns whether the loaded plugin declares the options of its private config (config_schema). False if no
 * plugin is loaded. */
BOSUN_API bool bosun_host_has_schema(bosun_host *host);

/* A mistake in a config, or the lack of an action in a plugin, whose file it then names. The strings are
 * valid only during the call of the problem function. */
typedef struct bosun_problem {
    const char *file;    /* NULL: no config was given, but one is needed */
    unsigned line;       /* 1-based; 0: unknown, as when the file cannot be read */
    unsigned column;     /* 1-based, in characters; 0: unknown */
    const char *path;    /* of the key: "deploymentInfo.id"; "": the file as a whole */
    const char *message; /* what is wrong and what is expected, UTF-8 without secrets */
} bosun_problem;

/* Receives one problem. The same rules apply as for bosun_log_function.
 * data: as passed to bosun_host_validate. */
typedef void bosun_problem_function(void *data, const bosun_problem *problem);

/* Checks that the loaded plugin implements the action, its private config (against its schema; without one,
 * only that it is YAML) and the action config. Runs no action, creates no plugin object and changes nothing.
 * action: the action that the action config is for; NULL: check only what every action requires.
 * config: path of the action config; NULL: none, which is a problem if the action needs one.
 * tell:   receives each problem; NULL: they are only counted.
 * data:   passed to `tell`.
 * error:  filled on failure and cleared on success; may be NULL.
 * Returns the number of problems, or -1 on failure: no plugin loaded, an invalid schema, an unknown action,
 * cancelled, out of memory. */
BOSUN_API int bosun_host_validate(bosun_host *host, const char *action, const char *config,
                                  bosun_problem_function *tell, void *data, bosun_error *error);

/* How long a plugin's clean_up may take after an action that was cancelled or has run out of time. */
#define BOSUN_CLEAN_UP_SECONDS 20

/* Stops one call: the one that is in progress, at its next Lua instruction or wait, or else the next. That is
 * bosun_host_run, whose status is then failing, or bosun_host_load, _describe or _validate, which fail with
 * the code "cancelled". A plugin with the method clean_up then has BOSUN_CLEAN_UP_SECONDS to undo or to
 * finish what its action began. The cancel is over when the call that it has stopped returns, and the host
 * can run the next action, which can be cancelled anew.
 *
 * So no cancel is lost: one that comes between two calls stops the second, and one that comes when an action
 * has already done its work does not undo that, but stops the call after it; bosun_host_reset drops it.
 * Several cancels before a call stops count as one, with the reason of the last. If the host is freed, a
 * pending cancel is dropped; the finalizers run.
 *
 * host:   may be NULL.
 * reason: for the message, copied, at most 127 bytes of it; NULL: "cancelled".
 * Any thread and any signal handler may call this while the host exists. */
BOSUN_API void bosun_host_cancel(bosun_host *host, const char *reason);

/* Drops a cancel that has not stopped a call yet. For threads that cancel certain runs and no others, as when
 * a client goes away: let each cancel under a lock, and only while the run that it is for is entered there;
 * after each run, with that lock, take the entry out and call this.
 * host: may be NULL. Call it from the thread that uses the host, between two calls. */
BOSUN_API void bosun_host_reset(bosun_host *host);

/* How an action ended. The values are also the exit statuses of bosun-plugin-runner with --exit-codes. */
typedef enum bosun_outcome {
    BOSUN_PASSING = 0,
    BOSUN_FAILING = 1,
    BOSUN_WARNING = 2,
    BOSUN_UNKNOWN = 3,
} bosun_outcome;

/* Returns "passing", "failing", "warning" or "unknown". The string is static. */
BOSUN_API const char *bosun_outcome_name(bosun_outcome outcome);

/* Frees a status.
 * status: may be NULL. */
BOSUN_API void bosun_status_free(bosun_status *status);

/* Returns how the action ended. The functions below accept NULL, too, a status that bosun_host_run had no
 * memory for: its outcome is unknown, and it has nothing else. */
BOSUN_API bosun_outcome bosun_status_outcome(const bosun_status *status);

/* Returns the message for people, UTF-8 without secrets. NULL: none. */
BOSUN_API const char *bosun_status_message(const bosun_status *status);

/* Returns the bytes of the message, 0 if there is none. */
BOSUN_API size_t bosun_status_message_length(const bosun_status *status);

/* Returns the code of what went wrong, data.error.code: docs/reference/errors.md lists those of the library,
 * and a plugin can have its own. NULL: nothing went wrong, or the plugin's data has no place for a code. */
BOSUN_API const char *bosun_status_code(const bosun_status *status);

/* Returns the state of the deployment: "ready", "stopped", …. NULL: none. */
BOSUN_API const char *bosun_status_state(const bosun_status *status);

/* Returns how long the action took, in seconds. */
BOSUN_API double bosun_status_duration(const bosun_status *status);

/* Returns when the action ended, in milliseconds since the epoch. */
BOSUN_API int64_t bosun_status_timestamp(const bosun_status *status);

/* Returns the status as the text of a status file: YAML with the six keys of the contract.
 * Data that is too large to write makes the status failing, with a message that says so: call this before the
 * functions above if both matter.
 * len: receives the number of bytes; may be NULL.
 * NULL: out of memory. */
BOSUN_API const char *bosun_status_yaml(bosun_status *status, size_t *len);

/* Returns the status as JSON, in one line: an object with the same six keys. What JSON does not have becomes
 * a string: keys that are numbers or booleans, infinite numbers, "nan". In a mapping with a string among the
 * keys that could be meant so, too, as in one of 1 and "1", they say what they are: "1 (an integer)". len:
 * receives the number of bytes; may be NULL. NULL: out of memory. */
BOSUN_API const char *bosun_status_json(bosun_status *status, size_t *len);

/* A value of a status's data, to be read only. It belongs to the status. The functions below accept NULL,
 * which is like a null, and values of all kinds: a string has no items, a number no text. */
typedef struct bosun_value bosun_value;

typedef enum bosun_kind {
    BOSUN_NULL,
    BOSUN_BOOL,
    BOSUN_INT, /* 64 bits */
    BOSUN_FLOAT,
    BOSUN_STRING,
    BOSUN_SEQUENCE,
    BOSUN_MAPPING,
} bosun_kind;

/* Returns the data of a status, without secrets. NULL: none, or out of memory. */
BOSUN_API const bosun_value *bosun_status_data(bosun_status *status);

BOSUN_API bosun_kind bosun_value_kind(const bosun_value *value);

/* Returns how many items a sequence has, or keys a mapping; 0 for other values. */
BOSUN_API size_t bosun_value_count(const bosun_value *value);

/* Returns an item of a sequence, or a value of a mapping. index: from 0. NULL: there are not so many. */
BOSUN_API const bosun_value *bosun_value_at(const bosun_value *value, size_t index);

/* Returns the key of that value of a mapping: a string, an integer, a float or a boolean. NULL: as above. */
BOSUN_API const bosun_value *bosun_value_key_at(const bosun_value *value, size_t index);

/* Returns the value of a mapping at a key that is a string. NULL: there is none. */
BOSUN_API const bosun_value *bosun_value_find(const bosun_value *value, const char *key);

/* Returns the text of a string, valid UTF-8, which can contain NUL bytes. NULL: the value is not a string.
 * len: receives the number of bytes, without the NUL byte at the end; may be NULL. */
BOSUN_API const char *bosun_value_as_text(const bosun_value *value, size_t *len);

/* Returns an integer; 0 for other values. */
BOSUN_API int64_t bosun_value_as_int(const bosun_value *value);

/* Returns a float or an integer as a float; 0 for other values. */
BOSUN_API double bosun_value_as_float(const bosun_value *value);

/* Returns whether the value is true. */
BOSUN_API bool bosun_value_as_bool(const bosun_value *value);

#ifdef __cplusplus
}
#endif

#endif
