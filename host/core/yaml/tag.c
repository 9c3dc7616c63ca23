/* Scalars with an explicit tag. Text that does not match its tag is an error. */
#include "internal.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

static bosun_value *tagged_string(bosun_arena *arena, const char *text, size_t len, const char **problem)
{
    (void)problem;
    return bosun_value_string(arena, text, len);
}

static bosun_value *tagged_int(bosun_arena *arena, const char *text, size_t len, const char **problem)
{
    bosun_value resolved;
    if (bosun_yaml_resolve(text, len, &resolved) < 0)
        *problem = "the integer does not fit in 64 bits";
    else if (resolved.kind != BOSUN_INT)
        *problem = "the text is not an integer: correct it, or remove the tag";
    return *problem ? NULL : bosun_value_int(arena, resolved.as.integer);
}

/* Digits with an optional sign, point and exponent: what Python's float() accepts beyond YAML's own
 * floats. */
static bool is_decimal(const char *text, size_t len)
{
    size_t at = len > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
    size_t digits = 0;
    for (; at < len && isdigit((unsigned char)text[at]); at++)
        digits++;
    if (at < len && text[at] == '.')
        for (at++; at < len && isdigit((unsigned char)text[at]); at++)
            digits++;
    if (digits == 0 || at == len)
        return digits > 0;
    if (text[at] != 'e' && text[at] != 'E')
        return false;
    at += at + 1 < len && (text[at + 1] == '+' || text[at + 1] == '-') ? 2 : 1;
    size_t exponent = at;
    while (at < len && isdigit((unsigned char)text[at]))
        at++;
    return at == len && at > exponent;
}

static bosun_value *tagged_float(bosun_arena *arena, const char *text, size_t len, const char **problem)
{
    bosun_value resolved;
    if (is_decimal(text, len))
        return bosun_value_float(arena, bosun_yaml_parse_double(text));
    if (bosun_yaml_resolve(text, len, &resolved) == 0 && resolved.kind == BOSUN_FLOAT)
        return bosun_value_float(arena, resolved.as.number);
    *problem = "the text is not a number: correct it, or remove the tag";
    return NULL;
}

static bosun_value *tagged_bool(bosun_arena *arena, const char *text, size_t len, const char **problem)
{
    bosun_value resolved;
    if (bosun_yaml_resolve(text, len, &resolved) == 0 && resolved.kind == BOSUN_BOOL)
        return bosun_value_bool(arena, resolved.as.boolean);
    *problem = "the text is not true or false: correct it, or remove the tag";
    return NULL;
}

static bosun_value *tagged_null(bosun_arena *arena, const char *text, size_t len, const char **problem)
{
    bosun_value resolved;
    if (bosun_yaml_resolve(text, len, &resolved) == 0 && resolved.kind == BOSUN_NULL)
        return bosun_value_new(arena, BOSUN_NULL);
    *problem = "the text is not null: remove the text or the tag";
    return NULL;
}

static int sextet(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* Decodes base64, ignoring white space. Returns the number of bytes written to `out`, or -1: malformed. */
static long decode_base64(const char *text, size_t len, unsigned char *out)
{
    uint32_t bits = 0;
    size_t letters = 0;
    size_t padding = 0;
    long written = 0;
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) && text[i])
            continue;
        int six = sextet(text[i]);
        if (text[i] == '=')
            padding++;
        else if (six < 0 || padding > 0)
            return -1;
        else
            letters++;
        bits = bits << 6 | (six < 0 ? 0 : (uint32_t)six);
        if ((letters + padding) % 4 == 0)
            for (int shift = 16; shift >= 0; shift -= 8)
                out[written++] = (unsigned char)(bits >> shift);
    }
    if ((letters + padding) % 4 != 0 || padding > 2)
        return -1;
    return written - (long)padding;
}

static bosun_value *tagged_binary(bosun_arena *arena, const char *text, size_t len, const char **problem)
{
    bosun_value *value = bosun_value_new(arena, BOSUN_STRING);
    unsigned char *bytes = value ? bosun_arena_alloc(arena, len / 4 * 3 + 4) : NULL;
    if (!bytes)
        return NULL;
    long decoded = decode_base64(text, len, bytes);
    if (decoded < 0) {
        *problem = "the text is not base64";
        return NULL;
    }
    bytes[decoded] = '\0';
    value->as.string.bytes = (const char *)bytes;
    value->as.string.len = (size_t)decoded;
    return value;
}

bosun_value *bosun_yaml_tagged(bosun_arena *arena, const char *tag, const char *text, size_t len,
                               const char **problem)
{
    static const struct {
        const char *tag;
        bosun_value *(*read)(bosun_arena *, const char *, size_t, const char **);
    } tags[] = {
        {YAML_STR_TAG, tagged_string},       {YAML_INT_TAG, tagged_int},
        {YAML_FLOAT_TAG, tagged_float},      {YAML_BOOL_TAG, tagged_bool},
        {YAML_NULL_TAG, tagged_null},        {"tag:yaml.org,2002:binary", tagged_binary},
        {YAML_TIMESTAMP_TAG, tagged_string},
    };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (strcmp(tags[i].tag, tag) == 0)
            return tags[i].read(arena, text, len, problem);
    *problem = "not valid for a scalar: remove it";
    return NULL;
}
