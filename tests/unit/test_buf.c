/* NUL bytes in texts for people are shown, and nothing after one is lost. */
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

int main(void)
{
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
