/* Parsing command lines by a table. */
#include "args.h"
#include "core/base/suggest.h"
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN       64 /* bytes of a mistyped word that a message repeats */
#define OPTIONS_MAX 32

typedef struct parser {
    const args_option *options;
    size_t count;
    void *out;
    char **argv;
    int argc;
    int at;        /* the next word */
    uint32_t seen; /* a bit for each option */
} parser;

int args_unknown_word(bosun_err *err, const char *what, const char *value, const char *const *known,
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

int args_action(const char *value, const bosun_action **out, bosun_err *err)
{
    *out = bosun_action_find(value);
    if (*out)
        return 0;
    const char *names[16];
    for (size_t i = 0; i < bosun_action_count; i++)
        names[i] = bosun_actions[i].name;
    return args_unknown_word(err, "the action", value, names, bosun_action_count);
}

int args_seconds(const char *value, double *out, bosun_err *err)
{
    char *end = NULL;
    bool decimal = value[strspn(value, "0123456789.")] == '\0';
    double seconds = decimal ? strtod(value, &end) : -1;
    if (end && end > value && seconds > 0 && isfinite(seconds) && *end == '\0') {
        *out = seconds;
        return 0;
    }
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line",
                         "--timeout \"%.*s\": expected seconds, a number above 0 such as 30 or 1.5", SHOWN,
                         value);
}

static const args_option *find(const parser *p, const char *name, size_t len)
{
    if (len == 2 && memcmp(name, "-h", 2) == 0)
        return find(p, "--help", 6);
    for (size_t i = 0; i < p->count; i++)
        if (strlen(p->options[i].name) == len && memcmp(p->options[i].name, name, len) == 0 &&
            p->options[i].kind != ARGS_OPERAND)
            return &p->options[i];
    return NULL;
}

/* The option for a word by itself that is still to come, or NULL. */
static const args_option *find_operand(const parser *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->options[i].kind == ARGS_OPERAND && !(p->seen & UINT32_C(1) << i))
            return &p->options[i];
    return NULL;
}

static int unknown_option(const parser *p, bosun_err *err, const char *word, size_t len)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->options[i].kind != ARGS_OPERAND)
            names[count++] = p->options[i].name;
    char name[SHOWN + 1];
    snprintf(name, sizeof name, "%.*s", (int)(len < SHOWN ? len : SHOWN), word);
    if (word[0] != '-')
        return bosun_err_set(
            err, BOSUN_ERR_INVALID, "command line",
            "\"%s\" stands where an option was expected; options begin with \"--\"; try --help", name);
    const char *near = bosun_suggest(name, names, count);
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line", "there is no option %s%s%s%s", name,
                         near ? "; did you mean " : "", near ? near : "; try --help", near ? "?" : "");
}

static int bad_option(bosun_err *err, const args_option *opt, const char *what)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "command line", "%s %s; try --help", opt->name, what);
}

static int take_flag(parser *p, const args_option *opt, const char *value, bosun_err *err)
{
    if (value)
        return bad_option(err, opt, "takes no value");
    *(bool *)((char *)p->out + opt->offset) = true;
    return 0;
}

static int take_value(parser *p, const args_option *opt, const char *value, bosun_err *err)
{
    uint32_t bit = UINT32_C(1) << (opt - p->options);
    if (p->seen & bit)
        return bad_option(err, opt, "is given twice");
    p->seen |= bit;
    if (!*value)
        return bad_option(err, opt, "has an empty value");
    if (opt->kind == ARGS_SET)
        return opt->set(p->out, value, err);
    *(const char **)((char *)p->out + opt->offset) = value;
    return 0;
}

/* One option; moves behind it. */
static int parse_one(parser *p, bosun_err *err)
{
    const char *word = p->argv[p->at++];
    const args_option *operand = word[0] == '-' ? NULL : find_operand(p);
    if (operand)
        return take_value(p, operand, word, err);
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const args_option *opt = find(p, word, len);
    if (!opt)
        return unknown_option(p, err, word, len);
    if (opt->kind == ARGS_FLAG)
        return take_flag(p, opt, equals, err);
    if (!equals && p->at >= p->argc)
        return bad_option(err, opt, "needs a value");
    return take_value(p, opt, equals ? equals + 1 : p->argv[p->at++], err);
}

int args_parse(const args_option *options, size_t count, void *out, int argc, char **argv, bosun_err *err)
{
    parser p = {.options = options, .count = count, .out = out, .argv = argv, .argc = argc, .at = 1};
    bosun_err later;
    int rc = 0;
    while (p.at < argc)
        if (parse_one(&p, rc == 0 ? err : &later) < 0)
            rc = -1;
    return rc;
}
