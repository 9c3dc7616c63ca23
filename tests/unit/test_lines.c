/* Lines from text that arrives in pieces. */
#include "core/base/lines.h"
#include "tap.h"
#include <stdint.h>
#include <string.h>

/* Splits a text that arrives in pieces of `piece` bytes. Shows each line in brackets, and "!" for one that
 * is too long. */
static void split(bosun_buf *out, const char *text, size_t piece, size_t max)
{
    bosun_lines lines = {.max = max};
    bosun_err err = {0};
    const char *line;
    size_t len;
    int rc = 0;
    size_t left = strlen(text);
    for (const char *at = text; left > 0 && rc >= 0;) {
        size_t n = piece < left ? piece : left;
        rc = bosun_lines_feed(&lines, at, n, &err);
        while (rc >= 0 && (rc = bosun_lines_next(&lines, &line, &len, &err)) > 0)
            bosun_buf_printf(out, "[%.*s]", (int)len, line);
        at += n;
        left -= n;
    }
    if (rc >= 0 && (rc = bosun_lines_last(&lines, &line, &len, &err)) > 0)
        bosun_buf_printf(out, "[%.*s]", (int)len, line);
    if (rc < 0)
        bosun_buf_puts(out, !err.code[0] ? "?" : "!");
    bosun_lines_free(&lines);
}

static void check_lines(const char *text, size_t max, const char *wanted)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        bosun_buf got = {0};
        split(&got, text, piece, max);
        bool same = strcmp(bosun_buf_text(&got), wanted) == 0;
        if (!same || piece > strlen(text)) {
            ok(same, "%zu bytes in pieces of every size, lines of at most %zu", strlen(text), max);
            if (!same)
                note("pieces of %zu: %s", piece, bosun_buf_text(&got));
            bosun_buf_free(&got);
            return;
        }
        bosun_buf_free(&got);
    }
}

static void test_lines(void)
{
    check_lines("", 9, "");
    check_lines("\n", 9, "[]");
    check_lines("one\r\ntwo\n\r\n\rthree\r", 9, "[one][two][][\rthree\r]");
    check_lines("123\r\n123\n", 3, "[123][123]");
    check_lines("123\n1234\n1\n", 3, "[123]!");
    check_lines("12345", 3, "!");
    check_lines("1234", 3, "!");
}

static void test_ends(void)
{
    check_lines("a", 9, "[a]");
    check_lines("a\n", 9, "[a]");
    check_lines("a\n\n", 9, "[a][]");
    check_lines("\r\n", 9, "[]");
    check_lines("\r\n\r\n", 9, "[][]");
    check_lines("\r", 9, "[\r]");
    check_lines("a\rb\r", 9, "[a\rb\r]");
    check_lines("a\r\r\n", 9, "[a\r]");
    check_lines("a\n\rb\n", 9, "[a][\rb]");
}

static void test_limits(void)
{
    check_lines("\n\r\n", 0, "[][]");
    check_lines("a\n", 0, "!");
    check_lines("123\r\n", 3, "[123]");
    check_lines("123\r", 3, "!"); /* a '\r' that ends no line counts */
    check_lines("123\r4\n", 3, "!");
    check_lines("1234\r\n", 3, "!");
    check_lines("a\n1234", SIZE_MAX, "[a][1234]");
}

/* No line follows one that is too long, whatever is fed. */
static void test_too_long(void)
{
    bosun_lines lines = {.max = 3};
    bosun_err err = {0};
    const char *line;
    size_t len;
    ok(bosun_lines_feed(&lines, "1234", 4, &err) == 0 && bosun_lines_next(&lines, &line, &len, &err) == 0,
       "4 bytes can still be a line of 3");
    ok(bosun_lines_feed(&lines, "5\nok\n", 5, &err) == 0 && bosun_lines_next(&lines, &line, &len, &err) < 0 &&
           strcmp(err.code, BOSUN_ERR_TOO_LARGE) == 0,
       "%s", err.message);
    ok(bosun_lines_next(&lines, &line, &len, &err) < 0 && bosun_lines_last(&lines, &line, &len, &err) < 0,
       "and so it stays");
    bosun_lines_free(&lines);
}

static void test_parts(void)
{
    bosun_lines lines = {.max = 3, .parts = true};
    bosun_err err = {0};
    const char *line;
    size_t len;
    char got[64] = "";
    ok(bosun_lines_feed(&lines, "1234567\r\nab\ncdefg", 17, &err) == 0, "bytes are added");
    while (bosun_lines_last(&lines, &line, &len, &err) > 0)
        snprintf(got + strlen(got), sizeof got - strlen(got), "[%.*s]", (int)len, line);
    is_text(got, "[123][456][7][ab][cde][fg]", "a long line comes in parts, also the last one");
    bosun_lines_free(&lines);
}

static void test_bytes(void)
{
    bosun_lines lines = {.max = 9};
    bosun_err err = {0};
    const char *line;
    size_t len;
    ok(bosun_lines_feed(&lines, "a\0b\nc", 5, &err) == 0 &&
           bosun_lines_next(&lines, &line, &len, &err) == 1 && len == 3 && memcmp(line, "a\0b", 3) == 0,
       "a NUL is a byte like any other");
    ok(bosun_lines_last(&lines, &line, &len, &err) == 1 && len == 1 && *line == 'c' &&
           bosun_lines_last(&lines, &line, &len, &err) == 0,
       "the last line comes once");
    bosun_lines_free(&lines);
}

int main(void)
{
    test_lines();
    test_ends();
    test_limits();
    test_too_long();
    test_parts();
    test_bytes();
    return done();
}
