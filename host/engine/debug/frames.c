/* The frames of the Debug Adapter Protocol. */
#include "frames.h"
#include <string.h>
#include <strings.h>

#define HEADERS_MAX ((size_t)4096)

static int refuse(bosun_err *err, const char *why)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "read",
                         "cannot read from the editor: %s; expected \"Content-Length: N\", an empty line and "
                         "N bytes of JSON",
                         why);
}

/* Reads the value of Content-Length. Returns -1 if it is not a number, or too large. */
static int read_length(const char *text, const char *end, size_t *len)
{
    size_t value = 0;
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    if (text == end)
        return -1;
    for (; text < end && *text != ' '; text++) {
        if (*text < '0' || *text > '9' || value > HOST_FRAME_MAX)
            return -1;
        value = value * 10 + (size_t)(*text - '0');
    }
    *len = value;
    return value > HOST_FRAME_MAX ? -1 : 0;
}

/* Reads one line of the headers. Returns 1: it was Content-Length · 0: another · -1: not a header. */
static int read_header(const char *line, const char *end, size_t *len, bosun_err *err)
{
    static const char name[] = "content-length";
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon)
        return refuse(err, "a header without a colon");
    if ((size_t)(colon - line) != sizeof name - 1 || strncasecmp(line, name, sizeof name - 1) != 0)
        return 0;
    if (read_length(colon + 1, end, len) < 0)
        return refuse(err, "Content-Length is not a number up to 16777216");
    return 1;
}

int host_frame_find(const char *text, size_t size, size_t *start, size_t *len, bosun_err *err)
{
    size_t head = size < HEADERS_MAX ? size : HEADERS_MAX;
    const char *blank = memmem(text, head, "\r\n\r\n", 4);
    bool found = false;
    if (!blank)
        return size >= HEADERS_MAX ? refuse(err, "the headers are too long") : 0;
    for (const char *line = text; line < blank;) {
        const char *end = memmem(line, (size_t)(blank + 2 - line), "\r\n", 2);
        int rc = read_header(line, end, len, err);
        if (rc < 0)
            return -1;
        found = found || rc > 0;
        line = end + 2;
    }
    if (!found)
        return refuse(err, "no Content-Length");
    *start = (size_t)(blank + 4 - text);
    return size - *start >= *len;
}
