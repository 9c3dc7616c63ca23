/* bosun repl: a prompt with a plugin's world open. */
#include "cli/repl/repl.h"
#include "cli/options.h"
#include "tool.h"
#include <stddef.h>

typedef struct tool_repl_options {
    repl_options repl;
    color_when color;
    bool help;
} tool_repl_options;

#define FIELD(name) (offsetof(tool_repl_options, repl) + offsetof(repl_options, name))

static const args_option table[] = {
    {.name = "--plugin",
     .argument = "P",
     .type = ARGS_TEXT,
     .field = FIELD(plugin),
     .section = "Options",
     .help = "a name, or the path of a Lua file, as for the runner's --plugin; :load does it later"},
    {.name = "--private-config",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = FIELD(private_config),
     .help = "the plugin's own config (YAML)"},
    {.name = "--config",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = FIELD(config),
     .help = "the action config (YAML); :config does it later"},
    {.name = "--effects",
     .type = ARGS_FLAG,
     .field = FIELD(effects),
     .help = "make changes from the start; without it, they are held back until :effects on"},
    {.name = "--echo",
     .type = ARGS_FLAG,
     .field = FIELD(echo),
     .help = "without a terminal: print each line before it runs, as a terminal would show it"},
    {.name = "--timeout",
     .argument = "SECONDS",
     .type = ARGS_SECONDS,
     .field = FIELD(timeout),
     .help = "stop an action of :run after this time (default: no limit)"},
    COLOR_OPTION(tool_repl_options),
    ARGS_HELP(tool_repl_options),
};

static const args_exit exits[] = {
    {"0", "the session has ended, and without a terminal no line failed"},
    {"1", "without a terminal: a line failed"},
    {"64", "the command line is wrong"},
    {"128+N", "signal N ended the session"},
};

static int run(int argc, char **argv)
{
    tool_repl_options opt = {.color = COLOR_AUTO};
    bosun_err err = {0};
    int rc = args_parse(&tool_repl, &opt, argc, argv, &err);
    color_choose(opt.color);
    if (rc < 0)
        return tool_fail(TOOL_USAGE, err.message);
    return opt.help ? tool_print_help(&tool_repl) : repl_run(&opt.repl);
}

const args_command tool_repl = {
    .program = "bosun",
    .subcommand = "repl",
    .summary = "try Lua and a plugin's methods at a prompt; changes are held back until you ask for them",
    .about = "A prompt with the plugin's world open. A line that begins with \":\" is a command, and :help "
             "lists them; any other line is Lua. Without a terminal, lines come from standard input.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .examples = "  bosun repl --plugin filesystem --private-config fs.yaml\n"
                "  bosun repl < session.lua\n",
    .run = run,
};
