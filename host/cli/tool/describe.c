/* bosun describe: what a plugin does and what its private config holds. */
#include "cli/args.h"
#include "tool.h"
#include <stdbool.h>
#include <string.h>

typedef struct describe_options {
    const char *plugin;
    bosun_describe_format format;
    double timeout;
    bool help;
} describe_options;

static const char help[] =
    "usage: bosun describe PLUGIN [--format text|json|yaml-sample] [--timeout SECONDS]\n"
    "\n"
    "Prints a plugin's name, the actions it implements, and the options of its private config: type, "
    "default,\n"
    "what is required. No plugin object is made and nothing is changed; only the plugin's file is run.\n"
    "\n"
    "  PLUGIN              a name, or the path of a Lua file, with a '/', as the runner's --plugin\n"
    "  --format F          text (the default), json, or yaml-sample: a commented private config to start "
    "from\n"
    "  --timeout SECONDS   give up after this time (10)\n"
    "  --help, -h          print this text\n"
    "\n"
    "Exit status: 0; 64 wrong command line; 66 no such plugin; 70 it cannot be loaded, or its schema is "
    "wrong;\n"
    "74 the output cannot be written.\n";

static int set_format(void *out, const char *value, bosun_err *err)
{
    static const char *const names[] = {"text", "json", "yaml-sample"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(value, names[i]) == 0) {
            ((describe_options *)out)->format = (bosun_describe_format)i;
            return 0;
        }
    return args_unknown_word(err, "the format", value, names, sizeof names / sizeof names[0]);
}

static int set_timeout(void *out, const char *value, bosun_err *err)
{
    return args_seconds(value, &((describe_options *)out)->timeout, err);
}

static const args_option table[] = {
    {"PLUGIN", ARGS_OPERAND, offsetof(describe_options, plugin), NULL},
    {"--format", ARGS_SET, 0, set_format},
    {"--timeout", ARGS_SET, 0, set_timeout},
    {"--help", ARGS_FLAG, offsetof(describe_options, help), NULL},
};

static int describe(bosun_host *host, bosun_describe_format format)
{
    bosun_error error;
    char *text = bosun_host_describe(host, format, &error);
    int status = text ? tool_print(text, strlen(text)) : tool_plugin_failed(&error);
    bosun_text_free(text);
    return status;
}

int tool_describe(int argc, char **argv)
{
    describe_options opt = {.format = BOSUN_DESCRIBE_TEXT, .timeout = TOOL_TIMEOUT};
    bosun_err err = {0};
    if (args_parse(table, sizeof table / sizeof table[0], &opt, argc, argv, &err) < 0)
        return tool_fail(TOOL_USAGE, err.message);
    if (opt.help)
        return tool_print(help, sizeof help - 1);
    if (!opt.plugin)
        return tool_fail(TOOL_USAGE, "describe which plugin? Its name or path is missing; try --help");
    int status = TOOL_OK;
    bosun_host *host = tool_open(opt.plugin, NULL, opt.timeout, &status);
    if (host)
        status = describe(host, opt.format);
    bosun_host_free(host);
    return status;
}
