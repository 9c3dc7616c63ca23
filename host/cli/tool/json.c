/* Writing JSON. */
#include "json.h"
#include "core/base/log.h"
#include "core/yaml/yaml.h"
#include <inttypes.h>
#include <math.h>

static void begin_line(bosun_buf *out, int indent)
{
    bosun_buf_putc(out, '\n');
    bosun_buf_repeat(out, ' ', (size_t)indent);
}

/* YAML writes a finite number as JSON does. */
static void add_number(bosun_buf *out, const bosun_value *value)
{
    if (isfinite(value->as.number))
        bosun_yaml_write_scalar(out, value);
    else
        bosun_buf_puts(out, "null");
}

static void add_sequence(bosun_buf *out, const bosun_value *value, int indent)
{
    bosun_buf_putc(out, '[');
    for (size_t i = 0; i < value->as.sequence.count; i++) {
        bosun_buf_puts(out, i > 0 ? "," : "");
        begin_line(out, indent + 2);
        tool_add_json(out, value->as.sequence.items[i], indent + 2);
    }
    if (value->as.sequence.count > 0)
        begin_line(out, indent);
    bosun_buf_putc(out, ']');
}

static void add_key(bosun_buf *out, const bosun_value *key)
{
    if (key->kind != BOSUN_STRING)
        bosun_buf_putc(out, '"');
    tool_add_json(out, key, 0);
    if (key->kind != BOSUN_STRING)
        bosun_buf_putc(out, '"');
}

static void add_mapping(bosun_buf *out, const bosun_value *value, int indent)
{
    bosun_buf_putc(out, '{');
    for (size_t i = 0; i < value->as.mapping.count; i++) {
        bosun_buf_puts(out, i > 0 ? "," : "");
        begin_line(out, indent + 2);
        add_key(out, value->as.mapping.pairs[i].key);
        bosun_buf_puts(out, ": ");
        tool_add_json(out, value->as.mapping.pairs[i].value, indent + 2);
    }
    if (value->as.mapping.count > 0)
        begin_line(out, indent);
    bosun_buf_putc(out, '}');
}

void tool_add_json(bosun_buf *out, const bosun_value *value, int indent)
{
    switch (value->kind) {
    case BOSUN_NULL: bosun_buf_puts(out, "null"); break;
    case BOSUN_BOOL: bosun_buf_puts(out, value->as.boolean ? "true" : "false"); break;
    case BOSUN_INT: bosun_buf_printf(out, "%" PRId64, value->as.integer); break;
    case BOSUN_FLOAT: add_number(out, value); break;
    case BOSUN_STRING: bosun_log_quote(out, value->as.string.bytes, value->as.string.len); break;
    case BOSUN_SEQUENCE: add_sequence(out, value, indent); break;
    case BOSUN_MAPPING: add_mapping(out, value, indent); break;
    }
}
