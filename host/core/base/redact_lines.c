/* Secrets in lines that say "name = value" or "name: value", whatever the format of the file: those of an
 * .ini, a script with its exports, a broken config, and comments. Names that say it for sure count. */
#include "redact.h"
#include <ctype.h>
#include <string.h>

#define BLANKS " \t\r"

typedef struct line {
    const char *at;
    const char *end;
} line;

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static void skip(line *l, const char *set)
{
    while (l->at < l->end && is_one_of(*l->at, set))
        l->at++;
}

static void trim_end(line *l, const char *set)
{
    while (l->end > l->at && is_one_of(l->end[-1], set))
        l->end--;
}

static bool skip_word(line *l, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(l->end - l->at) <= len || memcmp(l->at, word, len) != 0 || !is_one_of(l->at[len], BLANKS))
        return false;
    l->at += len;
    skip(l, BLANKS);
    return true;
}

/* Behind the name and the sign after it, if the name is one of a secret. */
static bool skip_secret_name(line *l)
{
    skip(l, BLANKS "-");
    for (bool word = true; word;)
        word = skip_word(l, "export") || skip_word(l, "set") || skip_word(l, "local");
    skip(l, "'\"");
    const char *name = l->at;
    while (l->at < l->end && (isalnum((unsigned char)*l->at) || is_one_of(*l->at, "_-.")))
        l->at++;
    size_t len = (size_t)(l->at - name);
    skip(l, BLANKS "'\"");
    if (len == 0 || l->at == l->end || !is_one_of(*l->at, ":=") || !bosun_names_secret(name, len))
        return false;
    skip(l, ":=>" BLANKS);
    return true;
}

/* Words with which a file says that there is no value. */
static bool is_nothing(const line *l)
{
    static const char *const words[] = {"null", "true", "false", "none", "None", "[redacted]"};
    size_t len = (size_t)(l->end - l->at);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == len && memcmp(words[i], l->at, len) == 0)
            return true;
    return false;
}

static int add(bosun_secrets *secrets, line value)
{
    skip(&value, BLANKS "'\"");
    trim_end(&value, BLANKS ",;");
    trim_end(&value, "'\"");
    return is_nothing(&value) ? 0 : bosun_secrets_add(secrets, value.at, (size_t)(value.end - value.at));
}

/* Adds a value, what is quoted in front of it, what is in front of a comment, and what is behind the scheme
 * of an authorization. */
static int add_value(bosun_secrets *secrets, line value)
{
    int rc = add(secrets, value);
    bool quoted = value.at < value.end && is_one_of(*value.at, "'\"");
    const char *quote = quoted ? memchr(value.at + 1, *value.at, (size_t)(value.end - value.at - 1)) : NULL;
    if (rc == 0 && quote)
        rc = add(secrets, (line){value.at, quote});
    for (const char *at = value.at; rc == 0 && !quoted && at + 1 < value.end; at++)
        if (is_one_of(at[0], BLANKS) && is_one_of(at[1], "#;"))
            rc = add(secrets, (line){value.at, at});
    skip(&value, "'\"");
    if (rc == 0 && (skip_word(&value, "Bearer") || skip_word(&value, "Basic")))
        rc = add(secrets, value);
    return rc;
}

static int scan(bosun_secrets *secrets, line l, bool comments_only)
{
    skip(&l, BLANKS);
    const char *start = l.at;
    skip(&l, "#;/*");
    if (comments_only && l.at == start)
        return 0;
    return skip_secret_name(&l) ? add_value(secrets, l) : 0;
}

int bosun_secrets_add_lines(bosun_secrets *secrets, const char *text, size_t len, bool comments_only)
{
    const char *end = text + len;
    int rc = 0;
    while (text < end && rc == 0) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        line l = {text, newline ? newline : end};
        rc = scan(secrets, l, comments_only);
        text = newline ? newline + 1 : end;
    }
    return rc;
}
