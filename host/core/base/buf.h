/* A growable run of bytes. After a failed allocation the buffer stays `failed` and ignores appends, so a
 * series of appends needs only one check, at the end. A fixed buffer never allocates; it fails when it is
 * full, unless it has an outlet, which takes what does not fit. */
#ifndef BOSUN_CORE_BASE_BUF_H
#define BOSUN_CORE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Takes bytes in the order in which they were appended. */
typedef struct bosun_outlet {
    int (*write)(void *data, const char *bytes, size_t len); /* 0, or -1: the buffer fails */
    void *data;
    size_t written; /* bytes so far */
} bosun_outlet;

typedef struct bosun_buf {
    char *data; /* always followed by a NUL when len > 0 and not failed */
    size_t len;
    size_t cap;
    bool fixed;
    bool failed;
    bosun_outlet *outlet; /* NULL: none */
} bosun_buf;

/* A buffer that lives in `storage` and never grows. An empty buffer that grows is `bosun_buf b = {0}`. */
bosun_buf bosun_buf_fixed(char *storage, size_t size);

/* A fixed buffer with an outlet, for any number of bytes. `size`: more than is reserved, repeated or printed
 * at once. Finish with bosun_buf_flush. */
bosun_buf bosun_buf_flowing(char *storage, size_t size, bosun_outlet *outlet);

/* Passes what is in the buffer to its outlet. */
void bosun_buf_flush(bosun_buf *buf);

/* All bytes that were appended, those in the outlet included. */
size_t bosun_buf_total(const bosun_buf *buf);

void bosun_buf_free(bosun_buf *buf);
void bosun_buf_clear(bosun_buf *buf); /* keeps the storage, resets `failed` */

/* Makes room for `extra` more bytes and returns where to write them, or NULL: the buffer has failed. */
char *bosun_buf_reserve(bosun_buf *buf, size_t extra);

void bosun_buf_append(bosun_buf *buf, const void *bytes, size_t len);
void bosun_buf_puts(bosun_buf *buf, const char *text);
void bosun_buf_putc(bosun_buf *buf, char c);
void bosun_buf_repeat(bosun_buf *buf, char c, size_t count);
void bosun_buf_printf(bosun_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bosun_buf_vprintf(bosun_buf *buf, const char *format, va_list args);

/* Appends text, with U+FFFD for every byte that is not part of valid UTF-8 (overlong, surrogate, past
 * U+10FFFF, truncated). */
void bosun_buf_append_utf8(bosun_buf *buf, const char *text, size_t len);

/* Appends text with each NUL byte shown as "\0": for people, who would not see what follows one, and for
 * C strings, which would end there. The one rule for messages; data keeps its NULs. */
void bosun_buf_append_visible(bosun_buf *buf, const char *text, size_t len);

/* The text, or "" if the buffer is empty or failed; valid until the next change. */
const char *bosun_buf_text(const bosun_buf *buf);

/* Length in bytes of the valid UTF-8 sequence at text[0..len), 0 if there is none. */
size_t bosun_utf8_sequence(const char *text, size_t len);

#endif
