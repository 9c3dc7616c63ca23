/* NUL bytes in texts for people are shown, and nothing after one is lost. A buffer with an outlet passes on
 * everything. */
#include "core/base/buf.h"
#include "tap.h"
#include <string.h>

static void shows(const char *text, size_t len, const char *expected, const char *name)
{
    bosun_buf out = {0};
    bosun_buf_append_visible(&out, text, len);
    is_text(bosun_buf_text(&out), expected, name);
    bosun_buf_free(&out);
}

typedef struct received {
    bosun_buf bytes;
    size_t refuse_after;
} received;

static int receive(void *data, const char *bytes, size_t len)
{
    received *r = data;
    if (r->bytes.len + len > r->refuse_after)
        return -1;
    bosun_buf_append(&r->bytes, bytes, len);
    return 0;
}

/* What comes out when pieces of all sizes go in. */
static void append_all(bosun_buf *to)
{
    static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (size_t len = 0; len < sizeof text; len++) {
        bosun_buf_append(to, text, len);
        bosun_buf_printf(to, "<%zu>", len);
        bosun_buf_repeat(to, '.', len % 7);
    }
}

static void flows(void)
{
    char storage[8];
    bosun_buf whole = {0};
    received r = {.refuse_after = 100000};
    bosun_outlet outlet = {.write = receive, .data = &r};
    bosun_buf flowing = bosun_buf_flowing(storage, sizeof storage, &outlet);
    append_all(&whole);
    append_all(&flowing);
    ok(bosun_buf_total(&flowing) == whole.len, "the total counts what is in the outlet");
    bosun_buf_flush(&flowing);
    ok(!flowing.failed && flowing.len == 0 && outlet.written == whole.len, "all of it has left");
    is_text(bosun_buf_text(&r.bytes), bosun_buf_text(&whole), "in order, and whole");
    bosun_buf_printf(&flowing, "%s", "12345678");
    ok(flowing.failed, "a printed piece as large as the buffer fails");
    bosun_buf_free(&whole);
    bosun_buf_free(&r.bytes);
}

static void refuses(void)
{
    char storage[8];
    received r = {.refuse_after = 20};
    bosun_outlet outlet = {.write = receive, .data = &r};
    bosun_buf flowing = bosun_buf_flowing(storage, sizeof storage, &outlet);
    append_all(&flowing);
    ok(flowing.failed && r.bytes.len <= 20, "an outlet that refuses makes the buffer fail");
    bosun_buf_free(&r.bytes);
}

int main(void)
{
    flows();
    refuses();
    shows("", 0, "", "an empty text");
    shows("text", 4, "text", "a text without a NUL");
    shows("a\0b", 3, "a\\0b", "a NUL in the middle");
    shows("\0a\0", 3, "\\0a\\0", "at both ends");
    shows("a\0\0b", 4, "a\\0\\0b", "two in a row");
    shows("abc", 2, "ab", "only the bytes given");
    char storage[6];
    bosun_buf fixed = bosun_buf_fixed(storage, sizeof storage);
    bosun_buf_append_visible(&fixed, "a\0b\0c", 5);
    ok(fixed.failed, "a full buffer fails");
    return done();
}
