/* What the text of a plain scalar means: the implicit types of PyYAML 6's safe_load, which are those of YAML
 * 1.1 with PyYAML's own idea of floats. Dates stay strings; so do "=" and "<<" as values, "0b_" and "0x_",
 * which make PyYAML raise. Source: resolver.py and constructor.py of https://github.com/yaml/pyyaml */
#include "internal.h"
#include "yaml.h"
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_FLOAT 4096 /* a longer text is not meant as a number: it stays a string */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool one_of(const char *text, size_t len, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
            return true;
    return false;
}

#define ONE_OF(text, len, words) one_of(text, len, words, sizeof(words) / sizeof((words)[0]))

static bool is_null(const char *text, size_t len)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    return ONE_OF(text, len, words);
}

static bool resolve_bool(const char *text, size_t len, bosun_value *out)
{
    static const char *const yes[] = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
    static const char *const no[] = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
    bool is_yes = ONE_OF(text, len, yes);
    if (!is_yes && !ONE_OF(text, len, no))
        return false;
    out->kind = BOSUN_BOOL;
    out->as.boolean = is_yes;
    return true;
}

typedef struct magnitude {
    uint64_t value;
    bool overflow;
} magnitude;

static void shift_in(magnitude *m, unsigned base, unsigned digit)
{
    if (__builtin_mul_overflow(m->value, base, &m->value) ||
        __builtin_add_overflow(m->value, digit, &m->value))
        m->overflow = true;
}

static int digit_of(char c)
{
    if (is_digit(c))
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Digits of `base` and underscores to the end of the text, with at least one digit. */
static bool read_digits(const char *at, const char *end, unsigned base, magnitude *m)
{
    bool any = false;
    for (; at < end; at++) {
        int digit = digit_of(*at);
        if (*at == '_')
            continue;
        if (digit < 0 || (unsigned)digit >= base)
            return false;
        shift_in(m, base, (unsigned)digit);
        any = true;
    }
    return any;
}

/* The end of ":[0-5]?[0-9]" at `at`, or NULL if it is something else. *digits: the number in it. */
static const char *read_sixtieth(const char *at, const char *end, unsigned *digits)
{
    if (end - at < 2 || at[0] != ':' || !is_digit(at[1]))
        return NULL;
    *digits = (unsigned)(at[1] - '0');
    if (end - at < 3 || !is_digit(at[2]))
        return at + 2;
    *digits = *digits * 10 + (unsigned)(at[2] - '0');
    return at[1] <= '5' ? at + 3 : NULL;
}

/* 1_000, and 1:30 in base sixty. */
static bool read_decimal(const char *at, const char *end, magnitude *m)
{
    if (at == end || *at < '1' || *at > '9')
        return false;
    const char *stop = at;
    while (stop < end && (is_digit(*stop) || *stop == '_'))
        stop++;
    read_digits(at, stop, 10, m);
    while (stop < end) {
        unsigned digits = 0;
        stop = read_sixtieth(stop, end, &digits);
        if (!stop)
            return false;
        shift_in(m, 60, digits);
    }
    return true;
}

static bool read_integer(const char *at, const char *end, magnitude *m)
{
    if (end - at > 2 && at[0] == '0' && at[1] == 'x')
        return read_digits(at + 2, end, 16, m);
    if (end - at > 2 && at[0] == '0' && at[1] == 'b')
        return read_digits(at + 2, end, 2, m);
    if (at < end && *at == '0')
        return read_digits(at, end, 8, m);
    return read_decimal(at, end, m);
}

/* 1: an integer · 0: something else · -1: an integer that does not fit in 64 bits. */
static int resolve_int(const char *text, size_t len, bosun_value *out)
{
    const char *end = text + len;
    bool negative = len > 0 && *text == '-';
    const char *at = len > 0 && (negative || *text == '+') ? text + 1 : text;
    magnitude m = {0};
    if (!read_integer(at, end, &m))
        return 0;
    if (m.overflow || m.value > (uint64_t)INT64_MAX + negative)
        return -1;
    out->kind = BOSUN_INT;
    out->as.integer = negative ? (int64_t)(0 - m.value) : (int64_t)m.value;
    return 1;
}

double bosun_yaml_parse_double(const char *text)
{
    /* strtod would use the decimal point of the embedding program's locale. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc's is static: this does not allocate */
    double number = strtod_l(text, NULL, c);
    freelocale(c);
    return number;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && (is_digit(*at) || *at == '_'))
        at++;
    return at;
}

