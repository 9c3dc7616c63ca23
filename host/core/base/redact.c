/* The list of secrets, and their removal from texts. What a secret covers is removed whole, where two overlap
 * too; so is what a cut in a message has left of one. */
#include "redact.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHORTEST_LINE   8 /* of a secret with several lines */
#define SHORTEST_BASE64 8
#define CUT             "\xE2\x80\xA6" /* "…": stands for what a message leaves out */

typedef struct bosun_secret {
    char *text;
    size_t len;
    uint32_t next; /* like bosun_secrets.first */
    bool is_base64;
} bosun_secret;

static unsigned char first_byte(const char *text)
{
    return (unsigned char)text[0];
}

static bool is_known(const bosun_secrets *secrets, const char *text, size_t len)
{
    for (uint32_t i = secrets->first[first_byte(text)]; i > 0; i = secrets->items[i - 1].next)
        if (secrets->items[i - 1].len == len && memcmp(secrets->items[i - 1].text, text, len) == 0)
            return true;
    return false;
}

static int make_room(bosun_secrets *secrets)
{
    if (secrets->count < secrets->cap)
        return 0;
    size_t cap = secrets->cap ? secrets->cap * 2 : 8;
    bosun_secret *items = cap < UINT32_MAX ? realloc(secrets->items, cap * sizeof *items) : NULL;
    if (!items)
        return -1;
    secrets->items = items;
    secrets->cap = cap;
    return 0;
}

static int add(bosun_secrets *secrets, const char *text, size_t len, bool is_base64)
{
    if (len < BOSUN_SECRET_MIN || is_known(secrets, text, len))
        return 0;
    if (make_room(secrets) < 0)
        return -1;
    char *copy = malloc(len);
    if (!copy)
        return -1;
    memcpy(copy, text, len);
    uint32_t *first = &secrets->first[first_byte(text)];
    secrets->items[secrets->count++] =
        (bosun_secret){.text = copy, .len = len, .next = *first, .is_base64 = is_base64};
    *first = (uint32_t)secrets->count;
    return 0;
}

/* The character of base64 for the 6 bits from number `bit` on. */
static char base64_character(const char *text, size_t len, size_t bit)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *byte = (const unsigned char *)text + bit / 8;
    unsigned next = bit / 8 + 1 < len ? byte[1] : 0;
    return alphabet[(((unsigned)byte[0] << 8 | next) >> (10 - bit % 8)) & 63];
}

/* Adds what base64 makes of a text, whatever surrounds it: it may begin at any of three bit positions in a
 * character, and the characters that also hold bits of its neighbours are left out. */
static int add_base64(bosun_secrets *secrets, const char *text, size_t len)
{
    int rc = 0;
    for (size_t start = 0; start <= 4 && rc == 0; start += 2) {
        size_t count = len > 0 ? (len * 8 - start) / 6 : 0;
        char *encoded = count >= SHORTEST_BASE64 ? malloc(count) : NULL;
        if (!encoded)
            return count < SHORTEST_BASE64 ? 0 : -1;
        for (size_t i = 0; i < count; i++)
            encoded[i] = base64_character(text, len, start + i * 6);
        rc = add(secrets, encoded, count, true);
        explicit_bzero(encoded, count);
        free(encoded);
    }
    return rc;
}

/* Without blanks at both ends. */
static const char *trim(const char *text, size_t *len)
{
    while (*len > 0 && isspace((unsigned char)text[*len - 1]))
        --*len;
    for (; *len > 0 && isspace((unsigned char)text[0]); text++)
        --*len;
    return text;
}

/* Adds each line of a text with several. Short ones, and those that begin and end a key in PEM format, are in
 * many texts. */
static int add_lines(bosun_secrets *secrets, const char *text, size_t len)
{
    const char *end = text + len;
    int rc = 0;
    while (text < end && rc == 0) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line_len = (size_t)((newline ? newline : end) - text);
        const char *line = trim(text, &line_len);
        if (line_len >= SHORTEST_LINE && memcmp(line, "-----", 5) != 0)
            rc = add(secrets, line, line_len, false) < 0 ? -1 : add_base64(secrets, line, line_len);
        text = newline ? newline + 1 : end;
    }
    return rc;
}

int bosun_secrets_add(bosun_secrets *secrets, const char *text, size_t len)
{
    text = trim(text, &len);
    if (len < BOSUN_SECRET_MIN || is_known(secrets, text, len))
        return 0;
    if (add(secrets, text, len, false) < 0 || add_base64(secrets, text, len) < 0)
        return -1;
    return memchr(text, '\n', len) ? add_lines(secrets, text, len) : 0;
}

