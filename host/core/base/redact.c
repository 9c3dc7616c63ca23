/* The list of secrets, and their removal from texts. What a secret covers is removed whole, where two overlap
 * too. */
#include "redact.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST_SECRET 4

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

/* Length of the longest secret that text begins with; 0: none. */
static size_t longest_match(const bosun_secrets *secrets, const char *text, size_t len)
{
    size_t longest = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        const bosun_secret *secret = &secrets->items[i];
        if (secret->len > longest && secret->len <= len && secret->text[0] == text[0] &&
            memcmp(secret->text, text, secret->len) == 0)
            longest = secret->len;
    }
    return longest;
}

void bosun_redact(bosun_buf *out, const bosun_secrets *secrets, const char *text, size_t len)
{
    size_t start = 0;  /* of what is not yet appended */
    size_t hidden = 0; /* end of what secrets cover */
    for (size_t at = 0; secrets->count > 0 && at < len; at++) {
        size_t match = longest_match(secrets, text + at, len - at);
        if (match == 0)
            continue;
        if (at >= hidden) {
            bosun_buf_append(out, text + start, at - start);
            bosun_buf_puts(out, "[redacted]");
        }
        if (at + match > hidden)
            hidden = start = at + match;
    }
    bosun_buf_append(out, text + start, len - start);
}
