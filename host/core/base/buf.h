/* A growable run of bytes. A failed allocation makes the buffer `failed` for good; appending to it then does
 * nothing, so a series of appends is checked once, at its end. A fixed buffer never allocates: it fails when
 * full. */
#ifndef BOSUN_CORE_BASE_BUF_H
#define BOSUN_CORE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct bosun_buf {
    char *data; /* always followed by a NUL when len > 0 and not failed */
    size_t len;
    size_t cap;
    bool fixed;
    bool failed;
} bosun_buf;

/* An empty buffer that grows is `bosun_buf b = {0}`; this one lives in `storage` and never grows. */
bosun_buf bosun_buf_fixed(char *storage, size_t size);

void bosun_buf_free(bosun_buf *buf);
void bosun_buf_clear(bosun_buf *buf); /* keeps the storage, forgets a failure */

/* Makes room for `extra` bytes more and returns where they go, or NULL (the buffer is then failed). */
char *bosun_buf_reserve(bosun_buf *buf, size_t extra);

void bosun_buf_append(bosun_buf *buf, const void *bytes, size_t len);
void bosun_buf_puts(bosun_buf *buf, const char *text);
void bosun_buf_putc(bosun_buf *buf, char c);
void bosun_buf_repeat(bosun_buf *buf, char c, size_t count);
void bosun_buf_printf(bosun_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bosun_buf_vprintf(bosun_buf *buf, const char *format, va_list args);

/* Appends text with every sequence that is not UTF-8 (overlong, surrogate, past U+10FFFF, cut) as U+FFFD. */
void bosun_buf_append_utf8(bosun_buf *buf, const char *text, size_t len);

/* The text, or "" when it is empty or failed; valid until the next change. */
const char *bosun_buf_text(const bosun_buf *buf);

/* Length in bytes of the valid UTF-8 sequence at text[0..len), 0 when there is none. */
size_t bosun_utf8_sequence(const char *text, size_t len);

#endif
