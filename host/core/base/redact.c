/* The list of secrets, and their removal from texts. What a secret covers is removed whole, where two overlap
 * too; so is what a cut in a message has left of one. */
#include "redact.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHORTEST_SECRET 4
#define CUT             "\xE2\x80\xA6" /* "…": stands for what a message leaves out */

typedef struct bosun_secret {
    char *text;
    size_t len;
} bosun_secret;

static bool is_known(const bosun_secrets *secrets, const char *text, size_t len)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (secrets->items[i].len == len && memcmp(secrets->items[i].text, text, len) == 0)
            return true;
    return false;
}

static int make_room(bosun_secrets *secrets)
{
    if (secrets->count < secrets->cap)
        return 0;
    size_t cap = secrets->cap ? secrets->cap * 2 : 8;
    bosun_secret *items = realloc(secrets->items, cap * sizeof *items);
    if (!items)
        return -1;
    secrets->items = items;
    secrets->cap = cap;
    return 0;
}

int bosun_secrets_add(bosun_secrets *secrets, const char *text, size_t len)
{
    if (len < SHORTEST_SECRET || is_known(secrets, text, len))
        return 0;
    if (make_room(secrets) < 0)
        return -1;
    char *copy = malloc(len);
    if (!copy)
        return -1;
    memcpy(copy, text, len);
    secrets->items[secrets->count++] = (bosun_secret){.text = copy, .len = len};
    return 0;
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

static size_t common_length(const bosun_secret *secret, const char *text, size_t len)
{
    size_t same = 0;
    while (same < len && same < secret->len && text[same] == secret->text[same])
        same++;
    return same;
}

/* Length of what the secret covers at the beginning of text: all of it, or as much as a cut has left; 0: the
 * text does not begin with it. */
static size_t match(const bosun_secret *secret, const char *text, size_t len)
{
    if (secret->text[0] != text[0])
        return 0;
    size_t same = common_length(secret, text, len);
    bool is_cut = same >= SHORTEST_SECRET && len - same >= sizeof CUT - 1 &&
                  memcmp(text + same, CUT, sizeof CUT - 1) == 0;
    return same == secret->len || is_cut ? same : 0;
}

/* Behind a cut: length of the longest end of the secret that text begins with. */
static size_t match_end(const bosun_secret *secret, const char *text, size_t len)
{
    for (size_t rest = secret->len < len ? secret->len : len; rest >= SHORTEST_SECRET; rest--)
        if (memcmp(secret->text + secret->len - rest, text, rest) == 0)
            return rest;
    return 0;
}

static bool is_behind_cut(const char *text, size_t at)
{
    return at >= sizeof CUT - 1 && memcmp(text + at - (sizeof CUT - 1), CUT, sizeof CUT - 1) == 0;
}

/* How many bytes of text from `at` on secrets cover. */
static size_t longest_match(const bosun_secrets *secrets, const char *text, size_t at, size_t len)
{
    size_t longest = 0;
    bool behind_cut = is_behind_cut(text, at);
    for (size_t i = 0; i < secrets->count; i++) {
        const bosun_secret *secret = &secrets->items[i];
        size_t length = match(secret, text + at, len - at);
        if (behind_cut && length == 0)
            length = match_end(secret, text + at, len - at);
        if (length > longest)
            longest = length;
    }
    return longest;
}

void bosun_redact(bosun_buf *out, const bosun_secrets *secrets, const char *text, size_t len)
{
    size_t start = 0;  /* of what is not yet appended */
    size_t hidden = 0; /* end of what secrets cover */
    for (size_t at = 0; secrets->count > 0 && at < len; at++) {
        size_t covered = longest_match(secrets, text, at, len);
        if (covered == 0)
            continue;
        if (at >= hidden) {
            bosun_buf_append(out, text + start, at - start);
            bosun_buf_puts(out, "[redacted]");
        }
        if (at + covered > hidden)
            hidden = start = at + covered;
    }
    bosun_buf_append(out, text + start, len - start);
}

bool bosun_names_secret(const char *name, size_t len)
{
    static const char *const words[] = {"token",      "secret",    "password",  "passwd", "pwd",
                                        "key",        "apikey",    "sig",       "auth",   "code",
                                        "credential", "signature", "assertion", "jwt",    "session"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);
        /* A short word also ends names that have nothing to do with it: "monkey", "countryCode". */
        if (len >= n && strncasecmp(name + len - n, words[i], n) == 0 &&
            (len == n || n > 4 || !isalnum((unsigned char)name[len - n - 1])))
            return true;
    }
    return false;
}
