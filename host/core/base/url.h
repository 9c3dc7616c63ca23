/* URLs as text (RFC 3986): their parts, and what of one may appear in a message. Nothing here allocates,
 * follows a URL or looks up a name. */
#ifndef BOSUN_CORE_BASE_URL_H
#define BOSUN_CORE_BASE_URL_H

#include "buf.h"
#include "err.h"

/* Part of a text, borrowed from it. */
typedef struct bosun_span {
    const char *at; /* NULL: the part is absent, which for some parts differs from empty */
    size_t len;
} bosun_span;

/* "https://user:password@host:8080/path?query#fragment". Escapes such as %2F are kept. */
typedef struct bosun_url {
    bosun_span scheme;
    bosun_span user;
    bosun_span password;
    bosun_span host; /* never empty; an IPv6 address keeps its brackets */
    int port;        /* 0: none */
    bosun_span path; /* never NULL; empty or beginning with '/' */
    bosun_span query;
    bosun_span fragment;
} bosun_url;

/* Splits text[0..len) into `out`, whose spans point into `text`. Fails with BOSUN_ERR_INVALID on a missing
 * scheme or host, spaces and control characters, a port that is not a number up to 65535, a malformed escape
 * or character in user, password or host. The message says what is wrong and repeats nothing of the text. */
int bosun_url_parse(const char *text, size_t len, bosun_url *out, bosun_err *err);

/* Appends the URL for a message: without user, password and fragment, and with the values of query parameters
 * that look like credentials as "[redacted]".
 *
 * A password that is not escaped can contain '/', '?', '#' and '@'. When the text is not a valid URL, or has
 * a ':' or '@' before its path, everything between "//" and the last '@' therefore counts as credentials.
 * Text without a scheme is shown as "(not a URL)". */
void bosun_url_show(bosun_buf *out, const char *text);

/* What bosun_url_show counts as credentials, "user:password"; absent: the URL has none. */
bosun_span bosun_url_credentials(const char *text, size_t len);

#endif
