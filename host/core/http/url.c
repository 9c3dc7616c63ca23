/* URLs as text: their parts, and what of them may be shown. */
#include "core/base/redact.h"
#include "internal.h"
#include <string.h>

bool bosun_http_split_url(const char *url, bosun_http_url *parts)
{
    const char *colon = strstr(url, "://");
    if (!colon)
        return false;
    const char *authority = colon + 3;
    const char *rest = authority + strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', (size_t)(rest - authority));
    const char *host = at ? at + 1 : authority;
    const char *bracket = *host == '[' ? memchr(host, ']', (size_t)(rest - host)) : NULL;
    const char *after = bracket ? bracket : host;
    const char *port = memchr(after, ':', (size_t)(rest - after));
    *parts = (bosun_http_url){
        .scheme = url,
        .scheme_len = (int)(colon - url),
        .user = authority,
        .user_len = at ? (int)(at - authority) : 0,
        .host = host,
        .host_len = (int)((port ? port : rest) - host),
        .port = port ? port + 1 : rest,
        .port_len = port ? (int)(rest - port - 1) : 0,
        .rest = rest,
    };
    return true;
}

static void show_query(bosun_buf *out, const char *query, size_t len)
{
    const char *end = query + len;
    while (query < end) {
        size_t part = strcspn(query, "&;#");
        if (part > (size_t)(end - query))
            part = (size_t)(end - query);
        const char *equals = memchr(query, '=', part);
        if (equals && bosun_names_secret(query, (size_t)(equals - query))) {
            bosun_buf_append(out, query, (size_t)(equals - query) + 1);
            bosun_buf_puts(out, "[redacted]");
        } else {
            bosun_buf_append(out, query, part);
        }
        query += part;
        if (query < end)
            bosun_buf_putc(out, *query++);
    }
}

void bosun_http_show_url(bosun_buf *out, const char *url)
{
    bosun_http_url parts;
    if (!bosun_http_split_url(url, &parts)) {
        bosun_buf_puts(out, "(not a URL)");
        return;
    }
    bosun_buf_printf(out, "%.*s://", parts.scheme_len, parts.scheme);
    size_t path = strcspn(parts.rest, "?#");
    bosun_buf_append(out, parts.host, (size_t)(parts.rest - parts.host) + path);
    if (parts.rest[path] != '?')
        return;
    bosun_buf_putc(out, '?');
    const char *query = parts.rest + path + 1;
    show_query(out, query, strcspn(query, "#"));
}
