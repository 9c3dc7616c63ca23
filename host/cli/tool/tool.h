/* What the subcommands of bosun, the developer's tool, share. */
#ifndef BOSUN_CLI_TOOL_TOOL_H
#define BOSUN_CLI_TOOL_TOOL_H

#include "bosun.h"
#include "cli/args.h"

/* Exit status, as in sysexits.h. */
enum {
    TOOL_OK = 0,
    TOOL_USAGE = 64,   /* the command line is wrong */
    TOOL_NO_FILE = 66, /* there is no such plugin, or it cannot be read */
    TOOL_BROKEN = 70,  /* the plugin cannot be loaded */
    TOOL_OUTPUT = 74,  /* standard output cannot be written */
    TOOL_CONFIG = 78,  /* a config is wrong */
};

/* The subcommands. */
extern const args_command tool_describe;
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

/* The same with the text of --help. */
int tool_print_help(const args_command *command);

/* Tells on standard error why the tool ends; returns `status`. */
int tool_fail(int status, const char *message);

/* A host with the plugin loaded, in which nothing of the world is changed; to be freed with bosun_host_free.
 * NULL: the reason is told and *status is the exit status. The process ends a second after the timeout,
 * whatever the plugin does. */
bosun_host *tool_open(const char *plugin, const char *private_config, double timeout, int *status);

/* Tells why describe or validate failed; returns the exit status. */
int tool_plugin_failed(const bosun_error *error);

#endif