/* The end of "e+10" at `at`; `at` itself when there is no exponent. */
static const char *skip_exponent(const char *at, const char *end)
{
    if (end - at < 3 || (*at | 0x20) != 'e' || (at[1] != '+' && at[1] != '-') || !is_digit(at[2]))
        return at;
    at += 2;
    while (at < end && is_digit(*at))
        at++;
    return at;
}

/* Is at[0..end) the text of a float, sign removed? PyYAML always requires the point, and the sign of an
 * exponent. */
static bool looks_like_float(const char *at, const char *end, bool is_signed, bool *sixty)
{
    const char *point = skip_digits(at, end);
    if (at < end && *at == '.')
        return !is_signed && end - at > 1 && is_digit(at[1]) &&
               skip_exponent(skip_digits(at + 1, end), end) == end;
    if (at == end || !is_digit(*at))
        return false;
    unsigned digits;
    while (point && point < end && *point == ':') {
        *sixty = true;
        point = read_sixtieth(point, end, &digits);
    }
    if (!point || point == end || *point != '.')
        return false;
    const char *stop = skip_digits(point + 1, end);
    return (*sixty ? stop : skip_exponent(stop, end)) == end;
}

/* The number in at[0..end), of digits, point, exponent and underscores, shorter than LONGEST_FLOAT. */
static double part_value(const char *at, const char *end)
{
    char copy[LONGEST_FLOAT];
    size_t len = 0;
    for (; at < end; at++)
        if (*at != '_')
            copy[len++] = *at;
    copy[len] = '\0';
    return bosun_yaml_parse_double(copy);
}

/* Base sixty, added up from the smallest part as PyYAML does, so that roundings agree. */
static double read_sixties(const char *at, const char *end)
{
    double sum = 0;
    double base = 1;
    const char *stop = end;
    while (stop > at) {
        const char *part = stop;
        while (part > at && part[-1] != ':')
            part--;
        sum += part_value(part, stop) * base;
        base *= 60;
        stop = part > at ? part - 1 : at;
    }
    return sum;
}

static bool resolve_special_float(const char *text, size_t len, bool negative, bool is_signed, double *number)
{
    static const char *const infinite[] = {".inf", ".Inf", ".INF"};
    static const char *const no_number[] = {".nan", ".NaN", ".NAN"};
    if (ONE_OF(text, len, infinite))
        *number = negative ? -INFINITY : INFINITY;
    else if (!is_signed && ONE_OF(text, len, no_number))
        *number = NAN;
    else
        return false;
    return true;
}

static bool resolve_float(const char *text, size_t len, bosun_value *out)
{
    bool negative = len > 0 && *text == '-';
    bool is_signed = negative || (len > 0 && *text == '+');
    const char *at = text + is_signed;
    const char *end = text + len;
    bool sixty = false;
    double number = 0;
    if (!resolve_special_float(at, (size_t)(end - at), negative, is_signed, &number)) {
        if (len >= LONGEST_FLOAT || !looks_like_float(at, end, is_signed, &sixty))
            return false;
        number = sixty ? read_sixties(at, end) : part_value(at, end);
        number = negative ? -number : number;
    }
    out->kind = BOSUN_FLOAT;
    out->as.number = number;
    return true;
}

int bosun_yaml_resolve(const char *text, size_t len, bosun_value *out)
{
    if (is_null(text, len)) {
        out->kind = BOSUN_NULL;
        return 0;
    }
    if (resolve_bool(text, len, out) || resolve_float(text, len, out))
        return 0;
    int integer = resolve_int(text, len, out);
    if (integer != 0)
        return integer > 0 ? 0 : -1;
    out->kind = BOSUN_STRING;
    out->as.string.bytes = text;
    out->as.string.len = len;
    return 0;
}
