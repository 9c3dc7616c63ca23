/* bosun run: one action, typed by a person. The supervisor and the worker are the runner's; the status file
 * is in a folder of its own, is printed, and goes. */
#include "cli/options.h"
#include "cli/plan_text.h"
#include "cli/runner/supervisor.h"
#include "core/config_settings.h"
#include "core/fs/fs.h"
#include "core/yaml/yaml.h"
#include "json.h"
#include "tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum status_format { FORMAT_YAML, FORMAT_JSON } status_format;

typedef struct run_options {
    options runner; /* first: rows of the runner's table fill it */
    args_words settings;
    status_format format;
} run_options;

static const char *const formats[] = {[FORMAT_YAML] = "yaml", [FORMAT_JSON] = "json"};

static const args_option table[] = {
    {.name = "PLUGIN",
     .type = ARGS_TEXT,
     .field = offsetof(options, plugin),
     .required = "a plugin's name, or the path of its Lua file",
     .section = "What to run",
     .help = "a name, or the path of a Lua file, as for the runner's --plugin"},
    {.name = "ACTION",
     .type = ARGS_ACTION,
     .field = offsetof(options, action),
     .required = "the action to run, such as pe_status",
     .help = "the action; bosun-plugin-runner --list-actions prints them all"},
    {.name = "key=value",
     .type = ARGS_WORDS,
     .field = offsetof(run_options, settings),
     .help = "replaces a value of the action config, or adds it: deploymentInfo.id=d1, or id=d1 for short"},
    OPTIONS_CONFIGS,
    OPTIONS_HOW,
    {.name = "--status-file",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(options, status_file),
     .help = "keep the status in F, too, as bosun-plugin-runner does"},
    OPTIONS_DETAILED("else as without it"),
    {.name = "--format",
     .argument = "F",
     .type = ARGS_CHOICE,
     .field = offsetof(run_options, format),
     ARGS_CHOICES(formats),
     .fallback = "yaml",
     .section = "What to print",
     .help = "how to print the status: " ARGS_LISTED},
    OPTIONS_LOG,
    COLOR_OPTION(options),
    {.name = "--logfile",
     .argument = "F",
     .type = ARGS_TEXT,
     .field = offsetof(options, logfile),
     .help = "append the log to F instead of printing it on standard error"},
    OPTIONS_TRACE,
    {.name = "--debug",
     .type = ARGS_FLAG,
     .field = offsetof(options, debug),
     .section = "Debugging",
     .help = "stop at the first line of the action and read the debugger's commands; :help lists them"},
    OPTIONS_DEBUG,
    ARGS_HELP(options),
};

static const args_exit exits[] = {
    {"0", "the outcome is passing"},
    {"1", "the outcome is failing"},
    {"2", "the outcome is a warning"},
    {"3", "the outcome is unknown"},
    {"4", "with --detailed-exit-codes: passing, and the dry run has something to change"},
    {"64", "the command line is wrong"},
    {"74", "the status cannot be written"},
    {"128+N", "signal N ended the action"},
};

static int add_json(bosun_buf *out, const bosun_buf *status, bosun_err *err)
{
    bosun_arena *arena = bosun_arena_new();
    const bosun_value *root = arena ? bosun_yaml_read(arena, status->data, status->len, "status", err) : NULL;
    if (root)
        tool_add_json(out, root, 0);
    bosun_buf_putc(out, '\n');
    bosun_arena_free(arena);
    return root ? 0 : arena ? -1 : bosun_err_nomem(err, "read the status");
}

/* Prints the status file; returns the exit status, which is `outcome` when that works. */
static int print_status(const char *path, status_format format, int outcome)
{
    bosun_err err = {0};
    bosun_buf status = {0};
    bosun_buf text = {0};
    int rc = bosun_fs_read(path, (size_t)BOSUN_YAML_MAX_WRITE_BYTES * 2, &status, NULL, &err);
    if (rc == 0 && format == FORMAT_JSON)
        rc = add_json(&text, &status, &err);
    else if (rc == 0) {
        color_add_status(&text, bosun_buf_text(&status), status.len);
        plan_text_add(&text, status.data, status.len, color_wanted(STDOUT_FILENO));
    }
    int printed = rc < 0 ? tool_fail(TOOL_OUTPUT, err.message) : tool_print(text.data, text.len);
    bosun_buf_free(&status);
    bosun_buf_free(&text);
    return printed == TOOL_OK ? outcome : printed;
}

