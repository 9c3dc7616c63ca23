/* The runner's options. */
#include "options.h"
#include "args.h"
#include <sys/stat.h>

static int usage(bosun_err *err, const char *text)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line", "%s; try --help", text);
}

static int set_action(void *out, const char *value, bosun_err *err)
{
    return args_action(value, &((options *)out)->action, err);
}

static int set_timeout(void *out, const char *value, bosun_err *err)
{
    return args_seconds(value, &((options *)out)->timeout, err);
}

static int set_log_level(void *out, const char *value, bosun_err *err)
{
    if (bosun_log_level_find(value, &((options *)out)->log_level) == 0)
        return 0;
    return args_unknown_word(err, "the log level", value, bosun_log_level_names, 5);
}

static int set_log_format(void *out, const char *value, bosun_err *err)
{
    if (bosun_log_format_find(value, &((options *)out)->log_format) == 0)
        return 0;
    return args_unknown_word(err, "the log format", value, bosun_log_format_names, 3);
}

static const args_option table[] = {
    {"--plugin", ARGS_TEXT, offsetof(options, plugin), NULL},
    {"--action", ARGS_SET, 0, set_action},
    {"--config", ARGS_TEXT, offsetof(options, config), NULL},
    {"--private-config", ARGS_TEXT, offsetof(options, private_config), NULL},
    {"--status-file", ARGS_TEXT, offsetof(options, status_file), NULL},
    {"--show-status", ARGS_FLAG, offsetof(options, show_status), NULL},
    {"--list-actions", ARGS_FLAG, offsetof(options, list_actions), NULL},
    {"--dry-run", ARGS_FLAG, offsetof(options, dry_run), NULL},
    {"--timeout", ARGS_SET, 0, set_timeout},
    {"--log-level", ARGS_SET, 0, set_log_level},
    {"--log-format", ARGS_SET, 0, set_log_format},
    {"--trace", ARGS_TEXT, offsetof(options, trace_file), NULL},
    {"--version", ARGS_FLAG, offsetof(options, version), NULL},
    {"--help", ARGS_FLAG, offsetof(options, help), NULL},
};

static bool same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Is this file, which is about to be written, one that is read? */
static int check_output(const options *out, const char *name, const char *path, bosun_err *err)
{
    const struct {
        const char *name;
        const char *path;
    } inputs[] = {
        {"--config", out->config}, {"--private-config", out->private_config}, {"--plugin", out->plugin}};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        if (same_file(path, inputs[i].path))
            return bosun_err_set(err, BOSUN_ERR_INVALID, "command line",
                                 "%s and %s are one file, %s, which would be lost: name another one for %s",
                                 name, inputs[i].name, path, name);
    return 0;
}

static int check_outputs(options *out, bosun_err *err)
{
    int rc = check_output(out, "--status-file", out->status_file, err);
    if (rc < 0)
        out->status_file = NULL; /* no status goes there */
    return rc < 0 ? rc : check_output(out, "--trace", out->trace_file, err);
}

static int check(const options *out, bosun_err *err)
{
    if (!out->plugin)
        return usage(err, "--plugin is missing: a plugin's name, or the path of its Lua file");
    if (!out->action)
        return usage(err, "--action is missing: what to do; --list-actions prints the choices");
    if (!out->status_file)
        return usage(err, "--status-file is missing: where the result goes");
    if (out->action->takes_deployment && !out->config)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "command line",
                             "--config is missing: %s needs an action config with a deploymentInfo",
                             out->action->name);
    return 0;
}

int options_parse(options *out, int argc, char **argv, bosun_err *err)
{
    *out = (options){.log_level = BOSUN_LOG_INFO, .log_format = BOSUN_LOG_TEXT};
    if (args_parse(table, sizeof table / sizeof table[0], out, argc, argv, err) < 0)
        return -1;
    if (out->help || out->version || out->list_actions)
        return 0;
    return check(out, err) < 0 || check_outputs(out, err) < 0 ? -1 : 0;
}
