/* Secrets in a text that is not valid YAML: the message about it may quote any part of it. Whatever looks
 * like the value of a secret key is one, as a whole and word by word: the value on the key's line, and on the
 * lines below it that are indented more or in the same quotes. */
#include "redact.h"
#include <ctype.h>
#include <string.h>

#define BLANKS " \t\r"

typedef struct scan {
    bosun_secrets *secrets;
    const char *const *names; /* of secret keys, beside those that say so */
    size_t count;
    const char *at;
    const char *end;
} scan;

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline : end;
}

/* Adds what is between `at` and `end`, without the characters of `set` at both ends. */
static int add_trimmed(bosun_secrets *secrets, const char *at, const char *end, const char *set)
{
    while (at < end && is_one_of(*at, set))
        at++;
    while (at < end && is_one_of(end[-1], set))
        end--;
    return bosun_secrets_add(secrets, at, (size_t)(end - at));
}

static bool in_scalar(char c)
{
    return !is_one_of(c, BLANKS "'\"&*!{}[],:#>|");
}

/* In the names of anchors and aliases. */
static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static int add_words(bosun_secrets *secrets, const char *at, const char *end, bool (*in_word)(char))
{
    for (; at < end; at++) {
        const char *word = at;
        while (at < end && in_word(*at))
            at++;
        if (bosun_secrets_add(secrets, word, (size_t)(at - word)) < 0)
            return -1;
    }
    return 0;
}

/* Adds a value: with and without what may be YAML around it, and what YAML may take for a part of it. */
static int add_value(bosun_secrets *secrets, const char *at, const char *end)
{
    if (add_trimmed(secrets, at, end, BLANKS) < 0 || add_trimmed(secrets, at, end, BLANKS "'\"{}[],") < 0)
        return -1;
    return add_words(secrets, at, end, in_scalar) < 0 ? -1 : add_words(secrets, at, end, in_name);
}

/* Does the name that ends before `colon`, without quotes and blanks, belong to a secret? */
static bool is_secret_key(const scan *s, const char *line, const char *colon)
{
    const char *end = colon;
    while (end > line && is_one_of(end[-1], BLANKS "'\""))
        end--;
    const char *start = end;
    while (start > line && !is_one_of(start[-1], BLANKS "'\"{},[]:"))
        start--;
    size_t len = (size_t)(end - start);
    for (size_t i = 0; i < s->count; i++)
        if (strlen(s->names[i]) == len && memcmp(s->names[i], start, len) == 0)
            return true;
    return bosun_may_name_secret(start, len);
}

/* The quote that the value begins with and does not end with, or 0. */
static char open_quote(const char *value, const char *end)
{
    while (value < end && is_one_of(*value, BLANKS))
        value++;
    if (value == end || !is_one_of(*value, "'\"") || memchr(value + 1, *value, (size_t)(end - value - 1)))
        return '\0';
    return *value;
}

static size_t indentation(const char *line, const char *end)
{
    const char *at = line;
    while (at < end && is_one_of(*at, BLANKS "-"))
        at++;
    return at == end ? SIZE_MAX : (size_t)(at - line); /* an empty line belongs to any value */
}

/* Adds the lines that continue the value of a key on a line with this indentation. */
static int add_continuation(scan *s, size_t indent, char quote)
{
    while (s->at < s->end) {
        const char *end = line_end(s->at, s->end);
        if (!quote && indentation(s->at, end) <= indent)
            return 0;
        if (add_value(s->secrets, s->at, end) < 0)
            return -1;
        if (quote && memchr(s->at, quote, (size_t)(end - s->at)))
            quote = '\0';
        s->at = end < s->end ? end + 1 : end;
    }
    return 0;
}

/* Adds the credentials of the URLs on a line. */
static int add_urls(bosun_secrets *secrets, const char *line, const char *end)
{
    const char *url;
    for (const char *at = line; (url = memmem(at, (size_t)(end - at), "://", 3)); at = url + 3) {
        const char *start = url;
        const char *after = url;
        while (start > line && (isalnum((unsigned char)start[-1]) || is_one_of(start[-1], "+-.")))
            start--;
        while (after < end && !is_one_of(*after, BLANKS "'\""))
            after++;
        if (bosun_secrets_add_url(secrets, start, (size_t)(after - start)) < 0)
            return -1;
    }
    return 0;
}

static int scan_line(scan *s)
{
    const char *line = s->at;
    const char *end = line_end(line, s->end);
    const char *value = NULL;
    s->at = end < s->end ? end + 1 : end;
    for (const char *at = line; (at = memchr(at, ':', (size_t)(end - at))); at++) {
        if (!is_secret_key(s, line, at))
            continue;
        value = at + 1;
        if (add_value(s->secrets, value, end) < 0)
            return -1;
    }
    if (add_urls(s->secrets, line, end) < 0)
        return -1;
    return value ? add_continuation(s, indentation(line, end), open_quote(value, end)) : 0;
}

int bosun_secrets_add_text(bosun_secrets *secrets, const char *text, size_t len, const char *const *names,
                           size_t count)
{
    scan s = {.secrets = secrets, .names = names, .count = count, .at = text, .end = text + len};
    int rc = 0;
    while (s.at < s.end && rc == 0)
        rc = scan_line(&s);
    return rc;
}
