/* bosun: the developer's tool. Each subcommand is a file and a line of the table. */
#include "cli/args.h"
#include "tool.h"
#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"describe", tool_describe},
    {"validate", tool_validate},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const char help[] =
    "usage: bosun COMMAND [option ...]\n"
    "\n"
    "Helps to write, configure and look into plugins of bosun-plugin-runner. Nothing here runs an action.\n"
    "\n"
    "  describe PLUGIN     print a plugin's actions and the options of its private config\n"
    "  validate            check a private config and an action config; exit status 78 when they are wrong\n"
    "\n"
    "  --version           print the version\n"
    "  --help, -h          print this text; after a command, its options\n"
    "\n"
    "Examples, with files that come with the program:\n"
    "  bosun describe filesystem\n"
    "  bosun describe test --format yaml-sample > test.conf.yaml\n"
    "  bosun validate --plugin test --private-config sample_configs/plugin.test.conf.yaml\n";

static int unknown_command(const char *word)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    bosun_err err = {0};
    args_unknown_word(&err, word[0] == '-' ? "the option" : "the command", word, names, COMMAND_COUNT);
    return tool_fail(TOOL_USAGE, err.message);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return tool_fail(TOOL_USAGE, "a command is missing: describe or validate; try --help");
    const char *word = argv[1];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return tool_print(help, sizeof help - 1);
    if (strcmp(word, "--version") == 0)
        return tool_print("bosun " BOSUN_VERSION "\n", sizeof "bosun " BOSUN_VERSION "\n" - 1);
    return unknown_command(word);
}
