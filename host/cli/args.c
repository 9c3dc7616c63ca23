/* Parsing command lines. Parsing continues after a mistake, and the first one is reported. */
#include "args.h"
#include "args_value.h"
#include "core/base/suggest.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 32

typedef struct parser {
    const args_command *command;
    void *out;
    char **argv;
    int argc;
    int at;         /* the next word */
    uint32_t given; /* a bit for each option */
    bool informs;   /* an ARGS_INFO option is given */
} parser;

static bool is_positional(const args_option *option)
{
    return option->name[0] != '-';
}

static uint32_t bit_of(const parser *p, const args_option *option)
{
    return UINT32_C(1) << (option - p->command->options);
}

static bool is_named(const char *name, const char *word, size_t len)
{
    return name && strlen(name) == len && memcmp(name, word, len) == 0;
}

static const args_option *find_option(const parser *p, const char *word, size_t len)
{
    for (size_t i = 0; i < p->command->option_count; i++) {
        const args_option *option = &p->command->options[i];
        if (is_named(option->name, word, len) || is_named(option->alias, word, len))
            return option;
    }
    return NULL;
}

/* Fills `found`, which has OPTIONS_MAX elements, with the options whose name begins so; returns how many. */
static size_t find_abbreviated(const parser *p, const char *word, size_t len, const args_option **found)
{
    size_t count = 0;
    for (size_t i = 0; len > 2 && i < p->command->option_count && count < OPTIONS_MAX; i++)
        if (strncmp(p->command->options[i].name, word, len) == 0)
            found[count++] = &p->command->options[i];
    return count;
}

/* The next positional argument that is not given yet, or NULL. */
static const args_option *find_positional(const parser *p)
{
    for (size_t i = 0; i < p->command->option_count; i++) {
        const args_option *option = &p->command->options[i];
        if (is_positional(option) && (option->type == ARGS_WORDS || !(p->given & bit_of(p, option))))
            return option;
    }
    return NULL;
}

const args_command *args_subcommand(const args_command *command, const char *name)
{
    for (const args_command *const *at = command->subcommands; at && *at; at++)
        if (strcmp((*at)->subcommand, name) == 0)
            return *at;
    return NULL;
}

/* Fills `names`, which has OPTIONS_MAX elements; returns how many. */
static size_t subcommand_names(const args_command *command, const char **names)
{
    size_t count = 0;
    for (const args_command *const *at = command->subcommands; *at && count < OPTIONS_MAX; at++)
        names[count++] = (*at)->subcommand;
    return count;
}

static int unexpected_word(const parser *p, const char *word, bosun_err *err)
{
    const char *names[OPTIONS_MAX];
    if (p->command->subcommands)
        return args_value_unknown(err, "command", word, names, subcommand_names(p->command, names));
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                         "unexpected argument \"%.*s\"; options begin with \"--\"; try --help", ARGS_SHOWN,
                         word);
}

static int ambiguous_option(const args_option *const *found, size_t found_count, const char *word, size_t len,
                            bosun_err *err)
{
    const char *names[OPTIONS_MAX];
    for (size_t i = 0; i < found_count; i++)
        names[i] = found[i]->name;
    char storage[512];
    bosun_buf list = bosun_buf_fixed(storage, sizeof storage);
    args_value_list(&list, names, found_count, NULL);
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line", "%.*s is ambiguous: write %s",
                         (int)(len < ARGS_SHOWN ? len : ARGS_SHOWN), word, bosun_buf_text(&list));
}

static int unknown_option(const parser *p, const char *word, size_t len, bosun_err *err)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->command->option_count; i++)
        if (!is_positional(&p->command->options[i]))
            names[count++] = p->command->options[i].name;
    char name[ARGS_SHOWN + 1];
    snprintf(name, sizeof name, "%.*s", (int)(len < ARGS_SHOWN ? len : ARGS_SHOWN), word);
    const char *near = bosun_suggest(name, names, count);
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line", "unknown option %s; %s%s%s",
                         name, near ? "did you mean " : "try --help", near ? near : "", near ? "?" : "");
}

