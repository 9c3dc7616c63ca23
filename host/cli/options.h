/* The runner's command line. */
#ifndef BOSUN_CLI_OPTIONS_H
#define BOSUN_CLI_OPTIONS_H

#include "args.h"
#include "core/action.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include <stdbool.h>

/* The command line, parsed. Strings are argv's. */
typedef struct options {
    const char *plugin;
    const bosun_action *action;
    const char *config;
    const char *private_config;
    const char *status_file;
    const char *trace_file;
    double timeout; /* seconds; 0: none */
    bosun_log_level log_level;
    bosun_log_format log_format;
    bool dry_run;
    bool show_status;
    bool exit_codes;
    const char *logfile;
    const char *log_config; /* of Python's logging: without meaning here */
    const char *gen_config; /* "": on standard output; NULL: not asked for */
    bool list_actions;
    bool list_plugins;
    bool version;
    bool help;
} options;

/* 0, or -1: the command line is wrong, and *err says how. Even then, status_file is set when it was given and
 * can be used, and the failure is reported there. --help, --version and --list-… require no other option;
 * --gen-config requires --action. */
int options_parse(options *out, int argc, char **argv, bosun_err *err);

/* Refuses a status file or a trace that is another file of the command line, under whatever name. 0, or -1
 * and *err; then status_file is NULL if writing to it would destroy that other file. */
int options_check_files(options *opt, bosun_err *err);

/* The table behind it. */
extern const args_command options_command;

#endif
