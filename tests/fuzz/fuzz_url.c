/* libFuzzer: URLs. The parts of a URL that is accepted, put together again, are its text. Showing one never
 * brings back what is between "//" and an '@' before the path. */
#include "core/base/url.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void append_part(bosun_buf *out, const char *separator, bosun_span part)
{
    if (!part.at)
        return;
    bosun_buf_puts(out, separator);
    bosun_buf_append(out, part.at, part.len);
}

/* The URL without its port, which can have been written with leading zeros, or empty. */
static void rebuild(bosun_buf *out, const bosun_url *url)
{
    append_part(out, "", url->scheme);
    append_part(out, "://", url->user);
    append_part(out, ":", url->password);
    append_part(out, url->user.at ? "@" : "://", url->host);
    append_part(out, "", url->path);
    append_part(out, "?", url->query);
    append_part(out, "#", url->fragment);
}

static void check_parts(const char *text, size_t len)
{
    bosun_url url;
    if (bosun_url_parse(text, len, &url, NULL) < 0)
        return;
    bosun_buf wanted = {0};
    bosun_buf got = {0};
    const char *port = url.host.at + url.host.len;
    bosun_buf_append(&wanted, text, (size_t)(port - text));
    bosun_buf_append(&wanted, url.path.at, (size_t)(text + len - url.path.at));
    rebuild(&got, &url);
    if (got.len != wanted.len || memcmp(bosun_buf_text(&got), bosun_buf_text(&wanted), got.len) != 0)
        abort();
    bosun_buf_free(&wanted);
    bosun_buf_free(&got);
}

static void check_shown(const char *text)
{
    bosun_buf shown = {0};
    bosun_url_show(&shown, text);
    const char *authority = strstr(bosun_buf_text(&shown), "://");
    authority = authority ? authority + 3 : "";
    size_t len = strcspn(authority, "/?#");
    const char *sign = memchr(authority, '@', len);
    if (sign && strncmp(authority, "[redacted]@", 11) != 0)
        abort();
    bosun_buf_free(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* a copy of exactly this size, to catch reads past its end */
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_shown(text);
    char *exact = size ? realloc(text, size) : text;
    check_parts(exact, size);
    free(exact);
    return 0;
}
