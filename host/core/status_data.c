/* What the embedder reads of a status's data. */
#include "status.h"
#include <string.h>

/* Makes a string valid UTF-8, as the texts of the status have it. -1: out of memory. */
static int make_text(bosun_value *string, bosun_arena *arena)
{
    const char *bytes = string->as.string.bytes;
    size_t len = string->as.string.len;
    size_t valid = 0;
    for (size_t n = 1; valid < len && n > 0; valid += n)
        n = bosun_utf8_sequence(bytes + valid, len - valid);
    if (valid == len)
        return 0;
    bosun_buf text = {0};
    bosun_buf_append_utf8(&text, bytes, len);
    const bosun_value *copy = text.failed ? NULL : bosun_value_string(arena, text.data, text.len);
    bosun_buf_free(&text);
    if (copy)
        string->as = copy->as;
    return copy ? 0 : -1;
}

/* The same for all strings in a value, which is no deeper than what can be written. */
static int make_texts(bosun_value *value, bosun_arena *arena)
{
    int rc = 0;
    if (value->kind == BOSUN_STRING)
        rc = make_text(value, arena);
    else if (value->kind == BOSUN_SEQUENCE)
        for (size_t i = 0; i < value->as.sequence.count && rc == 0; i++)
            rc = make_texts(value->as.sequence.items[i], arena);
    else if (value->kind == BOSUN_MAPPING)
        for (size_t i = 0; i < value->as.mapping.count && rc == 0; i++) {
            rc = make_texts(value->as.mapping.pairs[i].key, arena);
            if (rc == 0)
                rc = make_texts(value->as.mapping.pairs[i].value, arena);
        }
    return rc;
}

const bosun_value *bosun_status_data(bosun_status *status)
{
    if (!status || !status->data)
        return NULL;
    if (!status->data_is_text && make_texts(status->data, status->arena) < 0)
        return NULL;
    status->data_is_text = true;
    return status->data;
}

const char *bosun_status_code(const bosun_status *status)
{
    const bosun_value *error = status && status->data ? bosun_value_get(status->data, "error") : NULL;
    return error ? bosun_value_as_text(bosun_value_get(error, "code"), NULL) : NULL;
}

bosun_kind bosun_value_kind(const bosun_value *value)
{
    return value ? value->kind : BOSUN_NULL;
}

size_t bosun_value_count(const bosun_value *value)
{
    switch (bosun_value_kind(value)) {
    case BOSUN_SEQUENCE: return value->as.sequence.count;
    case BOSUN_MAPPING: return value->as.mapping.count;
    default: return 0;
    }
}

const bosun_value *bosun_value_at(const bosun_value *value, size_t index)
{
    if (index >= bosun_value_count(value))
        return NULL;
    return value->kind == BOSUN_SEQUENCE ? value->as.sequence.items[index]
                                         : value->as.mapping.pairs[index].value;
}

const bosun_value *bosun_value_key_at(const bosun_value *value, size_t index)
{
    bool has = bosun_value_kind(value) == BOSUN_MAPPING && index < value->as.mapping.count;
    return has ? value->as.mapping.pairs[index].key : NULL;
}

const bosun_value *bosun_value_find(const bosun_value *value, const char *key)
{
    return value && key ? bosun_value_get(value, key) : NULL;
}

const char *bosun_value_as_text(const bosun_value *value, size_t *len)
{
    bool is_text = bosun_value_kind(value) == BOSUN_STRING;
    if (len)
        *len = is_text ? value->as.string.len : 0;
    return is_text ? value->as.string.bytes : NULL;
}

int64_t bosun_value_as_int(const bosun_value *value)
{
    return bosun_value_kind(value) == BOSUN_INT ? value->as.integer : 0;
}

double bosun_value_as_float(const bosun_value *value)
{
    if (bosun_value_kind(value) == BOSUN_INT)
        return (double)value->as.integer;
    return bosun_value_kind(value) == BOSUN_FLOAT ? value->as.number : 0;
}

bool bosun_value_as_bool(const bosun_value *value)
{
    return bosun_value_kind(value) == BOSUN_BOOL && value->as.boolean;
}
