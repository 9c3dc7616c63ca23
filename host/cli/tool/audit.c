/* bosun audit: what status files claim, compared with what is there. */
#include "engine/host/tool.h"
#include "tool.h"
#include <stdbool.h>

typedef enum audit_format { FORMAT_TEXT, FORMAT_JSON } audit_format;

typedef struct audit_options {
    const char *first;
    args_words more;
    double timeout;
    audit_format format;
    color_when color;
    bool help;
} audit_options;

static const char *const formats[] = {[FORMAT_TEXT] = "text", [FORMAT_JSON] = "json"};

static const args_option table[] = {
    {.name = "STATUS",
     .type = ARGS_WORDS,
     .field = offsetof(audit_options, more),
     .section = "Options",
     .help = "status files, as the runner leaves them"},
    {.name = "--format",
     .argument = "F",
     .type = ARGS_CHOICE,
     .field = offsetof(audit_options, format),
     ARGS_CHOICES(formats),
     .fallback = "text",
     .help = "how to print the findings: " ARGS_LISTED
             "; json is a list of {file, entry, claim, status, world, agrees}"},
    {.name = "--timeout",
     .argument = "SECONDS",
     .type = ARGS_SECONDS,
     .field = offsetof(audit_options, timeout),
     .fallback = "60",
     .help = "give up after this time"},
    COLOR_OPTION(audit_options),
    ARGS_HELP(audit_options),
};

static const args_exit exits[] = {
    {"0", "the world is as the status files say"},
    {"1", "there is a difference"},
    {"64", "the command line is wrong"},
    {"66", "a status file is missing, or is not a status file"},
    {"70", "it took too long: not everything was checked"},
    {"74", "the output cannot be written"},
};

static int run(int argc, char **argv)
{
    audit_options opt = {0};
    bosun_err err = {0};
    int rc = args_parse(&tool_audit, &opt, argc, argv, &err);
    color_choose(opt.color);
    if (rc < 0)
        return tool_fail(TOOL_USAGE, err.message);
    if (opt.help)
        return tool_print_help(&tool_audit);
    if (opt.more.count == 0)
        return tool_fail(TOOL_USAGE, "no status file is named: give one or more");
    const char *const fields[] = {"format", formats[opt.format], NULL};
    return tool_run_lua("bosun.tool.audit", opt.more.items, fields, opt.timeout);
}

const args_command tool_audit = {
    .program = "bosun",
    .subcommand = "audit",
    .summary = "compare what status files claim with what is there; exit status 1 on a difference",
    .about =
        "Checks the claims of status files without the plugin: that the prediction URL answers, and with the "
        "model that the status names, where the server tells it; that the files that it names are there, "
        "with the SHA-256 that it says. Each entry of deploymentsStatus and of a list of deployments is "
        "checked likewise. A status that claims nothing that can be checked says so.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .examples = "  bosun audit /run/bosun/status.yaml\n"
                "  bosun audit --format json *.yaml\n",
    .run = run,
};
