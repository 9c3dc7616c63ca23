/* bosun describe: a plugin's actions and the options of its private config. */
#include "tool.h"
#include <stdbool.h>
#include <string.h>

typedef struct describe_options {
    const char *plugin;
    bosun_describe_format format;
    double timeout;
    color_when color;
    bool help;
} describe_options;

static const char *const formats[] = {
    [BOSUN_DESCRIBE_TEXT] = "text",
    [BOSUN_DESCRIBE_JSON] = "json",
    [BOSUN_DESCRIBE_YAML_SAMPLE] = "yaml-sample",
};

static const args_option table[] = {
    {.name = "PLUGIN",
     .type = ARGS_TEXT,
     .field = offsetof(describe_options, plugin),
     .required = "a plugin's name, or the path of its Lua file",
     .section = "Options",
     .help = "a name, or the path of a Lua file, as for the runner's --plugin"},
    {.name = "--format",
     .argument = "F",
     .type = ARGS_CHOICE,
     .field = offsetof(describe_options, format),
     ARGS_CHOICES(formats),
     .fallback = "text",
     .help = "what to print: " ARGS_LISTED ", a commented private config to start from"},
    TOOL_TIMEOUT(describe_options),
    COLOR_OPTION(describe_options),
    ARGS_HELP(describe_options),
};

static const args_exit exits[] = {{"0", "the description is printed"}, TOOL_EXITS};

static int describe(bosun_host *host, bosun_describe_format format)
{
    bosun_error error;
    char *text = bosun_host_describe(host, format, &error);
    int status = text ? tool_print(text, strlen(text)) : tool_report_plugin(&error);
    bosun_text_free(text);
    return status;
}

static int run(int argc, char **argv)
{
    describe_options opt = {0};
    bosun_err err = {0};
    int rc = args_parse(&tool_describe, &opt, argc, argv, &err);
    color_choose(opt.color);
    if (rc < 0)
        return tool_fail(TOOL_USAGE, err.message);
    if (opt.help)
        return tool_print_help(&tool_describe);
    int status = TOOL_OK;
    bosun_host *host = tool_load_plugin(opt.plugin, NULL, opt.timeout, &status);
    if (host)
        status = describe(host, opt.format);
    bosun_host_free(host);
    return status;
}

const args_command tool_describe = {
    .program = "bosun",
    .subcommand = "describe",
    .summary = "print a plugin's actions and the options of its private config",
    .about =
        "Prints a plugin's name, the actions it implements, and the options of its private config: their "
        "types, defaults, and which are required. Only the plugin's file is run: no plugin object is made, "
        "and nothing is changed.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .run = run,
};
