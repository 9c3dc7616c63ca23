/* A status as JSON. */
#include "core/base/log.h"
#include "core/yaml/yaml.h"
#include "status.h"
#include <inttypes.h>
#include <string.h>

static void write_value(bosun_buf *out, const bosun_value *value);

static void write_text(bosun_buf *out, const char *text)
{
    if (text)
        bosun_log_quote(out, text, strlen(text));
    else
        bosun_buf_puts(out, "null");
}

static void write_sequence(bosun_buf *out, const bosun_value *sequence)
{
    bosun_buf_putc(out, '[');
    for (size_t i = 0; i < sequence->as.sequence.count; i++) {
        if (i > 0)
            bosun_buf_putc(out, ',');
        write_value(out, sequence->as.sequence.items[i]);
    }
    bosun_buf_putc(out, ']');
}

/* Is a string among the keys that could be the text of another one, as "1" is that of 1? */
static bool is_ambiguous(const bosun_value *mapping)
{
    for (size_t i = 0; i < mapping->as.mapping.count; i++) {
        const bosun_value *key = mapping->as.mapping.pairs[i].key;
        bosun_value meant = {.kind = BOSUN_STRING};
        if (key->kind == BOSUN_STRING &&
            (bosun_yaml_resolve(key->as.string.bytes, key->as.string.len, &meant) < 0 ||
             meant.kind != BOSUN_STRING))
            return true;
    }
    return false;
}

/* A key that is not a string becomes one. */
static void write_key(bosun_buf *out, const bosun_value *key, bool ambiguous)
{
    if (key->kind == BOSUN_STRING) {
        bosun_log_quote(out, key->as.string.bytes, key->as.string.len);
        return;
    }
    bosun_buf_putc(out, '"');
    bosun_yaml_write_scalar(out, key); /* not infinite: such a key was a string before */
    if (ambiguous)
        bosun_buf_printf(out, " (%s)", bosun_kind_name(key->kind));
    bosun_buf_putc(out, '"');
}

static void write_mapping(bosun_buf *out, const bosun_value *mapping)
{
    bool ambiguous = is_ambiguous(mapping);
    bosun_buf_putc(out, '{');
    for (size_t i = 0; i < mapping->as.mapping.count; i++) {
        if (i > 0)
            bosun_buf_putc(out, ',');
        write_key(out, mapping->as.mapping.pairs[i].key, ambiguous);
        bosun_buf_putc(out, ':');
        write_value(out, mapping->as.mapping.pairs[i].value);
    }
    bosun_buf_putc(out, '}');
}

/* No deeper than YAML, which bosun_status_check has tried. */
static void write_value(bosun_buf *out, const bosun_value *value)
{
    switch (value->kind) {
    case BOSUN_STRING: bosun_log_quote(out, value->as.string.bytes, value->as.string.len); break;
    case BOSUN_SEQUENCE: write_sequence(out, value); break;
    case BOSUN_MAPPING: write_mapping(out, value); break;
    default: bosun_yaml_write_scalar(out, value); break; /* "inf", null, 1.0e+16 */
    }
}

void bosun_status_write_json(bosun_buf *out, const bosun_status *status)
{
    bosun_buf_puts(out, "{\"status\":");
    write_text(out, bosun_outcome_name(status->outcome));
    bosun_buf_puts(out, ",\"msg\":");
    if (status->message)
        bosun_log_quote(out, status->message, status->message_len);
    else
        bosun_buf_puts(out, "null");
    bosun_buf_puts(out, ",\"state\":");
    write_text(out, status->state);
    bosun_buf_puts(out, ",\"duration\":");
    bosun_status_write_duration(out, status->duration);
    bosun_buf_printf(out, ",\"timestamp\":%" PRId64 ",\"data\":", status->timestamp);
    write_value(out, status->data ? status->data : &(const bosun_value){.kind = BOSUN_NULL});
    bosun_buf_putc(out, '}');
}

const char *bosun_status_json(bosun_status *status, size_t *len)
{
    if (len)
        *len = 0;
    if (!status)
        return NULL;
    if (status->json.len == 0)
        bosun_status_write_json(&status->json, status);
    if (status->json.failed) {
        bosun_buf_free(&status->json);
        return NULL;
    }
    if (len)
        *len = status->json.len;
    return status->json.data;
}
