/* The header of a reply: lines in, names and values out. */
#include "internal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "HTTP/1.1 200 OK" starts a new header, as after a redirect or "100 Continue". */
static void begin(bosun_http_reply *reply, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    reply->status = 0;
    for (const char *s = space ? space + 1 : line + len; s < line + len && isdigit((unsigned char)*s); s++)
        reply->status = reply->status < 1000 ? reply->status * 10 + (*s - '0') : reply->status;
    bosun_buf_clear(&reply->headers);
}

/* Appends text and a NUL. A NUL inside the text would end it early, so it becomes '?'. */
static void add_text(bosun_buf *out, const char *text, size_t len)
{
    char *to = bosun_buf_reserve(out, len + 1);
    if (!to)
        return;
    for (size_t i = 0; i < len; i++)
        if (text[i])
            to[i] = text[i];
        else
            to[i] = '?';
    to[len] = '\0';
    out->len += len + 1;
}

void bosun_http_add_header(bosun_http_reply *reply, const char *line, size_t len)
{
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        begin(reply, line, len);
        return;
    }
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    const char *value = colon + 1;
    const char *end = line + len;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    add_text(&reply->headers, line, (size_t)(colon - line));
    add_text(&reply->headers, value, (size_t)(end - value));
}

const char *bosun_http_find_header(const bosun_http_reply *reply, const char *name)
{
    const char *at = bosun_buf_text(&reply->headers);
    const char *end = at + (reply->headers.failed ? 0 : reply->headers.len);
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

bool bosun_http_is_redirected(const bosun_http_transfer *t)
{
    int status = t->reply.status;
    bool redirects = (status >= 301 && status <= 303) || status == 307 || status == 308;
    return t->follow >= 0 && redirects && bosun_http_find_header(&t->reply, "location");
}
