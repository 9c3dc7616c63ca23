/* libFuzzer: lines from pieces. The first byte is the longest line, the second the size of the pieces (0:
 * sizes taken from the bytes themselves); the rest is the text. However it is split, the lines are those of
 * the whole text. */
#include "core/base/lines.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The lines found, each preceded by its length; `too_long` if one was. */
typedef struct result {
    bosun_buf text;
    bool too_long;
} result;

static void add(result *r, const char *line, size_t len)
{
    bosun_buf_append(&r->text, &len, sizeof len);
    bosun_buf_append(&r->text, line, len);
}

/* The expected result, found in the simplest way. */
static result expect(const char *text, size_t len, size_t max)
{
    result r = {0};
    size_t start = 0;
    for (size_t at = 0; at <= len && !r.too_long; at++) {
        bool newline = at < len && text[at] == '\n';
        if (!newline && (at < len || start == len))
            continue;
        size_t end = newline && at > start && text[at - 1] == '\r' ? at - 1 : at;
        if (end - start > max)
            r.too_long = true;
        else
            add(&r, text + start, end - start);
        start = at + 1;
    }
    return r;
}

/* Takes every line available; false once a line was too long. */
static bool drain(bosun_lines *lines, result *r, bool last)
{
    const char *line;
    size_t len;
    bosun_err err = {0};
    int rc;
    while ((rc = last ? bosun_lines_last(lines, &line, &len, &err)
                      : bosun_lines_next(lines, &line, &len, &err)) > 0)
        add(r, line, len);
    r->too_long = rc < 0;
    return rc == 0;
}

static result split(const char *text, size_t len, size_t max, size_t piece)
{
    result r = {0};
    bosun_lines lines = {.max = max};
    bosun_err err = {0};
    bool good = true;
    for (size_t at = 0; at < len && good;) {
        size_t n = piece ? piece : (size_t)(unsigned char)text[at] % 7 + 1;
        n = n < len - at ? n : len - at;
        char *copy = malloc(n ? n : 1); /* a copy of exactly this size, to catch reads past its end */
        if (!copy || bosun_lines_feed(&lines, memcpy(copy, text + at, n), n, &err) < 0)
            abort();
        free(copy);
        at += n;
        good = drain(&lines, &r, false);
    }
    if (good)
        drain(&lines, &r, true);
    bosun_lines_free(&lines);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 2;
    result wanted = expect(text, size - 2, data[0]);
    result got = split(text, size - 2, data[0], data[1]);
    if (wanted.too_long != got.too_long || wanted.text.len != got.text.len ||
        (got.text.len > 0 && memcmp(wanted.text.data, got.text.data, got.text.len) != 0))
        abort();
    bosun_buf_free(&wanted.text);
    bosun_buf_free(&got.text);
    return 0;
}
