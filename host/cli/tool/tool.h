/* What the subcommands of bosun, the developer's tool, share. */
#ifndef BOSUN_CLI_TOOL_TOOL_H
#define BOSUN_CLI_TOOL_TOOL_H

#include "bosun.h"
#include <stddef.h>

/* Exit status, as in sysexits.h. */
enum {
    TOOL_OK = 0,
    TOOL_USAGE = 64,   /* the command line is wrong */
    TOOL_NO_FILE = 66, /* there is no such plugin, or it cannot be read */
    TOOL_BROKEN = 70,  /* the plugin cannot be loaded */
    TOOL_OUTPUT = 74,  /* standard output cannot be written */
    TOOL_CONFIG = 78,  /* a config is wrong */
};

#define TOOL_TIMEOUT 10.0 /* seconds, unless --timeout says otherwise */

/* Subcommands: argv[0] is the subcommand's name. Each returns the exit status. */
int tool_describe(int argc, char **argv);
int tool_validate(int argc, char **argv);

/* Writes to standard output. Returns the exit status: TOOL_OK or TOOL_OUTPUT. */
int tool_print(const char *text, size_t len);

/* Tells on standard error why the tool ends; returns `status`. */
int tool_fail(int status, const char *message);

/* A host with the plugin loaded, in which nothing of the world is changed; to be freed with bosun_host_free.
 * NULL: the reason is told and *status is the exit status. The process ends a second after the timeout,
 * whatever the plugin does. */
bosun_host *tool_open(const char *plugin, const char *private_config, double timeout, int *status);

/* Tells why describe or validate failed; returns the exit status. */
int tool_plugin_failed(const bosun_error *error);

#endif
