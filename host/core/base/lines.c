/* Splits text into lines. Each byte is scanned once, and moved at most once per feed. */
#include "lines.h"
#include <string.h>

void bosun_lines_free(bosun_lines *lines)
{
    bosun_buf_free(&lines->buf);
    lines->start = lines->scanned = 0;
}

static void drop_consumed(bosun_lines *lines)
{
    if (lines->start == 0)
        return;
    lines->buf.len -= lines->start;
    memmove(lines->buf.data, lines->buf.data + lines->start, lines->buf.len);
    lines->scanned -= lines->start;
    lines->start = 0;
}

int bosun_lines_feed(bosun_lines *lines, const char *bytes, size_t len, bosun_err *err)
{
    drop_consumed(lines);
    bosun_buf_append(&lines->buf, bytes, len);
    return lines->buf.failed ? bosun_err_nomem(err, "read") : 0;
}

static int too_long(const bosun_lines *lines, bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_TOO_LARGE, "read", "a line is longer than %zu bytes", lines->max);
}

/* Returns text[start..end) as a line, and continues at `next`. */
static int hand_out(bosun_lines *lines, size_t end, size_t next, const char **line, size_t *len)
{
    *line = lines->buf.data + lines->start;
    *len = end - lines->start;
    lines->start = lines->scanned = next;
    return 1;
}

/* Returns the line text[start..end), and continues at `next`: as a whole or, if it is too long, its first
 * part. */
static int hand_out_line(bosun_lines *lines, size_t end, size_t next, const char **line, size_t *len,
                         bosun_err *err)
{
    if (end - lines->start <= lines->max)
        return hand_out(lines, end, next, line, len);
    if (!lines->parts)
        return too_long(lines, err);
    size_t cut = lines->start + lines->max;
    return hand_out(lines, cut, cut, line, len);
}

int bosun_lines_next(bosun_lines *lines, const char **line, size_t *len, bosun_err *err)
{
    size_t left = lines->buf.len - lines->scanned;
    const char *from = left ? lines->buf.data + lines->scanned : NULL;
    const char *newline = from ? memchr(from, '\n', left) : NULL;
    if (newline) {
        const char *text = lines->buf.data + lines->start;
        size_t end = lines->start + bosun_line_length(text, (size_t)(newline - text));
        return hand_out_line(lines, end, (size_t)(newline - lines->buf.data) + 1, line, len, err);
    }
    lines->scanned = lines->buf.len;
    size_t held = lines->buf.len - lines->start;
    if (held > 0 && held - 1 > lines->max) /* one byte can be the '\r' of the line's end */
        return hand_out_line(lines, lines->buf.len, lines->buf.len, line, len, err);
    return 0;
}

int bosun_lines_last(bosun_lines *lines, const char **line, size_t *len, bosun_err *err)
{
    int rc = bosun_lines_next(lines, line, len, err);
    if (rc != 0 || lines->start == lines->buf.len)
        return rc;
    return hand_out_line(lines, lines->buf.len, lines->buf.len, line, len, err);
}
