/* Splitting URLs by hand: libcurl's parser comes with a library that most actions never load, allocates, and
 * repeats passwords in its messages. */
#include "url.h"
#include "redact.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LARGEST_PORT 65535

static int invalid(bosun_err *err, const char *problem)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "parse", "not a valid URL: %s", problem);
}

static bosun_span span(const char *from, const char *to)
{
    return (bosun_span){.at = from, .len = (size_t)(to - from)};
}

/* The first of the characters in `set`, or `end`. The text may hold NULs. */
static const char *find_any(const char *at, const char *end, const char *set)
{
    while (at < end && (*at == '\0' || !strchr(set, *at)))
        at++;
    return at;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The ':' of the "://" that ends a scheme, or NULL. */
static const char *end_of_scheme(const char *text, const char *end)
{
    const char *at = text;
    while (at < end && (is_letter(*at) || (at > text && (is_digit(*at) || strchr("+-.", *at)) && *at)))
        at++;
    return at > text && end - at >= 3 && memcmp(at, "://", 3) == 0 ? at : NULL;
}

static int check_visible(const char *text, const char *end, bosun_err *err)
{
    for (const char *at = text; at < end; at++) {
        bool control = (unsigned char)*at < ' ' || *at == 0x7F;
        if (control || *at == ' ')
            return bosun_err_set(err, BOSUN_ERR_INVALID, "parse",
                                 "not a valid URL: contains a %s (at byte %zu)",
                                 control ? "control character" : "space", (size_t)(at - text) + 1);
    }
    return 0;
}

/* Bytes over 0x7F pass: names in UTF-8 are libcurl's to encode. */
static int check_escapes(bosun_span part, const char *name, bosun_err *err)
{
    const char *end = part.at + part.len;
    for (const char *at = part.at; at < end; at++) {
        bool escape =
            *at == '%' && end - at > 2 && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2]);
        if (*at == '%' && !escape)
            return bosun_err_set(err, BOSUN_ERR_INVALID, "parse",
                                 "not a valid URL: %% in the %s is not followed by two hexadecimal digits",
                                 name);
    }
    return 0;
}

static int check_ipv6(bosun_span host, bosun_err *err)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr binary;
    const char *end = host.at + host.len - 1;
    size_t len = (size_t)(find_any(host.at, end, "%") - host.at) - 1; /* a zone follows: "[fe80::1%25eth0]" */
    if (len >= sizeof address)
        return invalid(err, "the host in brackets is not an IPv6 address");
    memcpy(address, host.at + 1, len);
    address[len] = '\0';
    if (inet_pton(AF_INET6, address, &binary) != 1)
        return invalid(err, "the host in brackets is not an IPv6 address");
    return 0;
}

static int check_host(bosun_span host, bosun_err *err)
{
    if (host.len == 0)
        return invalid(err, "the host is missing");
    if (check_escapes(host, "host", err) < 0)
        return -1;
    if (host.at[0] == '[')
        return check_ipv6(host, err);
    const char *end = host.at + host.len;
    if (find_any(host.at, end, "\"<>[\\]^`{|}") < end)
        return invalid(err, "the host contains a character that is not allowed");
    return 0;
}

static int parse_port(const char *at, const char *end, int *port, bosun_err *err)
{
    *port = 0;
    if (at == end)
        return 0;
    for (; at < end && is_digit(*at) && *port <= LARGEST_PORT; at++)
        *port = *port * 10 + (*at - '0');
    if (at < end || *port < 1 || *port > LARGEST_PORT)
        return invalid(err, "the port is not a number from 1 to 65535");
    return 0;
}

static int parse_host(const char *at, const char *end, bosun_url *out, bosun_err *err)
{
    const char *host_end = find_any(at, end, ":");
    if (at < end && *at == '[') {
        const char *bracket = find_any(at, end, "]");
        if (bracket == end)
            return invalid(err, "the \"[\" of the host is not closed");
        host_end = bracket + 1;
    }
    if (host_end < end && *host_end != ':')
        return invalid(err, "expected \":\" and a port, or the path, after the host in brackets");
    out->host = span(at, host_end);
    if (check_host(out->host, err) < 0)
        return -1;
    return parse_port(host_end < end ? host_end + 1 : end, end, &out->port, err);
}

