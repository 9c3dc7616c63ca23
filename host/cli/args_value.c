/* Values of options. */
#include "args_value.h"
#include "core/action.h"
#include "core/base/suggest.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void args_value_list(bosun_buf *out, const char *const *words, size_t count, const char *marked)
{
    for (size_t i = 0; i < count; i++) {
        bosun_buf_puts(out, i == 0 ? "" : i + 1 < count ? ", " : " or ");
        bosun_buf_puts(out, words[i]);
        if (marked && strcmp(words[i], marked) == 0)
            bosun_buf_puts(out, " (the default)");
    }
}

int args_value_unknown(bosun_err *err, const char *what, const char *word, const char *const *known,
                       size_t count)
{
    const char *near = bosun_suggest(word, known, count);
    if (near)
        return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                             "unknown %s \"%.*s\"; did you mean \"%s\"?", what, ARGS_SHOWN, word, near);
    char storage[512];
    bosun_buf list = bosun_buf_fixed(storage, sizeof storage);
    args_value_list(&list, known, count, NULL);
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                         "unknown %s \"%.*s\"; expected %s", what, ARGS_SHOWN, word, bosun_buf_text(&list));
}

/* "--log-level" is the option for a "log level". */
static const char *noun_of(const args_option *option, char *noun, size_t size)
{
    const char *name = option->name + strspn(option->name, "-");
    size_t len = 0;
    for (; name[len] && len + 1 < size; len++)
        noun[len] = (char)(name[len] == '-' ? ' ' : tolower((unsigned char)name[len]));
    noun[len] = '\0';
    return noun;
}

static int set_seconds(const args_option *option, const char *value, double *out, bosun_err *err)
{
    char *end = NULL;
    bool decimal = value[strspn(value, "0123456789.")] == '\0';
    double seconds = decimal ? strtod(value, &end) : -1;
    if (end && end > value && *end == '\0' && seconds > 0 && isfinite(seconds)) {
        *out = seconds;
        return 0;
    }
    return bosun_err_set(err, BOSUN_ERR_COMMAND_LINE, "read the command line",
                         "%s \"%.*s\": expected a number of seconds above 0, such as 30 or 1.5", option->name,
                         ARGS_SHOWN, value);
}

static int set_action(const args_option *option, const char *value, const bosun_action **out, bosun_err *err)
{
    *out = bosun_action_find(value);
    if (*out)
        return 0;
    const char *names[16];
    char noun[32];
    for (size_t i = 0; i < bosun_action_count; i++)
        names[i] = bosun_actions[i].name;
    return args_value_unknown(err, noun_of(option, noun, sizeof noun), value, names, bosun_action_count);
}

/* The field is an enum; without negative constants, GCC and Clang make it an unsigned int. */
static int set_choice(const args_option *option, const char *value, unsigned *out, bosun_err *err)
{
    for (const args_synonym *synonym = option->synonyms; synonym && synonym->word; synonym++)
        if (strcasecmp(synonym->word, value) == 0)
            value = synonym->choice;
    for (size_t i = 0; i < option->choice_count; i++)
        if (strcasecmp(option->choices[i], value) == 0) {
            *out = (unsigned)i;
            return 0;
        }
    char noun[32];
    return args_value_unknown(err, noun_of(option, noun, sizeof noun), value, option->choices,
                              option->choice_count);
}

int args_value_set(const args_option *option, const char *value, void *out, bosun_err *err)
{
    void *field = (char *)out + option->field;
    switch (option->type) {
    case ARGS_FLAG:
    case ARGS_INFO: *(bool *)field = true; return 0;
    case ARGS_ASK:
    case ARGS_TEXT: *(const char **)field = value; return 0;
    case ARGS_SECONDS: return set_seconds(option, value, field, err);
    case ARGS_ACTION: return set_action(option, value, field, err);
    case ARGS_WORDS: break; /* not a single value */
    case ARGS_CHOICE: return set_choice(option, value, field, err);
    }
    return -1;
}
