/* The writer: block style, every string in double quotes, so that no reader of YAML 1.1 or 1.2 mistakes one
 * for a boolean, a number, a date or structure. Infinities and NaN, for which no plain scalar works in both
 * versions, are written as strings too. Allocates only through the buffer. */
#include "internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A longer key could exceed the 1024 characters that readers allow before the ':' (a byte takes 4 at
 * most). */
#define LONGEST_SIMPLE_KEY 250

static uint32_t decode(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    uint32_t code = size == 1 ? s[0] : s[0] & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (s[i] & 0x3Fu);
    return code;
}

static bool is_plain(uint32_t code)
{
    if (code < 0x20 || code == '"' || code == '\\' || (code >= 0x7F && code < 0xA0))
        return false;
    return code != 0x2028 && code != 0x2029 && code != 0xFEFF && (code & 0xFFFE) != 0xFFFE;
}

static void write_escape(bosun_buf *out, uint32_t code)
{
    static const char named[] = "\"\\\n\r\t";
    static const char letters[] = "\"\\nrt";
    const char *at = code && code < 0x80 ? strchr(named, (int)code) : NULL;
    if (at)
        bosun_buf_printf(out, "\\%c", letters[at - named]);
    else if (code <= 0xFF)
        bosun_buf_printf(out, "\\x%02" PRIX32, code);
    else
        bosun_buf_printf(out, code <= 0xFFFF ? "\\u%04" PRIX32 : "\\U%08" PRIX32, code);
}

void bosun_yaml_write_string(bosun_buf *out, const char *text, size_t len)
{
    size_t start = 0;
    bosun_buf_putc(out, '"');
    for (size_t at = 0; at < len;) {
        size_t size = bosun_utf8_sequence(text + at, len - at);
        uint32_t code = size ? decode(text + at, size) : 0xFFFD;
        if (!size || !is_plain(code)) {
            bosun_buf_append(out, text + start, at - start);
            if (size)
                write_escape(out, code);
            else
                bosun_buf_puts(out, "\xEF\xBF\xBD");
            start = at + (size ? size : 1);
        }
        at += size ? size : 1;
    }
    bosun_buf_append(out, text + start, len - start);
    bosun_buf_putc(out, '"');
}

bosun_excerpt bosun_yaml_excerpt(const char *text, size_t len)
{
    enum { SHOWN = 40 };
    bosun_excerpt excerpt = {""};
    bosun_buf out = bosun_buf_fixed(excerpt.text, sizeof excerpt.text);
    size_t shown = 0;
    while (shown < len && shown < SHOWN) {
        size_t size = bosun_utf8_sequence(text + shown, len - shown);
        shown += size ? size : 1;
    }
    bosun_yaml_write_string(&out, text, shown);
    if (shown < len)
        bosun_buf_puts(&out, "…");
    return excerpt;
}

/* The fewest decimal digits that read back as `number` (finite, not negative); *exponent: that of the first
 * digit. */
static size_t shortest_digits(double number, char digits[20], int *exponent)
{
    char text[40];
    size_t count = 0;
    for (int precision = 0; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        count = 0;
        const char *at = text;
        for (; *at != 'e'; at++) /* skips the locale's decimal point */
            if (*at >= '0' && *at <= '9')
                digits[count++] = *at;
        *exponent = (int)strtol(at + 1, NULL, 10);
        char plain[40];
        snprintf(plain, sizeof plain, "%.*se%d", (int)count, digits, *exponent - precision);
        if (bosun_yaml_parse_double(plain) == number)
            break;
    }
    return count;
}

/* As Python's repr writes it, with the ".0" that YAML 1.1 requires of a float. */
static void write_float(bosun_buf *out, double number)
{
    if (!isfinite(number)) {
        bosun_buf_puts(out, isnan(number) ? "\"nan\"" : number < 0 ? "\"-inf\"" : "\"inf\"");
        return;
    }
    char digits[20] = "";
    int exponent = 0;
    size_t count = shortest_digits(fabs(number), digits, &exponent);
    if (signbit(number))
        bosun_buf_putc(out, '-');
    if (exponent < -4 || exponent >= 16) {
        bosun_buf_printf(out, "%c.%.*se%+03d", digits[0], count > 1 ? (int)count - 1 : 1,
                         count > 1 ? digits + 1 : "0", exponent);
        return;
    }
    size_t whole = exponent >= 0 ? (size_t)exponent + 1 : 0;
    size_t written = whole < count ? whole : count;
    bosun_buf_append(out, digits, written);
    bosun_buf_repeat(out, '0', whole > count ? whole - count : 0);
    bosun_buf_puts(out, whole ? "." : "0.");
    bosun_buf_repeat(out, '0', exponent < 0 ? (size_t)(-exponent - 1) : 0);
    bosun_buf_append(out, digits + written, count - written);
    if (written == count)
        bosun_buf_putc(out, '0');
}