static int bad_option(bosun_err *err, const args_option *option, const char *what)
{
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line", "%s %s; try --help",
                         option->name, what);
}

static int take_flag(parser *p, const args_option *option, const char *value, bosun_err *err)
{
    if (value)
        return bad_option(err, option, "takes no value");
    p->informs = p->informs || option->type == ARGS_INFO;
    return args_value_set(option, NULL, p->out, err);
}

static int take_value(parser *p, const args_option *option, const char *value, bosun_err *err)
{
    p->given |= bit_of(p, option);
    if (!*value)
        return bad_option(err, option, "has an empty value");
    return args_value_set(option, value, p->out, err);
}

/* An ARGS_ASK takes the next word for its value unless that is an option. */
static int take_question(parser *p, const args_option *option, const char *value, bosun_err *err)
{
    p->informs = true;
    if (!value)
        value = p->at < p->argc && p->argv[p->at][0] != '-' ? p->argv[p->at++] : "";
    return args_value_set(option, value, p->out, err);
}

static int take_option(parser *p, const char *word, bosun_err *err)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const args_option *found[OPTIONS_MAX];
    const args_option *option = find_option(p, word, len);
    size_t candidates = option ? 0 : find_abbreviated(p, word, len, found);
    if (candidates > 1)
        return ambiguous_option(found, candidates, word, len, err);
    if (!option && candidates == 0)
        return unknown_option(p, word, len, err);
    if (!option)
        option = found[0];
    if (option->type == ARGS_ASK)
        return take_question(p, option, equals ? equals + 1 : NULL, err);
    if (option->type == ARGS_FLAG || option->type == ARGS_INFO)
        return take_flag(p, option, equals, err);
    if (!equals && p->at >= p->argc)
        return bad_option(err, option, "needs a value");
    return take_value(p, option, equals ? equals + 1 : p->argv[p->at++], err);
}

/* The words before p->at are done with, so their places in argv are free. */
static int take_words(parser *p, const args_option *option, char *word)
{
    args_words *words = (args_words *)((char *)p->out + option->field);
    p->argv[words->count++] = word;
    p->argv[words->count] = NULL;
    words->items = (const char *const *)p->argv;
    return 0;
}

static int take_word(parser *p, bosun_err *err)
{
    char *word = p->argv[p->at++];
    if (word[0] == '-')
        return take_option(p, word, err);
    const args_option *positional = find_positional(p);
    if (positional && positional->type == ARGS_WORDS)
        return take_words(p, positional, word);
    return positional ? take_value(p, positional, word, err) : unexpected_word(p, word, err);
}

static int set_fallbacks(const parser *p, bosun_err *err)
{
    for (size_t i = 0; i < p->command->option_count; i++) {
        const args_option *option = &p->command->options[i];
        if (option->fallback && args_value_set(option, option->fallback, p->out, err) < 0)
            return -1;
    }
    return 0;
}

static int missing_command(const parser *p, bosun_err *err)
{
    const char *names[OPTIONS_MAX];
    char storage[512];
    bosun_buf list = bosun_buf_fixed(storage, sizeof storage);
    args_value_list(&list, names, subcommand_names(p->command, names), NULL);
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                         "a command is missing: %s; try --help", bosun_buf_text(&list));
}

static int check_required(const parser *p, bosun_err *err)
{
    for (size_t i = 0; i < p->command->option_count; i++) {
        const args_option *option = &p->command->options[i];
        if (option->required && !(p->given & bit_of(p, option)))
            return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                                 "%s is missing: %s; try --help", option->name, option->required);
    }
    return p->command->subcommands ? missing_command(p, err) : 0;
}

int args_parse(const args_command *command, void *out, int argc, char **argv, bosun_err *err)
{
    parser p = {.command = command, .out = out, .argv = argv, .argc = argc, .at = 1};
    bosun_err later;
    int rc = set_fallbacks(&p, err);
    while (p.at < argc)
        if (take_word(&p, rc == 0 ? err : &later) < 0)
            rc = -1;
    return rc == 0 && !p.informs ? check_required(&p, err) : rc;
}
