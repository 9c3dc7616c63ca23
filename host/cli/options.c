/* The runner's options. */
#include "options.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_RUNS     20
#define KEEP_RUNS_MAX 100000

const char *const options_trace_formats[2] = {[TRACE_JSON] = "json", [TRACE_OTLP_JSON] = "otlp-json"};
const args_synonym options_log_levels[] = {{"warning", "warn"}, {"critical", "error"}, {NULL, NULL}};

static const args_option table[] = {
    {.name = "--plugin",
     .argument = "P",
     .type = ARGS_TEXT,
     .field = offsetof(options, plugin),
     .required = "a plugin's name, or the path of its Lua file",
     .section = "What to run",
     .help =
         "the plugin: a name (filesystem, docker, test, or one found in a folder of BOSUN_PLUGIN_PATH), or "
         "the path of a Lua file, which contains a '/'; \".lua\" can be left out"},
    {.name = "--action",
     .argument = "A",
     .type = ARGS_ACTION,
     .field = offsetof(options, action),
     .required = "the action to run; --list-actions prints them all",
     .help = "the action to run; --list-actions prints them all"},
    OPTIONS_CONFIGS,
    {.name = "--status-file",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(options, status_file),
     .required = "where to write the outcome",
     .help = "where to write the outcome (YAML); until the action ends, the file holds a failing status"},
    OPTIONS_HOW,
    {.name = "--show-status",
     .type = ARGS_FLAG,
     .field = offsetof(options, show_status),
     .section = "What to print",
     .help = "print the text of the status file on standard output, too"},
    {.name = "--exit-codes",
     .type = ARGS_FLAG,
     .field = offsetof(options, exit_codes),
     .help = "exit with the outcome: 0 passing, 1 failing, 2 warning, 3 unknown"},
    OPTIONS_DETAILED("else as with --exit-codes"),
    OPTIONS_LOG,
    COLOR_OPTION(options),
    {.name = "--logfile",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(options, logfile),
     .help = "append the log to F instead of printing it on standard error"},
    {.name = "--log-config",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(options, log_config),
     .help = "accepted, with a warning, because the Python runner has it: a config of Python's logging"},
    OPTIONS_TRACE,
    OPTIONS_DEBUG,
    {.name = "--keep-runs",
     .argument = "DIR[:N]",
     .type = ARGS_TEXT,
     .field = offsetof(options, keep_runs),
     .help = "leave status, log, trace and configs of the run in a folder in DIR, without secrets, for bosun "
             "bundle; the last N (20) are kept"},
    {.name = "--list-actions",
     .type = ARGS_INFO,
     .field = offsetof(options, list_actions),
     .section = "Information",
     .help = "print the actions, one per line"},
    {.name = "--list-plugins",
     .type = ARGS_INFO,
     .field = offsetof(options, list_plugins),
     .help = "print the plugins that --plugin finds by name, one per line: NAME,ALIAS,…"},
    {.name = "--gen-config",
     .argument = "[F]",
     .type = ARGS_ASK,
     .field = offsetof(options, gen_config),
     .help = "write a sample action config for --action to F, or print it"},
    ARGS_VERSION(options),
    ARGS_HELP(options),
};

static const args_exit exits[] = {
    {"0", "the status file tells the outcome, whatever it is; with --exit-codes: passing"},
    {"1", "with --exit-codes: failing"},
    {"2", "with --exit-codes: warning"},
    {"3", "with --exit-codes: unknown"},
    {"4", "with --detailed-exit-codes: passing, and the dry run has something to change"},
    {"64", "the command line is wrong; with a usable --status-file, that file says so, too"},
    {"74", "the status file could not be written"},
    {"128+N", "signal N ended the action: 129 HUP, 130 INT, 143 TERM"},
};

const args_command options_command = {
    .program = "bosun-plugin-runner",
    .about = "Runs one action of a plugin, as a management agent asks for it, and leaves the outcome in the "
             "status "
             "file. Options come in any order, as --name value or --name=value.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .sample = " \\\n"
              "    --plugin sample_plugin/sample_plugin \\\n"
              "    --action pe_status \\\n"
              "    --config sample_configs/action_config_pe_status_only.yaml \\\n"
              "    --private-config sample_configs/sample_plugin_config.yaml \\\n"
              "    --status-file /tmp/status.yaml \\\n"
              "    --show-status\n",
};

static int check_config(const options *out, bosun_err *err)
{
    if (!out->action->subject || out->config)
        return 0;
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                         "--config is missing: %s needs an action config with %s %s", out->action->name,
                         out->action->subject[0] == 'e' ? "an" : "a", out->action->subject);
}

static int check_gen_config(const options *out, bosun_err *err)
{
    if (out->action)
        return 0;
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                         "--gen-config needs --action: the action to write a config for");
}

/* What is behind the last colon, if no folder follows there, is the number. */
static int read_keep_runs(options *out, bosun_err *err)
{
    const char *colon = out->keep_runs ? strrchr(out->keep_runs, ':') : NULL;
    bool has_number = colon && !strchr(colon, '/');
    bool is_number = has_number && colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0';
    out->keep_len =
        has_number ? (size_t)(colon - out->keep_runs) : strlen(out->keep_runs ? out->keep_runs : "");
    unsigned long count = is_number ? strtoul(colon + 1, NULL, 10) : has_number ? 0 : KEEP_RUNS;
    out->keep_count = (unsigned)count;
    if (!out->keep_runs || (out->keep_len > 0 && count > 0 && count <= KEEP_RUNS_MAX))
        return 0;
    return bosun_err_set(
        err, BOSUN_ERR_INVALID, "command line",
        "--keep-runs \"%.200s\": expected a folder, or a folder and a number of runs from 1 to "
        "%d, such as /var/lib/bosun/runs:20",
        out->keep_runs, KEEP_RUNS_MAX);
}

int options_parse(options *out, int argc, char **argv, bosun_err *err)
{
    *out = (options){0};
    int rc = args_parse(&options_command, out, argc, argv, err);
    color_choose(out->color);
    if (rc == 0 && (out->help || out->version || out->list_actions || out->list_plugins))
        return 0;
    if (rc == 0 && out->gen_config)
        return check_gen_config(out, err);
    out->argv = argv;
    if (rc == 0)
        rc = check_config(out, err);
    if (rc == 0)
        rc = read_keep_runs(out, err);
    /* Whatever is wrong is reported in the status file, so it is looked at in any case. */
    bosun_err second;
    return options_check_files(out, rc == 0 ? err : &second) < 0 ? -1 : rc;
}

sink options_sink(const options *opt, const run_id *run, int log_fd, int patience)
{
    return (sink){
        .level = opt->log_level,
        .format = opt->log_format,
        .log_fd = log_fd,
        .color = color_wanted(log_fd),
        .trace_fd = -1,
        .patience = patience,
        .action = opt->action->name,
        .run = run->text,
        .trace_id = run->trace.id,
    };
}