const char *bosun_secrets_get(const bosun_secrets *secrets, size_t index, size_t *len)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (secrets->items[i].is_base64 || index-- > 0)
            continue;
        *len = secrets->items[i].len;
        return secrets->items[i].text;
    }
    return NULL;
}

void bosun_secrets_free(bosun_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        explicit_bzero(secrets->items[i].text, secrets->items[i].len);
        free(secrets->items[i].text);
    }
    free(secrets->items);
    *secrets = (bosun_secrets){0};
}

/* The byte that the `count` hexadecimal digits at `text` stand for; -1: they are none. */
static int hex_byte(const char *text, size_t len, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (i >= len || !isxdigit((unsigned char)text[i]) || value > 0xF)
            return -1;
        int digit = isdigit((unsigned char)text[i]) ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10;
        value = value * 16 + digit;
    }
    return value;
}

/* The byte that an escape at the beginning of text stands for, and its width: %2F of URLs, those with a
 * backslash of JSON, YAML and Lua, and a quote in a shell's quotes. -1: no escape. */
static int read_escape(const char *text, size_t len, size_t *width)
{
    static const char quote[] = "'\\''";
    static const char letters[] = "nrtbfav0e";
    static const char meanings[] = "\n\r\t\b\f\a\v\0\x1B";
    *width = sizeof quote - 1;
    if (len >= sizeof quote - 1 && memcmp(text, quote, sizeof quote - 1) == 0)
        return '\'';
    if (len < 2 || (text[0] != '%' && text[0] != '\\'))
        return -1;
    size_t digits = text[0] == '%' || text[1] == 'x' ? 2 : text[1] == 'u' ? 4 : 0;
    size_t before = text[0] == '%' ? 1 : 2;
    *width = before + digits;
    if (digits > 0)
        return hex_byte(text + before, len - before, digits);
    const char *letter = text[1] ? strchr(letters, text[1]) : NULL;
    return letter ? (unsigned char)meanings[letter - letters] : (unsigned char)text[1];
}

/* Both alphabets of base64 have the same letters and digits. */
static char base64_standard(char c)
{
    return (char)(c == '-' ? '+' : c == '_' ? '/' : c);
}

/* Bytes of what stands for `wanted` at the beginning of text, which is not empty; 0: something else does. */
static size_t step(const bosun_secret *secret, char wanted, const char *text, size_t len, bool escapes)
{
    size_t width = 0;
    if (escapes && read_escape(text, len, &width) == (unsigned char)wanted)
        return width;
    if (text[0] == wanted || (secret->is_base64 && base64_standard(text[0]) == wanted))
        return 1;
    return escapes && wanted == ' ' && text[0] == '+' ? 1 : 0;
}

/* A cut, or the end of a quotation and a cut. */
static bool begins_with_cut(const char *text, size_t len)
{
    size_t quote = len > 0 && (text[0] == '"' || text[0] == '\'') ? 1 : 0;
    return len - quote >= sizeof CUT - 1 && memcmp(text + quote, CUT, sizeof CUT - 1) == 0;
}

/* Length of what the secret covers at the beginning of text: all of it from byte number `from` on, or as much
 * as a cut has left; 0: the text does not begin with it. */
static size_t match(const bosun_secret *secret, size_t from, const char *text, size_t len, bool escapes)
{
    size_t at = 0;
    size_t same = from;
    for (size_t width = 1; same < secret->len && at < len; same++, at += width) {
        width = step(secret, secret->text[same], text + at, len - at, escapes);
        if (width == 0)
            break;
    }
    bool is_cut = same - from >= BOSUN_SECRET_MIN && begins_with_cut(text + at, len - at);
    return same == secret->len || is_cut ? at : 0;
}

/* The same, whether or not its characters are escaped. */
static size_t match_any(const bosun_secret *secret, size_t from, const char *text, size_t len)
{
    size_t plain = match(secret, from, text, len, false);
    size_t escaped = match(secret, from, text, len, true);
    return plain > escaped ? plain : escaped;
}

/* Behind a cut: length of the longest end of the secret that text begins with. */
static size_t match_end(const bosun_secret *secret, const char *text, size_t len)
{
    size_t covered = 0;
    for (size_t from = 1; covered == 0 && from + BOSUN_SECRET_MIN <= secret->len; from++)
        covered = match_any(secret, from, text, len);
    return covered;
}

