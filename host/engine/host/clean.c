/* Removes the secrets from a status. */
#include "host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX ((size_t)64 * 1024) /* of a status */

/* Replaces the scalar with its redacted text if that differs. Returns 0, or -1: out of memory. */
static int redact_scalar(bosun_value *value, const char *bytes, size_t len, const bosun_secrets *secrets,
                         bosun_arena *arena)
{
    bosun_buf text = {0};
    bosun_redact(&text, secrets, bytes, len);
    bool same = !text.failed && text.len == len && memcmp(bosun_buf_text(&text), bytes, len) == 0;
    const bosun_value *clean = NULL;
    if (!same && !text.failed)
        clean = bosun_value_string(arena, bosun_buf_text(&text), text.len);
    bosun_buf_free(&text);
    if (same)
        return 0;
    if (!clean)
        return -1;
    value->kind = clean->kind;
    value->as = clean->as;
    return 0;
}

static int redact_value(bosun_value *value, const bosun_secrets *secrets, bosun_arena *arena);

static int compare_pairs(const void *a, const void *b)
{
    return bosun_value_compare_keys(((const bosun_pair *)a)->key, ((const bosun_pair *)b)->key);
}

/* Appends " (n)" to a key, a string. Returns 0, or -1: out of memory. */
static int number_key(bosun_value *key, size_t n, bosun_arena *arena)
{
    bosun_buf text = {0};
    bosun_buf_append(&text, key->as.string.bytes, key->as.string.len);
    bosun_buf_printf(&text, " (%zu)", n);
    const bosun_value *name = text.failed ? NULL : bosun_value_string(arena, bosun_buf_text(&text), text.len);
    bosun_buf_free(&text);
    if (!name)
        return -1;
    key->as = name->as;
    return 0;
}

/* Numbers the second and further ones of equal keys. Returns how many, or -1: out of memory. */
static int number_equal_keys(bosun_value *mapping, bosun_arena *arena)
{
    bosun_pair *pairs = mapping->as.mapping.pairs;
    size_t count = mapping->as.mapping.count;
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    int numbered = 0;
    for (size_t first = 0, i = 1; i < count; i++) {
        if (!bosun_value_same_key(pairs[first].key, pairs[i].key))
            first = i;
        else if (number_key(pairs[i].key, i - first + 1, arena) == 0)
            numbered++;
        else
            return -1;
    }
    return numbered;
}

/* Redacts keys and values. Keys that become equal are numbered: none may hide another. */
static int redact_mapping(bosun_value *mapping, const bosun_secrets *secrets, bosun_arena *arena)
{
    int changed = 0;
    for (size_t i = 0; i < mapping->as.mapping.count; i++) {
        const bosun_pair *pair = &mapping->as.mapping.pairs[i];
        const bosun_value before = *pair->key;
        if (redact_value(pair->key, secrets, arena) < 0 || redact_value(pair->value, secrets, arena) < 0)
            return -1;
        if (!bosun_value_same_key(&before, pair->key))
            changed = 1;
    }
    while (changed > 0) /* again: a numbered key may equal another one */
        changed = number_equal_keys(mapping, arena);
    return changed;
}

/* Redacts every scalar in the value, including keys. Returns 0, or -1: out of memory. */
static int redact_value(bosun_value *value, const bosun_secrets *secrets, bosun_arena *arena)
{
    char number[64];
    int rc = 0;
    switch (value->kind) {
    case BOSUN_STRING:
        return redact_scalar(value, value->as.string.bytes, value->as.string.len, secrets, arena);
    case BOSUN_INT:
        rc = snprintf(number, sizeof number, "%lld", (long long)value->as.integer);
        return redact_scalar(value, number, (size_t)rc, secrets, arena);
    case BOSUN_FLOAT:
        rc = snprintf(number, sizeof number, "%.14g", value->as.number);
        return redact_scalar(value, number, (size_t)rc, secrets, arena);
    case BOSUN_SEQUENCE:
        for (size_t i = 0; i < value->as.sequence.count && rc == 0; i++)
            rc = redact_value(value->as.sequence.items[i], secrets, arena);
        return rc;
    case BOSUN_MAPPING: return redact_mapping(value, secrets, arena);
    default: return 0;
    }
}

/* Redacts the message, makes it UTF-8 without NUL bytes, and cuts it: it is for people. Returns 0, or -1: out
 * of memory. */
static int redact_message(bosun_status *status, const bosun_secrets *secrets)
{
    bosun_buf clean = {0};
    bosun_buf text = {0};
    bosun_buf shown = {0};
    bosun_redact(&clean, secrets, status->message, status->message_len);
    bosun_buf_append_visible(&text, bosun_buf_text(&clean), clean.len);
    text.failed = text.failed || clean.failed;
    bosun_buf_free(&clean);
    bosun_buf_append_utf8(&shown, bosun_buf_text(&text), text.len < MESSAGE_MAX ? text.len : MESSAGE_MAX);
    if (text.len > MESSAGE_MAX)
        bosun_buf_printf(&shown, "… (%zu bytes more)", text.len - MESSAGE_MAX);
    bool failed = text.failed || shown.failed;
    int rc = failed ? -1 : bosun_status_set_message(status, bosun_buf_text(&shown), shown.len);
    bosun_buf_free(&shown);
    bosun_buf_free(&text);
    return rc;
}

int host_redact_status(bosun_status *status, const bosun_secrets *secrets)
{
    if (status->message && redact_message(status, secrets) < 0)
        return -1;
    if (!status->data || (secrets->count == 0 && !secrets->hidden_path))
        return 0;
    return redact_value(status->data, secrets, status->arena);
}
