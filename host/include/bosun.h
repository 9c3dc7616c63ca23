/* libbosun: run the actions of Lua plugins from a C or C++ program.
 *
 *     bosun_options options;
 *     bosun_options_init(&options);
 *     bosun_error error;
 *     bosun_host *host = bosun_host_new(&options, &error);
 *     if (host && bosun_host_load(host, "filesystem", "/etc/bosun/fs.yaml", &error) == 0) {
 *         bosun_status *status = bosun_host_run(host, "pe_status", "/run/action.yaml");
 *         puts(bosun_status_message(status));
 *         bosun_status_free(status);
 *     }
 *     bosun_host_free(host);
 *
 * A host is used by one thread at a time; hosts in several threads are independent. The library has no global
 * state, never exits, prints, or changes signals, locale, working directory, umask or environment. It runs
 * the plugin in the calling process: a plugin that never returns from a C function (string.find, string.rep)
 * can be stopped only from outside, which is what bosun-plugin-runner's second process is for.
 *
 * Strings given to the library are borrowed for the call, unless it says otherwise; strings it returns belong
 * to the object they were asked of. */
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

#define BOSUN_VERSION "0.1.0"

/* The version of the library that is running, "MAJOR.MINOR.PATCH"; static. */
BOSUN_API const char *bosun_version(void);

typedef struct bosun_host bosun_host;
typedef struct bosun_status bosun_status;

/* Why a call failed, as fields for programs and a text for people. Free of the secrets that the host knows.
 * docs/reference/errors.md lists the codes. */
typedef struct bosun_error {
    char code[32];      /* the name of an errno value ("ENOENT": no such plugin), "invalid", "cancelled" (also
                         * when time is up), …; "" after success */
    char op[64];        /* what was being done: "open", "load" */
    char message[4096]; /* the whole text, its place included: "file:line:column: key.path: what happened,
                         * what to do"; several problems are several lines; "" after success */
    char file[512];     /* the file that is wrong, a plugin or a config; "": none */
    unsigned line;      /* in that file, 1-based; 0: none */
    unsigned column;    /* in characters, 1-based; 0: not known */
    char path[256];     /* of the key in that file: "peInfo.deployments[2].id"; "": none */
} bosun_error;

typedef enum bosun_log_level {
    BOSUN_LOG_TRACE,
    BOSUN_LOG_DEBUG,
    BOSUN_LOG_INFO,
    BOSUN_LOG_WARN,
    BOSUN_LOG_ERROR,
} bosun_log_level;

/* A named value of a log event. `text` has `len` bytes, is UTF-8 and free of secrets; `bare` says that it is
 * a number, true, false or null, which a structured format writes without quotes. */
typedef struct bosun_log_field {
    const char *name;
    const char *text;
    size_t len;
    bool bare;
} bosun_log_field;

typedef struct bosun_log_event {
    bosun_log_level level;
    int64_t time_ns;     /* since the epoch */
    const char *message; /* UTF-8, may hold newlines */
    const bosun_log_field *fields;
    size_t field_count;
} bosun_log_event;

/* Gets every event at or above the host's level, in the thread that runs the action. Must not call the host.
 */
typedef void bosun_log_function(void *data, const bosun_log_event *event);

/* Where the host is in its work; names for messages: bosun_phase_name. */
typedef enum bosun_phase {
    BOSUN_PHASE_IDLE,
    BOSUN_PHASE_CONFIG, /* reading the action config */
    BOSUN_PHASE_LOAD,   /* running the plugin's file */
    BOSUN_PHASE_INIT,   /* in the plugin's constructor */
    BOSUN_PHASE_ACTION, /* in the action's method */
    BOSUN_PHASE_CLOSE,  /* freeing the host: finalizers */
} bosun_phase;

/* "reading the action config", "loading the plugin", …; static. */
BOSUN_API const char *bosun_phase_name(bosun_phase phase);

/* Called at each change of phase. */
typedef void bosun_phase_function(void *data, bosun_phase phase);

typedef struct bosun_options {
    const char *plugin_path; /* colon-separated folders searched first for a plugin's bare name; NULL: none
                              * (the runner passes BOSUN_PLUGIN_PATH) */
    const char *site_dir;    /* folder of the plugins installed on this machine; NULL: share/bosun/site beside
                              * the    program's folder, else of the installation */
    bool dry_run;            /* changes are recorded, not done */
    double timeout;          /* seconds from bosun_host_new to the deadline of everything; 0: none */
    size_t memory_limit;     /* bytes that Lua may use; 0: no limit */

    bosun_log_level log_level; /* default BOSUN_LOG_INFO */
    bosun_log_function *log;   /* NULL: no log */
    void *log_data;
    bosun_phase_function *phase; /* NULL: not told */
    void *phase_data;
} bosun_options;