static int run_in(const char *folder, const run_options *opt)
{
    char temporary[64];
    options runner = opt->runner;
    snprintf(temporary, sizeof temporary, "%s/status.yaml", folder);
    const char *path = runner.status_file ? runner.status_file : temporary;
    runner.status_file = path;
    runner.exit_codes = true;
    int status = supervisor_run(&runner);
    if (status != EXIT_STATUS_FILE)
        status = print_status(path, opt->format, status);
    unlink(temporary);
    return status;
}

/* A status that is written to a pipe or a terminal cannot be read back, to be printed. */
static bool is_stream(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 &&
           (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) || S_ISSOCK(st.st_mode));
}

static int run_action(const run_options *opt)
{
    char folder[] = "/tmp/bosun-run-XXXXXX";
    if (is_stream(opt->runner.status_file))
        return tool_fail(TOOL_USAGE, "--status-file: expected a regular file; bosun run prints the status "
                                     "on standard output by itself");
    if (supervisor_set_up_process() < 0)
        return tool_fail(TOOL_OUTPUT, "cannot set up descriptors and signals");
    if (!mkdtemp(folder)) {
        fprintf(stderr, "bosun: cannot create a folder in /tmp for the status: %s\n", strerrordesc_np(errno));
        return TOOL_OUTPUT;
    }
    int status = run_in(folder, opt);
    rmdir(folder);
    return status;
}

static void free_settings(char **settings)
{
    for (size_t i = 0; settings[i]; i++)
        free(settings[i]);
    free(settings);
}

/* Fills in the settings as they are typed, each with its section. */
static int read_settings(const run_options *opt, char **settings, bosun_err *err)
{
    const args_words *words = &opt->settings;
    for (size_t i = 0; i < words->count; i++) {
        settings[i] = bosun_config_whole_setting(opt->runner.action->subject, words->items[i]);
        if (!settings[i])
            return bosun_err_nomem(err, "read the settings");
        if (bosun_config_check_setting(settings[i], err) < 0)
            return -1;
    }
    return 0;
}

static int run_with_settings(run_options *opt)
{
    bosun_err err = {0};
    char **settings = calloc(opt->settings.count + 1, sizeof *settings);
    if (!settings)
        return tool_fail(TOOL_USAGE, "out of memory");
    opt->runner.settings = (const char *const *)settings;
    int status =
        read_settings(opt, settings, &err) < 0 ? tool_fail(TOOL_USAGE, err.message) : run_action(opt);
    free_settings(settings);
    return status;
}

static int run(int argc, char **argv)
{
    run_options opt = {.format = FORMAT_YAML};
    bosun_err err = {0};
    int rc = args_parse(&tool_run, &opt, argc, argv, &err);
    color_choose(opt.runner.color);
    if (rc == 0 && opt.runner.help)
        return tool_print_help(&tool_run);
    if (rc < 0 || options_check_files(&opt.runner, &err) < 0)
        return tool_fail(TOOL_USAGE, err.message);
    return run_with_settings(&opt);
}

const args_command tool_run = {
    .program = "bosun",
    .subcommand = "run",
    .summary = "run an action and print its status; the exit status is the outcome",
    .about = "Runs one action of a plugin, as bosun-plugin-runner does, and prints the status. No status "
             "file is needed, and no action config where key=value says what the action "
             "needs.",
    ARGS_OPTIONS(table),
    ARGS_EXITS(exits),
    .examples = "  bosun run filesystem deployment_start id=d1 modelId=A modelArtifact=model-A.txt\n"
                "  bosun run test pe_status --format json\n",
    .run = run,
};