static int parse_credentials(const char *at, const char *end, bosun_url *out, bosun_err *err)
{
    const char *colon = find_any(at, end, ":");
    out->user = span(at, colon);
    if (colon < end)
        out->password = span(colon + 1, end);
    if (check_escapes(out->user, "user", err) < 0)
        return -1;
    return out->password.at ? check_escapes(out->password, "password", err) : 0;
}

static int parse_authority(const char *at, const char *end, bosun_url *out, bosun_err *err)
{
    const char *sign = memrchr(at, '@', (size_t)(end - at));
    if (sign && parse_credentials(at, sign, out, err) < 0)
        return -1;
    return parse_host(sign ? sign + 1 : at, end, out, err);
}

/* A '/', '?' or '#' in a password ends the authority early, and the error is then about the host or port. */
static int explain_password(const char *rest, const char *end, bosun_err *err)
{
    if (!err || !memchr(rest, '@', (size_t)(end - rest)))
        return -1;
    bosun_err found = *err;
    return bosun_err_set(
        err, found.code, found.op,
        "%s; in a password, write %%25 for %%, %%2F for /, %%3F for ?, %%23 for #, %%40 for @",
        found.message);
}

static void split_rest(const char *at, const char *end, bosun_url *out)
{
    const char *fragment = find_any(at, end, "#");
    const char *query = find_any(at, fragment, "?");
    out->path = span(at, query);
    if (query < fragment)
        out->query = span(query + 1, fragment);
    if (fragment < end)
        out->fragment = span(fragment + 1, end);
}

int bosun_url_parse(const char *text, size_t len, bosun_url *out, bosun_err *err)
{
    const char *end = text + len;
    *out = (bosun_url){.path = {.at = end}};
    const char *colon = end_of_scheme(text, end);
    if (!colon)
        return invalid(err, "expected it to begin with a scheme such as https://");
    if (check_visible(text, end, err) < 0)
        return -1;
    const char *authority = colon + 3;
    const char *rest = find_any(authority, end, "/?#");
    out->scheme = span(text, colon);
    if (parse_authority(authority, rest, out, err) < 0)
        return explain_password(rest, end, err);
    split_rest(rest, end, out);
    return 0;
}

static void show_query(bosun_buf *out, const char *query, const char *end)
{
    while (query < end) {
        const char *next = find_any(query, end, "&;");
        const char *equals = find_any(query, next, "=");
        if (equals < next && bosun_may_name_secret(query, (size_t)(equals - query))) {
            bosun_buf_append(out, query, (size_t)(equals - query) + 1);
            bosun_buf_puts(out, "[redacted]");
        } else {
            bosun_buf_append(out, query, (size_t)(next - query));
        }
        query = next;
        if (query < end)
            bosun_buf_putc(out, *query++);
    }
}

/* Where the host begins, credentials left out. `text` is where the scheme begins. */
static const char *skip_credentials(const char *text, const char *authority, const char *end)
{
    bosun_url url;
    const char *sign = memrchr(authority, '@', (size_t)(end - authority));
    if (!sign)
        return authority;
    bool valid = bosun_url_parse(text, (size_t)(end - text), &url, NULL) == 0;
    const char *rest = find_any(authority, end, "/?#");
    return valid && find_any(authority, rest, ":@") == rest ? authority : sign + 1;
}

bosun_span bosun_url_credentials(const char *text, size_t len)
{
    const char *end = text + len;
    const char *colon = end_of_scheme(text, end);
    if (!colon)
        return (bosun_span){0};
    const char *authority = colon + 3;
    const char *host = skip_credentials(text, authority, end);
    return host > authority ? span(authority, host - 1) : (bosun_span){0};
}

void bosun_url_show(bosun_buf *out, const char *text)
{
    const char *end = text + strlen(text);
    const char *colon = end_of_scheme(text, end);
    if (!colon) {
        bosun_buf_puts(out, "(not a URL)");
        return;
    }
    const char *authority = colon + 3;
    const char *host = skip_credentials(text, authority, end);
    bosun_buf_append(out, text, (size_t)(authority - text));
    if (find_any(authority, host, "/?#") < host) /* a guess, and more may be missing than credentials */
        bosun_buf_puts(out, "[redacted]@");
    const char *fragment = find_any(host, end, "#");
    const char *query = find_any(host, fragment, "?");
    bosun_buf_append(out, host, (size_t)(query - host));
    if (query == fragment)
        return;
    bosun_buf_putc(out, '?');
    show_query(out, query + 1, fragment);
}
