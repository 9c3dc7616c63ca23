/* bosun_buf: growing and appending, and checking that text from outside is UTF-8. */
#include "buf.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bosun_buf bosun_buf_fixed(char *storage, size_t size)
{
    return (bosun_buf){.data = storage, .cap = size, .fixed = true};
}

bosun_buf bosun_buf_flowing(char *storage, size_t size, bosun_outlet *outlet)
{
    return (bosun_buf){.data = storage, .cap = size, .fixed = true, .outlet = outlet};
}

void bosun_buf_free(bosun_buf *buf)
{
    if (!buf->fixed)
        free(buf->data);
    *buf = (bosun_buf){0};
}

void bosun_buf_clear(bosun_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

/* A failed buffer loses its content: its text is "", and so its length is 0. */
static char *fail(bosun_buf *buf)
{
    buf->failed = true;
    buf->len = 0;
    return NULL;
}

static void let_out(bosun_buf *buf, const char *bytes, size_t len)
{
    if (buf->failed || len == 0)
        return;
    if (buf->outlet->write(buf->outlet->data, bytes, len) < 0)
        fail(buf);
    else
        buf->outlet->written += len;
}

void bosun_buf_flush(bosun_buf *buf)
{
    let_out(buf, buf->data, buf->len);
    buf->len = 0;
}

size_t bosun_buf_total(const bosun_buf *buf)
{
    return buf->len + (buf->outlet ? buf->outlet->written : 0);
}

char *bosun_buf_reserve(bosun_buf *buf, size_t extra)
{
    if (buf->failed)
        return NULL;
    if (buf->outlet && extra >= buf->cap - buf->len)
        bosun_buf_flush(buf);
    if (buf->failed)
        return NULL;
    if (extra < buf->cap - buf->len) /* keep one byte for the NUL */
        return buf->data + buf->len;
    size_t needed = buf->len + extra + 1;
    if (buf->fixed || needed <= buf->len)
        return fail(buf);
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap < needed)
        cap = cap > SIZE_MAX / 2 ? needed : cap * 2;
    char *data = realloc(buf->data, cap);
    if (!data)
        return fail(buf);
    buf->data = data;
    buf->cap = cap;
    return data + buf->len;
}

void bosun_buf_append(bosun_buf *buf, const void *bytes, size_t len)
{
    if (buf->outlet && len >= buf->cap) {
        bosun_buf_flush(buf);
        let_out(buf, bytes, len);
        return;
    }
    char *to = bosun_buf_reserve(buf, len);
    if (!to)
        return;
    if (len > 0)
        memcpy(to, bytes, len);
    to[len] = '\0';
    buf->len += len;
}

void bosun_buf_puts(bosun_buf *buf, const char *text)
{
    bosun_buf_append(buf, text, strlen(text));
}

void bosun_buf_putc(bosun_buf *buf, char c)
{
    bosun_buf_append(buf, &c, 1);
}

void bosun_buf_repeat(bosun_buf *buf, char c, size_t count)
{
    char *to = bosun_buf_reserve(buf, count);
    if (!to)
        return;
    memset(to, c, count);
    to[count] = '\0';
    buf->len += count;
}

void bosun_buf_vprintf(bosun_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *to = n < 0 ? NULL : bosun_buf_reserve(buf, (size_t)n);
    if (to) {
        vsnprintf(to, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    } else {
        fail(buf);
    }
    va_end(again);
}

void bosun_buf_printf(bosun_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bosun_buf_vprintf(buf, format, args);
    va_end(args);
}

const char *bosun_buf_text(const bosun_buf *buf)
{
    return buf->failed || buf->len == 0 ? "" : buf->data;
}

size_t bosun_utf8_sequence(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t size = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || len < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return size;
}

void bosun_buf_append_utf8(bosun_buf *buf, const char *text, size_t len)
{
    size_t start = 0;
    size_t at = 0;
    while (at < len) {
        size_t size = bosun_utf8_sequence(text + at, len - at);
        if (size == 0) {
            bosun_buf_append(buf, text + start, at - start);
            bosun_buf_puts(buf, "\xEF\xBF\xBD");
            start = at + 1;
            size = 1;
        }
        at += size;
    }
    bosun_buf_append(buf, text + start, len - start);
}

void bosun_buf_append_visible(bosun_buf *buf, const char *text, size_t len)
{
    for (const char *end = text + len; text < end;) {
        size_t plain = strnlen(text, (size_t)(end - text));
        bosun_buf_append(buf, text, plain);
        text += plain;
        if (text < end) {
            bosun_buf_puts(buf, "\\0");
            text++;
        }
    }
}