static bool is_behind_cut(const char *text, size_t at)
{
    return at >= sizeof CUT - 1 && memcmp(text + at - (sizeof CUT - 1), CUT, sizeof CUT - 1) == 0;
}

/* The longest match of those secrets that begin with a byte. */
static size_t longest_with(const bosun_secrets *secrets, int byte, const char *text, size_t len)
{
    size_t longest = 0;
    for (uint32_t i = secrets->first[byte]; i > 0; i = secrets->items[i - 1].next) {
        size_t length = match_any(&secrets->items[i - 1], 0, text, len);
        longest = length > longest ? length : longest;
    }
    return longest;
}

static size_t longest_end(const bosun_secrets *secrets, const char *text, size_t len)
{
    size_t longest = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        size_t length = match_end(&secrets->items[i], text, len);
        longest = length > longest ? length : longest;
    }
    return longest;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* How many bytes of text from `at` on secrets cover. */
static size_t longest_match(const bosun_secrets *secrets, const char *text, size_t at, size_t len)
{
    size_t width;
    size_t left = len - at;
    char c = text[at];
    int escaped = read_escape(text + at, left, &width);
    size_t longest = longest_with(secrets, (unsigned char)c, text + at, left);
    if (escaped >= 0)
        longest = larger(longest, longest_with(secrets, escaped, text + at, left));
    if (base64_standard(c) != c)
        longest = larger(longest, longest_with(secrets, base64_standard(c), text + at, left));
    return is_behind_cut(text, at) ? larger(longest, longest_end(secrets, text + at, left)) : longest;
}

/* Returns the length of the hidden path if it is at text[at], 0 if not: "/proc/self/fd/7" is not the
 * beginning of "/proc/self/fd/71". */
static size_t match_path(const bosun_secrets *secrets, const char *text, size_t at, size_t len)
{
    const char *path = secrets->hidden_path;
    size_t size = path ? strlen(path) : 0;
    if (size == 0 || len - at < size || memcmp(text + at, path, size) != 0)
        return 0;
    return len - at > size && isdigit((unsigned char)text[at + size]) ? 0 : size;
}

void bosun_redact(bosun_buf *out, const bosun_secrets *secrets, const char *text, size_t len)
{
    bool any = secrets->count > 0 || secrets->hidden_path;
    size_t start = 0;  /* of what is not yet appended */
    size_t hidden = 0; /* end of what secrets cover */
    for (size_t at = 0; any && at < len; at++) {
        size_t covered = secrets->count > 0 ? longest_match(secrets, text, at, len) : 0;
        size_t path = covered == 0 && at >= hidden ? match_path(secrets, text, at, len) : 0;
        if (covered + path == 0)
            continue;
        if (at >= hidden) {
            bosun_buf_append(out, text + start, at - start);
            bosun_buf_puts(out, path ? secrets->shown_name : "[redacted]");
        }
        covered += path;
        if (at + covered > hidden)
            hidden = start = at + covered;
    }
    bosun_buf_append(out, text + start, len - start);
}

/* Does the name, in which only letters and digits count, end in one of the words? */
static bool ends_in_word(const char *name, size_t len, const char *const *words)
{
    for (; *words; words++) {
        size_t at = len;
        size_t left = strlen(*words);
        while (at > 0 && left > 0) {
            char c = name[--at];
            if (!isalnum((unsigned char)c))
                continue;
            if ((c | 0x20) != (*words)[left - 1])
                break;
            left--;
        }
        if (left == 0)
            return true;
    }
    return false;
}

bool bosun_names_secret(const char *name, size_t len)
{
    static const char *const words[] = {
        "token",     "secret",      "password",         "passwd",        "passphrase",
        "apikey",    "accesskey",   "privatekey",       "credential",    "signature",
        "assertion", "credentials", "connectionstring", "authorization", "cookie",
        "bearer",    NULL};
    return ends_in_word(name, len, words);
}

bool bosun_may_name_secret(const char *name, size_t len)
{
    static const char *const words[] = {"pwd", "key", "sig", "auth", "code", "jwt", "session"};
    if (bosun_names_secret(name, len))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);
        /* They also end names that have nothing to do with secrets: "monkey", "countryCode". */
        if (len >= n && strncasecmp(name + len - n, words[i], n) == 0 &&
            (len == n || n > 4 || !isalnum((unsigned char)name[len - n - 1])))
            return true;
    }
    return false;
}
