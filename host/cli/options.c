/* Parsing the command line: every option by a line of one table, in any order, as --name value or
 * --name=value. */
#include "options.h"
#include "../core/suggest.h"
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 64 /* bytes of a mistyped word that a message repeats */

typedef int set_function(options *out, const char *value, bosun_err *err);

typedef struct option {
    const char *name;
    set_function *set; /* NULL: a flag without a value */
    size_t flag;       /* offset of its bool */
} option;

static int usage(bosun_err *err, const char *text)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line", "%s; try --help", text);
}

static int set_plugin(options *out, const char *value, bosun_err *err)
{
    (void)err;
    out->plugin = value;
    return 0;
}

static int set_config(options *out, const char *value, bosun_err *err)
{
    (void)err;
    out->config = value;
    return 0;
}

static int set_private_config(options *out, const char *value, bosun_err *err)
{
    (void)err;
    out->private_config = value;
    return 0;
}

static int set_status_file(options *out, const char *value, bosun_err *err)
{
    (void)err;
    if (!out->status_file)
        out->status_file = value;
    return 0;
}

static int set_trace(options *out, const char *value, bosun_err *err)
{
    (void)err;
    out->trace_file = value;
    return 0;
}

/* "<option>: there is no <value>: did you mean X?" or the list of what there is. */
static int unknown_word(bosun_err *err, const char *what, const char *value, const char *const *known,
                        size_t count)
{
    const char *near = bosun_suggest(value, known, count);
    bosun_err_set(err, BOSUN_ERR_INVALID, "command line", "%s \"%.*s\" is not known", what, SHOWN, value);
    size_t len = strlen(err->message);
    if (near) {
        snprintf(err->message + len, sizeof err->message - len, "; did you mean \"%s\"?", near);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(err->message + len, sizeof err->message - len, "%s%s", i ? " " : "; there are: ", known[i]);
        len = strlen(err->message);
    }
    return -1;
}

static int set_action(options *out, const char *value, bosun_err *err)
{
    out->action = bosun_action_find(value);
    if (out->action)
        return 0;
    const char *names[16];
    for (size_t i = 0; i < bosun_action_count; i++)
        names[i] = bosun_actions[i].name;
    return unknown_word(err, "the action", value, names, bosun_action_count);
}

static int set_timeout(options *out, const char *value, bosun_err *err)
{
    char *end;
    double seconds = isdigit((unsigned char)value[0]) || value[0] == '.' ? strtod(value, &end) : -1;
    if (seconds > 0 && isfinite(seconds) && *end == '\0') {
        out->timeout = seconds;
        return 0;
    }
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line",
                         "--timeout \"%.*s\": expected seconds, a number above 0 such as 30 or 1.5", SHOWN,
                         value);
}

static int set_log_level(options *out, const char *value, bosun_err *err)
{
    if (bosun_log_level_find(value, &out->log_level) == 0)
        return 0;
    return unknown_word(err, "the log level", value, bosun_log_level_names, 5);
}

static int set_log_format(options *out, const char *value, bosun_err *err)
{
    if (bosun_log_format_find(value, &out->log_format) == 0)
        return 0;
    return unknown_word(err, "the log format", value, bosun_log_format_names, 3);
}

static const option table[] = {
    {"--plugin", set_plugin, 0},
    {"--action", set_action, 0},
    {"--config", set_config, 0},
    {"--private-config", set_private_config, 0},
    {"--status-file", set_status_file, 0},
    {"--show-status", NULL, offsetof(options, show_status)},
    {"--list-actions", NULL, offsetof(options, list_actions)},
    {"--dry-run", NULL, offsetof(options, dry_run)},
    {"--timeout", set_timeout, 0},
    {"--log-level", set_log_level, 0},
    {"--log-format", set_log_format, 0},
    {"--trace", set_trace, 0},
    {"--version", NULL, offsetof(options, version)},
    {"--help", NULL, offsetof(options, help)},
};
#define OPTION_COUNT (sizeof table / sizeof table[0])

static const option *find(const char *name, size_t len)
{
    if (len == 2 && memcmp(name, "-h", 2) == 0)
        return find("--help", 6);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

static int unknown_option(bosun_err *err, const char *word, size_t len)
{
    const char *names[OPTION_COUNT];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = table[i].name;
    char name[SHOWN + 1];
    snprintf(name, sizeof name, "%.*s", (int)(len < SHOWN ? len : SHOWN), word);
    if (word[0] != '-')
        return bosun_err_set(
            err, BOSUN_ERR_INVALID, "command line",
            "\"%s\" stands where an option was expected; options begin with \"--\"; try --help", name);
    const char *near = bosun_suggest(name, names, OPTION_COUNT);
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line", "there is no option %s%s%s%s", name,
                         near ? "; did you mean " : "", near ? near : "; try --help", near ? "?" : "");
}

static int bad_option(bosun_err *err, const option *opt, const char *what)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line", "%s %s; try --help", opt->name, what);
}

/* One option at argv[*at]; moves *at behind it. */
static int parse_one(options *out, char **argv, int argc, int *at, uint32_t *seen, bosun_err *err)
{
    const char *word = argv[(*at)++];
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const option *opt = find(word, len);
    if (!opt)
        return unknown_option(err, word, len);
    if (!opt->set && equals)
        return bad_option(err, opt, "takes no value");
    if (opt->set && !equals && *at >= argc)
        return bad_option(err, opt, "needs a value");
    const char *value = !opt->set ? NULL : equals ? equals + 1 : argv[(*at)++];
    uint32_t bit = UINT32_C(1) << (opt - table);
    if (opt->set && (*seen & bit))
        return bad_option(err, opt, "is given twice");
    *seen |= bit;
    if (opt->set && !*value)
        return bad_option(err, opt, "has an empty value");
    if (opt->set)
        return opt->set(out, value, err);
    *(bool *)((char *)out + opt->flag) = true;
    return 0;
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
    uint32_t seen = 0;
    int rc = 0;
    bosun_err
        later; /* the first mistake is the one to tell; the rest is read for the sake of --status-file */
    for (int at = 1; at < argc;)
        if (parse_one(out, argv, argc, &at, &seen, rc == 0 ? err : &later) < 0)
            rc = -1;
    if (rc == 0 && (out->help || out->version || out->list_actions))
        return 0;
    return rc < 0 ? rc : check(out, err);
}
