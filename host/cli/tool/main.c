/* bosun: the developer's tool. Each subcommand is a file and a line of the table. */
#include "tool.h"
#include <string.h>

typedef struct main_options {
    bool version;
    bool help;
} main_options;

static const args_command *const subcommands[] = {
    &tool_run, &tool_repl, &tool_debug, &tool_describe, &tool_validate, &tool_audit, &tool_bundle, NULL,
};

static const args_option table[] = {
    {.name = "--version",
     .type = ARGS_INFO,
     .field = offsetof(main_options, version),
     .section = "Options",
     .help = "print the version"},
    {.name = "--help",
     .alias = "-h",
     .type = ARGS_INFO,
     .field = offsetof(main_options, help),
     .help = "print this help; after a command, the help of that command"},
};

static const args_command bosun = {
    .program = "bosun",
    .about = "Helps to write, configure and try plugins of bosun-plugin-runner, and shows what they contain.",
    ARGS_OPTIONS(table),
    .subcommands = subcommands,
    .examples = "  bosun run test pe_status\n"
                "  bosun describe filesystem\n"
                "  bosun describe test --format yaml-sample > test.conf.yaml\n",
    .sample = " validate --plugin test \\\n"
              "    --private-config sample_configs/plugin.test.conf.yaml\n",
};

int main(int argc, char **argv)
{
    static const char version[] = "bosun " BOSUN_VERSION "\n";
    const args_command *subcommand = argc > 1 ? args_subcommand(&bosun, argv[1]) : NULL;
    if (subcommand)
        return subcommand->run(argc - 1, argv + 1);
    main_options opt = {0};
    bosun_err err = {0};
    if (args_parse(&bosun, &opt, argc < 2 ? argc : 2, argv, &err) < 0)
        return tool_fail(TOOL_USAGE, err.message);
    return opt.version ? tool_print(version, sizeof version - 1) : tool_print_help(&bosun);
}
