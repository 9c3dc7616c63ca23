/* What the subcommands of bosun, the developer's tool, share. */
#ifndef BOSUN_CLI_TOOL_TOOL_H
#define BOSUN_CLI_TOOL_TOOL_H

#include "bosun.h"
#include "cli/args.h"
#include "cli/color.h"

/* Exit status, as in sysexits.h. */
enum {
    TOOL_OK = 0,
    TOOL_USAGE = 64,   /* the command line is wrong */
    TOOL_NO_FILE = 66, /* no such plugin, or its file cannot be read */
    TOOL_BROKEN = 70,  /* the plugin cannot be loaded */
    TOOL_OUTPUT = 74,  /* standard output cannot be written */
    TOOL_CONFIG = 78,  /* a config is wrong */
};

/* The subcommands. */
extern const args_command tool_audit;
extern const args_command tool_bundle;
extern const args_command tool_debug;
extern const args_command tool_describe;
extern const args_command tool_repl;
extern const args_command tool_run;
extern const args_command tool_validate;

/* Rows that they share; `target` is the struct of the subcommand's options. */
#define TOOL_TIMEOUT(target)                                                                                 \
    {                                                                                                        \
        .name = "--timeout", .argument = "SECONDS", .type = ARGS_SECONDS,                                    \
        .field = offsetof(target, timeout), .fallback = "10", .help = "give up after this time"              \
    }
#define TOOL_EXITS                                                                                           \
    {"64", "the command line is wrong"}, {"66", "no such plugin, or its file cannot be read"},               \
        {"70", "the plugin cannot be loaded, or its schema is wrong"},                                       \
    {                                                                                                        \
        "74", "the output cannot be written"                                                                 \
    }

/* Writes to standard output. Returns the exit status: TOOL_OK or TOOL_OUTPUT. */
int tool_print(const char *text, size_t len);

/* Writes the text of --help. */
int tool_print_help(const args_command *command);

/* Reports on standard error why the tool ends; returns `status`. */
int tool_fail(int status, const char *message);

/* Makes a host in a dry run and loads the plugin into it; free it with bosun_host_free. NULL: the reason is
 * reported, and *status is the exit status. The process ends a second after the timeout, whatever the plugin
 * does. */
bosun_host *tool_load_plugin(const char *plugin, const char *private_config, double timeout, int *status);

/* Runs a command in Lua: the function `run` of a module of the library (engine/host/tool.h). Prints what it
 * returns; returns the exit status. It is given up after the timeout. */
int tool_run_lua(const char *module, const char *const *words, const char *const *fields, double timeout);

/* Reports why the plugin could not be loaded or looked into; returns the exit status. */
int tool_report_plugin(const bosun_error *error);

#endif