/* Sets every default. Call it first, so that options added later have theirs. */
BOSUN_API void bosun_options_init(bosun_options *options);

/* A host; options are copied. NULL on failure (out of memory, out of descriptors), with *error filled
 * (error may be NULL). */
BOSUN_API bosun_host *bosun_host_new(const bosun_options *options, bosun_error *error);

/* Frees everything, after the plugin's finalizers have run. NULL is allowed. */
BOSUN_API void bosun_host_free(bosun_host *host);

/* Loads the plugin: a name, or a path (holds '/' or ends in ".lua") to a Lua module. private_config: path of
 * the plugin's own config, or NULL. Once for each host. 0, or -1 with *error filled. */
BOSUN_API int bosun_host_load(bosun_host *host, const char *plugin, const char *private_config,
                              bosun_error *error);

/* Runs one action. config: path of the action config (YAML), or NULL when the action needs none. Always
 * returns a status, which the caller frees; whatever went wrong, the failure to load the plugin included, is
 * in it. NULL only when there is no memory left for even a status. Reading several actions with one host is
 * allowed. */
BOSUN_API bosun_status *bosun_host_run(bosun_host *host, const char *action, const char *config);

/* What bosun_host_describe gives. */
typedef enum bosun_describe_format {
    BOSUN_DESCRIBE_TEXT,        /* for people */
    BOSUN_DESCRIBE_JSON,        /* for programs */
    BOSUN_DESCRIBE_YAML_SAMPLE, /* a commented private config to start from */
} bosun_describe_format;

/* What the loaded plugin is: its name, the actions it implements, the options of its private config. Makes no
 * plugin object. NULL on failure, with *error filled. The caller frees the text with bosun_text_free. */
BOSUN_API char *bosun_host_describe(bosun_host *host, bosun_describe_format format, bosun_error *error);
BOSUN_API void bosun_text_free(char *text); /* NULL is allowed */

/* Does the loaded plugin say what its private config holds (config_schema)? False when there is no plugin. */
BOSUN_API bool bosun_host_has_schema(bosun_host *host);

/* Something wrong in a config. The strings are valid during the call that tells it. */
typedef struct bosun_problem {
    const char *file;    /* NULL: no file was given, and one is needed */
    unsigned line;       /* 1-based; 0: there is no such place (the file cannot be read, say) */
    unsigned column;     /* of a character, 1-based; 0 with line */
    const char *path;    /* the key: "deploymentInfo.id"; "": the file as a whole */
    const char *message; /* what is wrong and was expected, UTF-8; shows no secret */
} bosun_problem;

/* Must not call the host. */
typedef void bosun_problem_function(void *data, const bosun_problem *problem);

/* Checks the loaded plugin's private config (against its schema; without one, only that it is YAML), and the
 * action config as `action` needs it: no action is run, no plugin object made, nothing changed. config NULL:
 * none, which is a problem when the action needs one. action NULL: only what holds for every action. Tells
 * each problem; returns how many, or -1 with *error filled: no plugin, a wrong schema, an unknown action,
 * cancelled, out of memory. */
BOSUN_API int bosun_host_validate(bosun_host *host, const char *action, const char *config,
                                  bosun_problem_function *tell, void *data, bosun_error *error);

/* Makes a running action stop at the next Lua instruction or wait: its status is failing. `reason` (static
 * string, or NULL) is put in the message. Safe in a signal handler and from any thread, while the host lives.
 */
BOSUN_API void bosun_host_cancel(bosun_host *host, const char *reason);

/* How an action ended. The numbers are the runner's exit status. */
typedef enum bosun_outcome {
    BOSUN_PASSING = 0,
    BOSUN_FAILING = 1,
    BOSUN_WARNING = 2,
    BOSUN_UNKNOWN = 3,
} bosun_outcome;

BOSUN_API void bosun_status_free(bosun_status *status); /* NULL is allowed */

BOSUN_API bosun_outcome bosun_status_outcome(const bosun_status *status);
BOSUN_API const char *bosun_status_message(const bosun_status *status); /* NULL: none */
BOSUN_API const char *bosun_status_state(const bosun_status *status);   /* "ready", …; NULL: none */
BOSUN_API double bosun_status_duration(const bosun_status *status);     /* seconds */
BOSUN_API int64_t bosun_status_timestamp(const bosun_status *status);   /* milliseconds since the epoch */

/* The status as the text of a status file (YAML, the six keys of the contract); belongs to the status. Data
 * that is too large to be written makes the status failing, with a message that says so. NULL: out of
 * memory. */
BOSUN_API const char *bosun_status_yaml(bosun_status *status, size_t *len);

/* "passing", "failing", "warning", "unknown"; static. */
BOSUN_API const char *bosun_outcome_name(bosun_outcome outcome);

#ifdef __cplusplus
}
#endif

#endif
