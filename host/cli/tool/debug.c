/* bosun debug: the debug adapter that an editor starts. */
#include "engine/debug/debug.h"
#include "tool.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct debug_options {
    bool dap;
    bool help;
} debug_options;

static const args_option table[] = {
    {.name = "--dap",
     .type = ARGS_FLAG,
     .field = offsetof(debug_options, dap),
     .section = "Options",
     .help = "speak the Debug Adapter Protocol on standard input and output"},
    ARGS_HELP(debug_options),
};

static const args_exit exits[] = {
    {"0", "the editor has gone"}, {"64", "the command line is wrong"}, {"70", "the adapter has failed"}};

static int serve(void)
{
    char program[PATH_MAX];
    bosun_error error = {.code = ""};
    bosun_err err = {0};
    if (!realpath("/proc/self/exe", program))
        return tool_fail(TOOL_BROKEN, strerror(errno));
    signal(SIGPIPE, SIG_IGN); /* an editor that has gone is an error of the write */
    bosun_host *host = bosun_host_new(NULL, &error);
    if (!host)
        return tool_fail(TOOL_BROKEN, error.message);
    int rc = host_debug_adapt(host, program, &err);
    bosun_host_free(host);
    return rc < 0 ? tool_fail(TOOL_BROKEN, err.message) : TOOL_OK;
}

static int run(int argc, char **argv)
{
    debug_options opt = {0};
    bosun_err err = {0};
    if (args_parse(&tool_debug, &opt, argc, argv, &err) < 0)
        return tool_fail(TOOL_USAGE, err.message);
    if (opt.help)
        return tool_print_help(&tool_debug);
    return opt.dap ? serve()
                   : tool_fail(TOOL_USAGE, "--dap is missing: bosun debug --dap is for editors; in a "
                                           "terminal, run `bosun run PLUGIN ACTION --debug`");
}

const args_command tool_debug = {
    .program = "bosun",
    .subcommand = "debug",
    .summary = "the debug adapter for editors: breakpoints, steps and variables of a plugin's action",
    .about = "Serves an editor that speaks the Debug Adapter Protocol: launches an action, or attaches to "
             "one that runs with --debug-socket. The editor starts this program; "
             "docs/how-to/debug-in-an-editor.md says how.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .run = run,
};
