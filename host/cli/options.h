/* The runner's command line. */
#ifndef BOSUN_CLI_OPTIONS_H
#define BOSUN_CLI_OPTIONS_H

#include "args.h"
#include "color.h"
#include "core/action.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "runner/run_id.h"
#include "sink.h"
#include <stdbool.h>

typedef enum trace_format { TRACE_JSON, TRACE_OTLP_JSON } trace_format;

/* The command line, parsed. Strings are argv's. */
typedef struct options {
    const char *plugin;
    const bosun_action *action;
    const char *config;
    const char *private_config;
    const char *status_file;
    const char *trace_file;
    trace_format trace_format;
    char *const *argv;           /* as it was given */
    const char *keep_runs;       /* DIR or DIR:N; NULL: no run is kept */
    size_t keep_len;             /* of DIR */
    unsigned keep_count;         /* N */
    const char *const *settings; /* of `bosun run`; ends with NULL; NULL: none */
    double timeout;              /* seconds; 0: none */
    bosun_log_level log_level;
    bosun_log_format log_format;
    color_when color;
    bool dry_run;
    const char *debug_socket; /* NULL: no debugger */
    bool debug_wait;
    bool debug; /* at the terminal, from the action's first line on */
    bool repl_on_error;
    bool show_status;
    bool exit_codes;
    bool detailed_exit_codes;
    const char *logfile;
    const char *log_config; /* of Python's logging: without meaning here */
    const char *gen_config; /* "": on standard output; NULL: not asked for */
    bool list_actions;
    bool list_plugins;
    bool version;
    bool help;
} options;

/* Rows of the table that `bosun run` has, too: its struct begins with an `options`. */
#define OPTIONS_CONFIGS                                                                                      \
    {.name = "--config",                                                                                     \
     .argument = "F",                                                                                        \
     .type = ARGS_TEXT,                                                                                      \
     .field = offsetof(options, config),                                                                     \
     .help = "the action config (YAML), as the agent writes it; actions on a deployment or an endpoint "     \
             "need one"},                                                                                    \
    {                                                                                                        \
        .name = "--private-config", .argument = "F", .type = ARGS_TEXT,                                      \
        .field = offsetof(options, private_config), .help = "the plugin's own config (YAML)"                 \
    }
#define OPTIONS_HOW                                                                                          \
    {.name = "--timeout",                                                                                    \
     .argument = "SECONDS",                                                                                  \
     .type = ARGS_SECONDS,                                                                                   \
     .field = offsetof(options, timeout),                                                                    \
     .section = "How to run it",                                                                             \
     .help = "stop the action after this time; fractions are allowed (default: no limit)"},                  \
    {                                                                                                        \
        .name = "--dry-run", .type = ARGS_FLAG, .field = offsetof(options, dry_run),                         \
        .help = "report what would change, and change nothing"                                               \
    }
#define OPTIONS_DETAILED(else_codes)                                                                         \
    {                                                                                                        \
        .name = "--detailed-exit-codes", .type = ARGS_FLAG, .field = offsetof(options, detailed_exit_codes), \
        .help = "of a dry run: exit with 0 if there is nothing to change, 4 if there is; " else_codes        \
    }
#define OPTIONS_LOG                                                                                          \
    {.name = "--log-level",                                                                                  \
     .argument = "L",                                                                                        \
     .type = ARGS_CHOICE,                                                                                    \
     .field = offsetof(options, log_level),                                                                  \
     ARGS_CHOICES(bosun_log_level_names),                                                                    \
     .synonyms = options_log_levels,                                                                         \
     .fallback = "info",                                                                                     \
     .help = "the least severe events to log: " ARGS_LISTED                                                  \
             ", in any case; WARNING and CRITICAL are warn and error"},                                      \
    {                                                                                                        \
        .name = "--log-format", .argument = "F", .type = ARGS_CHOICE,                                        \
        .field = offsetof(options, log_format), ARGS_CHOICES(bosun_log_format_names), .fallback = "text",    \
        .help = "how to write them: " ARGS_LISTED                                                            \
    }
#define OPTIONS_TRACE                                                                                        \
    {.name = "--trace",                                                                                      \
     .argument = "FILE",                                                                                     \
     .type = ARGS_TEXT,                                                                                      \
     .field = offsetof(options, trace_file),                                                                 \
     .help = "append a JSON line to FILE for each file operation, HTTP request and program of the plugin"},  \
    {                                                                                                        \
        .name = "--trace-format", .argument = "F", .type = ARGS_CHOICE,                                      \
        .field = offsetof(options, trace_format), ARGS_CHOICES(options_trace_formats), .fallback = "json",   \
        .help = "what the lines are: json, which also has the log's events, or otlp-json, the spans of "     \
                "OpenTelemetry's format for files"                                                           \
    }

extern const char *const options_trace_formats[2];
#define OPTIONS_DEBUG                                                                                        \
    {.name = "--repl-on-error",                                                                              \
     .type = ARGS_FLAG,                                                                                      \
     .field = offsetof(options, repl_on_error),                                                              \
     .section = "Debugging",                                                                                 \
     .help = "on a terminal, when an error is about to make the action fail: open the debugger where it is " \
             "raised"},                                                                                      \
        {.name = "--debug-socket",                                                                           \
         .argument = "F",                                                                                    \
         .type = ARGS_TEXT,                                                                                  \
         .field = offsetof(options, debug_socket),                                                           \
         .help =                                                                                             \
             "let an editor attach a debugger while the action runs, at the unix socket F (its user and "    \
             "root only)"},                                                                                  \
    {                                                                                                        \
        .name = "--debug-wait", .type = ARGS_FLAG, .field = offsetof(options, debug_wait),                   \
        .help = "with --debug-socket: begin when an editor has attached; the time until then does not count" \
    }

extern const args_synonym options_log_levels[];

/* 0, or -1: the command line is wrong, and *err says how. Even then, status_file is set when it was given and
 * can be used, and the failure is reported there. --help, --version and --list-… require no other option;
 * --gen-config requires --action. */
int options_parse(options *out, int argc, char **argv, bosun_err *err);

/* Refuses a status file or a trace that is another file of the command line, under whatever name. 0, or -1
 * and *err; then status_file is NULL if writing to it would destroy that other file. */
int options_check_files(options *opt, bosun_err *err);

/* The log of the action, on standard error. run: the run's ids; log_fd, patience: as in sink. */
sink options_sink(const options *opt, const run_id *run, int log_fd, int patience);

/* The table behind it. */
extern const args_command options_command;

#endif
