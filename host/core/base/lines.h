/* Lines out of bytes that come in pieces: a line may be split anywhere, "\r\n" included. */
#ifndef BOSUN_CORE_BASE_LINES_H
#define BOSUN_CORE_BASE_LINES_H

#include "buf.h"
#include "err.h"

typedef struct bosun_lines {
    bosun_buf buf;
    size_t start;   /* of what was not handed out yet */
    size_t scanned; /* up to here there is no newline */
    size_t max;     /* longest line, its end not counted */
} bosun_lines;

/* `bosun_lines lines = {.max = N}` is an empty one. */
void bosun_lines_free(bosun_lines *lines);

/* Adds bytes. -1: out of memory. */
int bosun_lines_feed(bosun_lines *lines, const char *bytes, size_t len, bosun_err *err);

/* The next whole line, without "\n" or "\r\n", borrowed until the next call with `lines`.
 * 1: a line · 0: more bytes are needed · -1: BOSUN_ERR_TOO_LARGE, and no line will come any more. */
int bosun_lines_next(bosun_lines *lines, const char **line, size_t *len, bosun_err *err);

/* At the end of the bytes: the last line when it has no newline. Results as of bosun_lines_next. */
int bosun_lines_last(bosun_lines *lines, const char **line, size_t *len, bosun_err *err);

#endif
