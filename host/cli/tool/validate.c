/* bosun validate: would an action take these configs? */
#include "cli/args.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "tool.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct validate_options {
    const char *plugin;
    const bosun_action *action;
    const char *config;
    const char *private_config;
    double timeout;
    bool json;
    bool help;
} validate_options;

static const char help[] =
    "usage: bosun validate --plugin P [--private-config F] [--config F] [--action A] [option ...]\n"
    "\n"
    "Checks the configs that an action would get, without running it: the private config against the "
    "plugin's\n"
    "schema, the action config against what the action needs. Nothing is changed; only the plugin's file is "
    "run.\n"
    "Prints every problem on standard output, as file:line:column: key: what is wrong.\n"
    "\n"
    "  --plugin P          a name, or the path of a Lua file, with a '/'\n"
    "  --private-config F  the plugin's own config; without it the defaults are checked\n"
    "  --config F          the action config\n"
    "  --action A          the action that the action config is for; without it, what holds for every "
    "action\n"
    "  --format F          text (the default), or json: a list of {file, line, column, path, message}\n"
    "  --timeout SECONDS   give up after this time (10)\n"
    "  --help, -h          print this text\n"
    "\n"
    "Exit status: 0 no problem; 78 problems; 64 wrong command line; 66 no such plugin; 70 it cannot be "
    "loaded,\n"
    "or its schema is wrong; 74 the output cannot be written.\n";

static int set_action(void *out, const char *value, bosun_err *err)
{
    return args_action(value, &((validate_options *)out)->action, err);
}

static int set_format(void *out, const char *value, bosun_err *err)
{
    static const char *const names[] = {"text", "json"};
    bool json = strcmp(value, "json") == 0;
    if (!json && strcmp(value, "text") != 0)
        return args_unknown_word(err, "the format", value, names, 2);
    ((validate_options *)out)->json = json;
    return 0;
}

static int set_timeout(void *out, const char *value, bosun_err *err)
{
    return args_seconds(value, &((validate_options *)out)->timeout, err);
}

static const args_option table[] = {
    {"--plugin", ARGS_TEXT, offsetof(validate_options, plugin), NULL},
    {"--action", ARGS_SET, 0, set_action},
    {"--config", ARGS_TEXT, offsetof(validate_options, config), NULL},
    {"--private-config", ARGS_TEXT, offsetof(validate_options, private_config), NULL},
    {"--format", ARGS_SET, 0, set_format},
    {"--timeout", ARGS_SET, 0, set_timeout},
    {"--help", ARGS_FLAG, offsetof(validate_options, help), NULL},
};

static void add_text(void *data, const bosun_problem *problem)
{
    bosun_buf *out = data;
    if (problem->file)
        bosun_buf_puts(out, problem->file);
    if (problem->line)
        bosun_buf_printf(out, ":%u:%u", problem->line, problem->column);
    bosun_buf_printf(out, "%s%s%s%s\n", problem->file ? ": " : "", problem->path, *problem->path ? ": " : "",
                     problem->message);
}

static void add_string(bosun_buf *out, const char *name, const char *text)
{
    bosun_buf_printf(out, "\"%s\": ", name);
    if (text)
        bosun_log_quote(out, text, strlen(text));
    else
        bosun_buf_puts(out, "null");
}

static void add_number(bosun_buf *out, const char *name, unsigned number)
{
    if (number)
        bosun_buf_printf(out, ", \"%s\": %u", name, number);
    else
        bosun_buf_printf(out, ", \"%s\": null", name);
}

static void add_json(void *data, const bosun_problem *problem)
{
    bosun_buf *out = data;
    bosun_buf_puts(out, out->len > 1 ? ",\n  {" : "\n  {");
    add_string(out, "file", problem->file);
    add_number(out, "line", problem->line);
    add_number(out, "column", problem->column);
    bosun_buf_puts(out, ", ");
    add_string(out, "path", problem->path);
    bosun_buf_puts(out, ", ");
    add_string(out, "message", problem->message);
    bosun_buf_putc(out, '}');
}

/* What a person wants to know beside the problems; to standard error. */
static void summarize(const validate_options *opt, bosun_host *host, int count)
{
    if (opt->private_config && !bosun_host_has_schema(host))
        fprintf(stderr, "bosun: the plugin has no config_schema: of %s only the YAML was checked\n",
                opt->private_config);
    if (!opt->json)
        fprintf(stderr, "bosun: %d problem%s\n", count, count == 1 ? "" : "s");
}

static int validate(bosun_host *host, const validate_options *opt)
{
    bosun_error error;
    bosun_buf out = {0};
    bosun_buf_puts(&out, opt->json ? "[" : "");
    int count = bosun_host_validate(host, opt->action ? opt->action->name : NULL, opt->config,
                                    opt->json ? add_json : add_text, &out, &error);
    if (count < 0) {
        bosun_buf_free(&out);
        return tool_plugin_failed(&error);
    }
    bosun_buf_puts(&out, !opt->json ? "" : count ? "\n]\n" : "]\n");
    int status = out.failed ? tool_fail(TOOL_OUTPUT, "out of memory") : tool_print(out.data, out.len);
    bosun_buf_free(&out);
    if (status == TOOL_OK)
        summarize(opt, host, count);
    return status == TOOL_OK && count > 0 ? TOOL_CONFIG : status;
}

int tool_validate(int argc, char **argv)
{
    validate_options opt = {.timeout = TOOL_TIMEOUT};
    bosun_err err = {0};
    if (args_parse(table, sizeof table / sizeof table[0], &opt, argc, argv, &err) < 0)
        return tool_fail(TOOL_USAGE, err.message);
    if (opt.help)
        return tool_print(help, sizeof help - 1);
    if (!opt.plugin)
        return tool_fail(TOOL_USAGE,
                         "--plugin is missing: a plugin's name, or the path of its Lua file; try --help");
    int status = TOOL_OK;
    bosun_host *host = tool_open(opt.plugin, opt.private_config, opt.timeout, &status);
    if (host)
        status = validate(host, &opt);
    bosun_host_free(host);
    return status;
}
