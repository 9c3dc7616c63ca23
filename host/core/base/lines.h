/* Lines from bytes that arrive in pieces. A piece can end anywhere, even inside "\r\n". */
#ifndef BOSUN_CORE_BASE_LINES_H
#define BOSUN_CORE_BASE_LINES_H

#include "buf.h"
#include "err.h"
#include <stdbool.h>

typedef struct bosun_lines {
    bosun_buf buf;
    size_t start;   /* of the bytes not returned yet */
    size_t scanned; /* there is no newline between start and here */
    size_t max;     /* length of the longest line allowed, without its ending */
    bool parts;     /* a longer line is returned in parts; otherwise it is an error */
} bosun_lines;

/* The length of the line that text[end], a newline, ends: a "\r" before it is not part of the line. */
static inline size_t bosun_line_length(const char *text, size_t end)
{
    return end > 0 && text[end - 1] == '\r' ? end - 1 : end;
}

/* Start with `bosun_lines lines = {.max = N}`. */
void bosun_lines_free(bosun_lines *lines);

/* Adds bytes. -1: out of memory. */
int bosun_lines_feed(bosun_lines *lines, const char *bytes, size_t len, bosun_err *err);

/* The next whole line, without "\n" or "\r\n", borrowed until the next call with `lines`.
 * 1: a line · 0: more bytes are needed · -1: BOSUN_ERR_TOO_LARGE, and every later call fails too. */
int bosun_lines_next(bosun_lines *lines, const char **line, size_t *len, bosun_err *err);

/* After all bytes were fed: the next whole line, and at the end the last one, which need not have a newline.
 * Returns what bosun_lines_next does. */
int bosun_lines_last(bosun_lines *lines, const char **line, size_t *len, bosun_err *err);

#endif
