/* libFuzzer: whatever the reader accepts and the writer can write, the reader reads again as the same
 * tree. */
#include "core/yaml/yaml.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Infinities and NaN are written as strings. */
static bool became_string(const bosun_value *a, const bosun_value *b)
{
    return a->kind == BOSUN_FLOAT && !isfinite(a->as.number) && b->kind == BOSUN_STRING;
}

/* Bytes that are not UTF-8, which !!binary can produce, are written as U+FFFD. */
static bool same_string(const bosun_value *a, const bosun_value *b)
{
    bosun_buf text = {0};
    bosun_buf_append_utf8(&text, a->as.string.bytes, a->as.string.len);
    bool same =
        text.len == b->as.string.len && memcmp(bosun_buf_text(&text), b->as.string.bytes, text.len) == 0;
    bosun_buf_free(&text);
    return same;
}

static bool same(const bosun_value *a, const bosun_value *b);

static bool same_pairs(const bosun_value *a, const bosun_value *b)
{
    if (a->as.mapping.count != b->as.mapping.count)
        return false;
    for (size_t i = 0; i < a->as.mapping.count; i++)
        if (!same(a->as.mapping.pairs[i].key, b->as.mapping.pairs[i].key) ||
            !same(a->as.mapping.pairs[i].value, b->as.mapping.pairs[i].value))
            return false;
    return true;
}

static bool same_items(const bosun_value *a, const bosun_value *b)
{
    if (a->as.sequence.count != b->as.sequence.count)
        return false;
    for (size_t i = 0; i < a->as.sequence.count; i++)
        if (!same(a->as.sequence.items[i], b->as.sequence.items[i]))
            return false;
    return true;
}

static bool same(const bosun_value *a, const bosun_value *b)
{
    if (became_string(a, b))
        return true;
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case BOSUN_STRING: return same_string(a, b);
    case BOSUN_SEQUENCE: return same_items(a, b);
    case BOSUN_MAPPING: return same_pairs(a, b);
    default: return bosun_value_same_key(a, b);
    }
}

static void fail(const char *what, const bosun_buf *written, const bosun_err *err)
{
    fprintf(stderr, "%s: %s\n%s\n", what, err->message, bosun_buf_text(written));
    abort();
}

/* Two keys that are not UTF-8, or inf and "inf", can be written alike: only that may make a document
 * unreadable. */
static bool keys_met(const bosun_err *err)
{
    return strstr(err->message, "duplicate key") != NULL;
}

static void check_round_trip(bosun_arena *arena, const bosun_value *value)
{
    bosun_buf written = {0};
    bosun_err err = {0};
    if (bosun_yaml_write(&written, value, 0, &err) == 0 && written.len <= BOSUN_YAML_MAX_BYTES) {
        const bosun_value *again =
            bosun_yaml_read(arena, bosun_buf_text(&written), written.len, "written", &err);
        bool too_large = !again && strcmp(err.code, BOSUN_ERR_TOO_LARGE) == 0;
        if (!again && !too_large && !keys_met(&err))
            fail("what was written cannot be read", &written, &err);
        if (again && !same(value, again))
            fail("what was written reads as something else", &written, &err);
    }
    bosun_buf_free(&written);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    bosun_err err = {0};
    bosun_arena *arena = bosun_arena_new();
    if (!arena)
        return 0;
    const bosun_value *value = bosun_yaml_read(arena, (const char *)data, size, "fuzz", &err);
    if (value)
        check_round_trip(arena, value);
    else if (!err.code[0] ||
             ((strcmp(err.file, "fuzz") != 0 || err.line == 0) && strcmp(err.code, BOSUN_ERR_NOMEM) != 0))
        fail("an error without a place", &(bosun_buf){0}, &err);
    bosun_arena_free(arena);
    return 0;
}
