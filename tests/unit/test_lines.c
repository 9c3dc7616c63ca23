/* Lines out of text that comes in pieces. */
#include "core/base/lines.h"
#include "tap.h"
#include <string.h>

/* The lines of a text that comes in pieces of `piece` bytes, each in brackets; "!" where one was too long. */
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

int main(void)
{
    test_lines();
    return done();
}
