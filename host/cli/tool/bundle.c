/* bosun bundle: what support needs to know of a run, in one file. */
#include "core/base/buf.h"
#include "engine/host/tool.h"
#include "tool.h"
#include <stdbool.h>

#define TIMEOUT 60 /* seconds */

typedef struct bundle_options {
    const char *folder;
    const char *output;
    bool last;
    color_when color;
    bool help;
} bundle_options;

static const args_option table[] = {
    {.name = "DIR",
     .type = ARGS_TEXT,
     .field = offsetof(bundle_options, folder),
     .required = "the folder of a run, as the runner's --keep-runs leaves it, or one with a status file",
     .section = "Options",
     .help =
         "the folder of a run, as the runner's --keep-runs leaves it, or any folder with a status file and "
         "what belongs to it; with --last the folder that --keep-runs names"},
    {.name = "--last",
     .type = ARGS_FLAG,
     .field = offsetof(bundle_options, last),
     .help = "take the last run that --keep-runs left in DIR"},
    {.name = "--output",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(bundle_options, output),
     .help = "the file to write (default: bosun-bundle-RUN.tar.gz in the working directory); - is standard "
             "output"},
    COLOR_OPTION(bundle_options),
    ARGS_HELP(bundle_options),
};

static const args_exit exits[] = {
    {"0", "the bundle is written"},         {"1", "refused: a secret is left in it"},
    {"64", "the command line is wrong"},    {"66", "no such folder, or no run in it"},
    {"74", "the bundle cannot be written"},
};

static int run(int argc, char **argv)
{
    bundle_options opt = {0};
    bosun_err err = {0};
    int rc = args_parse(&tool_bundle, &opt, argc, argv, &err);
    color_choose(opt.color);
    if (rc < 0)
        return tool_fail(TOOL_USAGE, err.message);
    if (opt.help)
        return tool_print_help(&tool_bundle);
    const char *const words[] = {opt.folder, NULL};
    const char *const fields[] = {"last",    opt.last ? "yes" : NULL, "output", opt.output,
                                  "version", BOSUN_VERSION,           NULL};
    return tool_run_lua("bosun.tool.bundle", words, fields, TIMEOUT);
}

const args_command tool_bundle = {
    .program = "bosun",
    .subcommand = "bundle",
    .summary = "put what support needs to know of a run into one file, without secrets",
    .about =
        "Packs the folder of a run: its status, log with trace, configs, command line, versions, and the "
        "names "
        "of the environment's variables. Secrets are replaced by [redacted]; then every file is searched for "
        "them once more, as they are, escaped as in URLs and JSON, and in base64, and the bundle is refused "
        "if "
        "one is found. Secrets are what the configs of the run, the files themselves in any format and the "
        "environment show by their names, and what the plugin has marked as such while it ran.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .examples = "  bosun bundle --last /var/lib/bosun/runs\n",
    .run = run,
};
