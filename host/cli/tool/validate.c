/* bosun validate: checks the configs of an action without running it. */
#include "core/action.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "tool.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef enum validate_format { FORMAT_TEXT, FORMAT_JSON } validate_format;

typedef struct validate_options {
    const char *plugin;
    const bosun_action *action;
    const char *config;
    const char *private_config;
    double timeout;
    validate_format format;
    color_when color;
    bool help;
} validate_options;

static const char *const formats[] = {[FORMAT_TEXT] = "text", [FORMAT_JSON] = "json"};

static const args_option table[] = {
    {.name = "--plugin",
     .argument = "P",
     .type = ARGS_TEXT,
     .field = offsetof(validate_options, plugin),
     .required = "a plugin's name, or the path of its Lua file",
     .section = "Options",
     .help = "a name, or the path of a Lua file, as for the runner's --plugin"},
    {.name = "--private-config",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(validate_options, private_config),
     .help = "the plugin's own config; without it, the defaults are checked"},
    {.name = "--config",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(validate_options, config),
     .help = "the action config"},
    {.name = "--action",
     .argument = "A",
     .type = ARGS_ACTION,
     .field = offsetof(validate_options, action),
     .help = "the action that the action config is for; without it, only what every action needs is checked"},
    {.name = "--format",
     .argument = "F",
     .type = ARGS_CHOICE,
     .field = offsetof(validate_options, format),
     ARGS_CHOICES(formats),
     .fallback = "text",
     .help =
         "how to print the problems: " ARGS_LISTED "; json is a list of {file, line, column, path, message}"},
    TOOL_TIMEOUT(validate_options),
    COLOR_OPTION(validate_options),
    ARGS_HELP(validate_options),
};

static const args_exit exits[] = {{"0", "no problems"}, TOOL_EXITS, {"78", "the configs have problems"}};

static void add_text(void *data, const bosun_problem *problem)
{
    bosun_buf *out = data;
    bool color = color_wanted(STDOUT_FILENO);
    bosun_buf_puts(out, color ? COLOR_BOLD : "");
    if (problem->file)
        bosun_buf_puts(out, problem->file);
    if (problem->line)
        bosun_buf_printf(out, problem->column ? ":%u:%u" : ":%u", problem->line, problem->column);
    bosun_buf_printf(out, "%s%s%s%s%s\n", problem->file ? ": " : "", color ? COLOR_END : "", problem->path,
                     *problem->path ? ": " : "", problem->message);
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

/* For people, on standard error: standard output has only the problems. */
static void summarize(const validate_options *opt, bosun_host *host, int count)
{
    if (opt->private_config && !bosun_host_has_schema(host))
        fprintf(stderr, "bosun: the plugin has no config_schema: only the YAML syntax of %s was checked\n",
                opt->private_config);
    if (opt->format == FORMAT_TEXT)
        fprintf(stderr, "bosun: %d problem%s\n", count, count == 1 ? "" : "s");
}

static int print_problems(bosun_buf *out)
{
    return out->failed ? tool_fail(TOOL_OUTPUT, "out of memory") : tool_print(out->data, out->len);
}

static int validate(bosun_host *host, const validate_options *opt)
{
    bool json = opt->format == FORMAT_JSON;
    bosun_error error;
    bosun_buf out = {0};
    bosun_buf_puts(&out, json ? "[" : "");
    int count = bosun_host_validate(host, opt->action ? opt->action->name : NULL, opt->config,
                                    json ? add_json : add_text, &out, &error);
    bosun_buf_puts(&out, !json ? "" : count ? "\n]\n" : "]\n");
    int status = count < 0 ? tool_report_plugin(&error) : print_problems(&out);
    bosun_buf_free(&out);
    if (status != TOOL_OK)
        return status;
    summarize(opt, host, count);
    return count > 0 ? TOOL_CONFIG : TOOL_OK;
}

static int run(int argc, char **argv)
{
    validate_options opt = {0};
    bosun_err err = {0};
    int rc = args_parse(&tool_validate, &opt, argc, argv, &err);
    color_choose(opt.color);
    if (rc < 0)
        return tool_fail(TOOL_USAGE, err.message);
    if (opt.help)
        return tool_print_help(&tool_validate);
    int status = TOOL_OK;
    bosun_host *host = tool_load_plugin(opt.plugin, opt.private_config, opt.timeout, &status);
    if (host)
        status = validate(host, &opt);
    bosun_host_free(host);
    return status;
}

const args_command tool_validate = {
    .program = "bosun",
    .subcommand = "validate",
    .summary = "check a private config and an action config; exit status 78 when they are wrong",
    .about =
        "Checks the configs of an action without running it: the private config against the plugin's schema, "
        "and the action config against what the action needs. Prints each problem on standard output, as "
        "file:line:column: key: what is wrong. Only the plugin's file is run, and nothing is changed.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .run = run,
};
