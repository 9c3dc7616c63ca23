/* The first process: it makes sure that there is a truthful status file, whatever the worker does. */
#ifndef BOSUN_CLI_RUNNER_SUPERVISOR_H
#define BOSUN_CLI_RUNNER_SUPERVISOR_H

#include "cli/options.h"

enum { EXIT_USAGE = 64, EXIT_STATUS_FILE = 74, EXIT_PLANNED = 4 };

/* Opens missing standard descriptors, because otherwise the next file opened would become one; the plugin's
 * child processes do not inherit any other. A broken pipe or a full disk fails the write instead of killing
 * the process. 0, or -1 with errno set. */
int supervisor_set_up_process(void);

/* Runs the action; returns the exit status. */
int supervisor_run(const options *opt);

/* Writes a failing status for a wrong command line; returns the exit status. */
int supervisor_report_usage(const char *status_file, const bosun_err *why);

#endif