void bosun_yaml_write_scalar(bosun_buf *out, const bosun_value *scalar)
{
    switch (scalar->kind) {
    case BOSUN_BOOL: bosun_buf_puts(out, scalar->as.boolean ? "true" : "false"); break;
    case BOSUN_INT: bosun_buf_printf(out, "%" PRId64, scalar->as.integer); break;
    case BOSUN_FLOAT: write_float(out, scalar->as.number); break;
    case BOSUN_STRING: bosun_yaml_write_string(out, scalar->as.string.bytes, scalar->as.string.len); break;
    default: bosun_buf_puts(out, "null"); break;
    }
}

typedef struct writer {
    bosun_buf *out;
    size_t start; /* bytes before it */
    bosun_err *err;
    int depth;
} writer;

static int write_block(writer *w, const bosun_value *value, int indent, bool begun);

static bool is_block(const bosun_value *value)
{
    return (value->kind == BOSUN_SEQUENCE && value->as.sequence.count > 0) ||
           (value->kind == BOSUN_MAPPING && value->as.mapping.count > 0);
}

/* A scalar or an empty collection, to the end of its line. */
static void write_line(writer *w, const bosun_value *value)
{
    if (value->kind == BOSUN_SEQUENCE)
        bosun_buf_puts(w->out, "[]");
    else if (value->kind == BOSUN_MAPPING)
        bosun_buf_puts(w->out, "{}");
    else
        bosun_yaml_write_scalar(w->out, value);
    bosun_buf_putc(w->out, '\n');
}

static int check_size(const writer *w)
{
    if (w->out->failed && !w->out->fixed)
        return bosun_err_set(w->err, BOSUN_ERR_NOMEM, "encode", "cannot write YAML: out of memory");
    if (w->out->failed && w->out->outlet)
        return bosun_err_set(w->err, BOSUN_ERR_INVALID, "encode", "cannot write YAML");
    if (w->out->failed || bosun_buf_total(w->out) - w->start > BOSUN_YAML_MAX_WRITE_BYTES)
        return bosun_err_set(w->err, BOSUN_ERR_TOO_LARGE, "encode", BOSUN_YAML_TOO_LARGE);
    return 0;
}

static int write_item(writer *w, const bosun_value *item, int indent)
{
    bosun_buf_puts(w->out, "- ");
    if (is_block(item))
        return write_block(w, item, indent + 2, true);
    write_line(w, item);
    return 0;
}

static int write_pair(writer *w, const bosun_pair *pair, int indent)
{
    if (pair->key->kind == BOSUN_STRING && pair->key->as.string.len > LONGEST_SIMPLE_KEY) {
        bosun_buf_puts(w->out, "? ");
        write_line(w, pair->key);
        bosun_buf_repeat(w->out, ' ', (size_t)indent);
    } else {
        bosun_yaml_write_scalar(w->out, pair->key);
    }
    bosun_buf_putc(w->out, ':');
    if (is_block(pair->value)) {
        bosun_buf_putc(w->out, '\n');
        return write_block(w, pair->value, indent + 2, false);
    }
    bosun_buf_putc(w->out, ' ');
    write_line(w, pair->value);
    return 0;
}

/* The lines of a collection that is not empty; `begun`: the first one is already indented. */
static int write_block(writer *w, const bosun_value *value, int indent, bool begun)
{
    if (++w->depth > BOSUN_YAML_MAX_WRITE_DEPTH)
        return bosun_err_set(w->err, BOSUN_ERR_TOO_LARGE, "encode",
                             "the data is nested deeper than %d levels", BOSUN_YAML_MAX_WRITE_DEPTH);
    bool is_sequence = value->kind == BOSUN_SEQUENCE;
    size_t count = is_sequence ? value->as.sequence.count : value->as.mapping.count;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 || !begun)
            bosun_buf_repeat(w->out, ' ', (size_t)indent);
        int rc = is_sequence ? write_item(w, value->as.sequence.items[i], indent)
                             : write_pair(w, &value->as.mapping.pairs[i], indent);
        if (rc < 0 || check_size(w) < 0)
            return -1;
    }
    w->depth--;
    return 0;
}

int bosun_yaml_write(bosun_buf *out, const bosun_value *value, int indent, bosun_err *err)
{
    writer w = {.out = out, .start = bosun_buf_total(out), .err = err};
    if (is_block(value))
        return write_block(&w, value, indent, false);
    bosun_buf_repeat(out, ' ', (size_t)indent);
    write_line(&w, value);
    return check_size(&w);
}
