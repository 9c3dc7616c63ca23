/* One grammar for sizes. All numbers are integers, so no digit is lost and the locale does not matter. */
#include "size.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What is left of a text. */
typedef struct rest {
    const char *at;
    const char *end;
} rest;

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(rest *r)
{
    while (r->at < r->end && is_space(*r->at))
        r->at++;
}

static rest take_digits(rest *r)
{
    rest digits = {.at = r->at};
    while (r->at < r->end && is_digit(*r->at))
        r->at++;
    digits.end = r->at;
    return digits;
}

/* Takes `letter`, a lower-case one, in either case. */
static bool take(rest *r, char letter)
{
    bool found = r->at < r->end && (*r->at | 0x20) == letter;
    r->at += found;
    return found;
}

/* The factor of the unit, which may be missing. */
static uint64_t take_unit(rest *r, uint64_t step)
{
    static const char letters[] = "kmgtp";
    uint64_t factor = 1;
    size_t power = 0;
    while (letters[power] && !take(r, letters[power]))
        power++;
    if (letters[power]) {
        step = take(r, 'i') ? 1024 : step;
        for (size_t i = 0; i <= power; i++)
            factor *= step;
    }
    (void)take(r, 'b');
    return factor;
}

/* digits * factor. False: it does not fit. */
static bool multiply(rest digits, uint64_t factor, uint64_t *product)
{
    uint64_t number = 0;
    for (const char *at = digits.at; at < digits.end; at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (unsigned)(*at - '0'), &number))
            return false;
    return !__builtin_mul_overflow(number, factor, product);
}

/* 0.digits * factor, rounded down. Rounding down at every digit, from the last one on, gives the same. */
static uint64_t multiply_fraction(rest digits, uint64_t factor)
{
    uint64_t product = 0;
    for (const char *at = digits.end; at > digits.at; at--)
        product = ((uint64_t)(at[-1] - '0') * factor + product) / 10;
    return product;
}

static int parse(rest r, uint64_t step, const char *example, int64_t *bytes, bosun_err *err)
{
    rest whole = take_digits(&r);
    rest fraction = {.at = r.at, .end = r.at};
    if (r.at < r.end && *r.at == '.') {
        r.at++;
        fraction = take_digits(&r);
    }
    skip_space(&r);
    uint64_t factor = take_unit(&r, step);
    uint64_t total;
    if (whole.at == whole.end || r.at < r.end)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "parse", "expected a size such as %s", example);
    if (!multiply(whole, factor, &total) ||
        __builtin_add_overflow(total, multiply_fraction(fraction, factor), &total) || total > INT64_MAX)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "parse", "expected a size below 8192Pi");
    *bytes = (int64_t)total;
    return 0;
}

int bosun_size_parse(const char *text, size_t len, int64_t *bytes, bosun_err *err)
{
    return parse((rest){.at = text, .end = text + len}, 1000, "512Mi", bytes, err);
}

int bosun_size_parse_docker(const char *text, size_t len, int64_t *bytes, bosun_err *err)
{
    rest r = {.at = text, .end = text + len};
    skip_space(&r);
    while (r.end > r.at && is_space(r.end[-1]))
        r.end--;
    return parse(r, 1024, "512m", bytes, err);
}

void bosun_size_show(char *out, size_t size, uint64_t bytes)
{
    static const char prefixes[] = "KMGTPE";
    if (bytes < 1024) {
        snprintf(out, size, "%" PRIu64 " B", bytes);
        return;
    }
    uint64_t tenths = 0;
    size_t unit = 0;
    for (unsigned shift = 10; prefixes[unit]; shift += 10, unit++) {
        uint64_t below = bytes & ((UINT64_C(1) << shift) - 1);
        tenths = (bytes >> shift) * 10 + ((below * 10 + (UINT64_C(1) << (shift - 1))) >> shift);
        if (tenths < 10240)
            break;
    }
    snprintf(out, size, "%" PRIu64 ".%" PRIu64 " %ciB", tenths / 10, tenths % 10, prefixes[unit]);
}
