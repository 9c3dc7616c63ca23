/* Connections that HTTP only opens. libcurl connects, through proxy, TLS or Unix socket, but transfers
 * nothing (CURLOPT_CONNECT_ONLY): the request is written and the reply read here. */
#include "core/base/url.h"
#include "internal.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX  ((size_t)64 * 1024)
#define REFUSAL_MAX ((long long)64 * 1024) /* of its body */
#define AT_ONCE     ((size_t)16 * 1024)

struct bosun_http_connection {
    bosun_http_client *client; /* not shared: the handle is usable only inside a multi handle */
    bosun_http_transfer *transfer;
    bosun_http_reply reply;
    bosun_buf early; /* bytes received after the reply's header */
    size_t early_start;
};

void bosun_http_connection_free(bosun_http_connection *c)
{
    if (!c)
        return;
    bosun_http_free(c->transfer);
    bosun_http_client_free(c->client);
    bosun_buf_free(&c->early);
    bosun_buf_free(&c->reply.headers);
    free(c);
}

const bosun_http_reply *bosun_http_connection_reply(const bosun_http_connection *c)
{
    return &c->reply;
}

static int timed_out(const bosun_http_connection *c, bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_TIMEOUT, "http.connect", "%s timed out: no data arrived in time",
                         c->transfer->label);
}

int bosun_http_connection_wait(const bosun_http_connection *c, short events, int64_t until,
                               const bosun_wait *wait, bosun_err *err)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    (void)c->client->curl->easy_getinfo(c->transfer->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return bosun_err_set(err, BOSUN_HTTP_CLOSED, "http.connect", "%s failed: the connection is closed",
                             c->transfer->label);
    return bosun_wait_fd(wait, fd, events, until, "http.connect", err);
}

static int broken(const bosun_http_connection *c, CURLcode rc, const char *what, bosun_err *err)
{
    bosun_err_set(err, BOSUN_HTTP_CLOSED, "http.connect", "cannot %s: %s", what,
                  c->client->curl->easy_strerror(rc));
    return bosun_err_context(err, "%s failed: ", c->transfer->label);
}

int bosun_http_connection_try_send(bosun_http_connection *c, const void *bytes, size_t len, size_t *sent,
                                   bosun_err *err)
{
    *sent = 0;
    CURLcode rc = c->client->curl->easy_send(c->transfer->easy, bytes, len, sent);
    return rc == CURLE_OK || rc == CURLE_AGAIN ? 0 : broken(c, rc, "send", err);
}

int bosun_http_connection_send(bosun_http_connection *c, const void *bytes, size_t len,
                               const bosun_wait *wait, bosun_err *err)
{
    const char *at = bytes;
    while (len > 0) {
        size_t sent = 0;
        if (bosun_http_connection_try_send(c, at, len, &sent, err) < 0)
            return -1;
        if (sent == 0 && bosun_http_connection_wait(c, POLLOUT, BOSUN_NO_DEADLINE, wait, err) < 0)
            return -1;
        at += sent;
        len -= sent;
    }
    return 0;
}

/* Bytes that arrived together with the header of the reply. */
static size_t take_early(bosun_http_connection *c, void *bytes, size_t size)
{
    size_t left = c->early.len - c->early_start;
    size_t n = left < size ? left : size;
    if (n == 0)
        return 0;
    memcpy(bytes, c->early.data + c->early_start, n);
    c->early_start += n;
    if (c->early_start == c->early.len)
        bosun_buf_free(&c->early), c->early_start = 0;
    return n;
}

/* From the socket alone. */
static int try_receive(bosun_http_connection *c, void *bytes, size_t size, size_t *received, bosun_err *err)
{
    CURLcode rc = c->client->curl->easy_recv(c->transfer->easy, bytes, size, received);
    if (rc == CURLE_AGAIN)
        return 0;
    return rc == CURLE_OK ? 1 : broken(c, rc, "receive", err);
}

int bosun_http_connection_try_recv(bosun_http_connection *c, void *bytes, size_t size, size_t *received,
                                   bosun_err *err)
{
    *received = take_early(c, bytes, size);
    return *received > 0 ? 1 : try_receive(c, bytes, size, received, err);
}

static ptrdiff_t receive(bosun_http_connection *c, void *bytes, size_t size, int64_t until,
                         const bosun_wait *wait, bosun_err *err)
{
    for (;;) {
        size_t n = 0;
        int rc = try_receive(c, bytes, size, &n, err);
        if (rc != 0)
            return rc < 0 ? -1 : (ptrdiff_t)n;
        rc = bosun_http_connection_wait(c, POLLIN, until, wait, err);
        if (rc <= 0)
            return rc < 0 ? -1 : timed_out(c, err);
    }
}

ptrdiff_t bosun_http_connection_recv(bosun_http_connection *c, void *bytes, size_t size, int64_t until,
                                     const bosun_wait *wait, bosun_err *err)
{
    size_t early = take_early(c, bytes, size);
    return early > 0 ? (ptrdiff_t)early : receive(c, bytes, size, until, wait, err);
}

/* The request as text, without the headers that libcurl would add. */
static void write_request(bosun_buf *out, const bosun_http_request *request, const bosun_url *url)
{
    const char *slash = url->path.len > 0 ? "" : "/";
    bosun_buf_printf(out, "%s %s%.*s HTTP/1.1\r\n", request->method, slash, (int)strcspn(url->path.at, "#"),
                     url->path.at);
    bool host = false;
    for (const char *const *h = request->headers; h && *h; h += 2) {
        bosun_buf_printf(out, "%s: %s\r\n", h[0], h[1]);
        host = host || strcasecmp(h[0], "Host") == 0;
    }
    if (!host)
        bosun_buf_printf(out, "Host: %.*s\r\n", (int)(url->path.at - url->host.at), url->host.at);
    if (request->source == BOSUN_HTTP_FROM_MEMORY)
        bosun_buf_printf(out, "Content-Length: %lld\r\n", (long long)request->length);
    bosun_buf_puts(out, "\r\n");
    if (request->source == BOSUN_HTTP_FROM_MEMORY)
        bosun_buf_append(out, request->body, (size_t)request->length);
}

static int send_request(bosun_http_connection *c, const bosun_http_request *request, const bosun_wait *wait,
                        bosun_err *err)
{
    bosun_url url;
    if (bosun_url_parse(request->url, strlen(request->url), &url, err) < 0)
        return bosun_err_context(err, "%s failed: ", c->transfer->label);
    bosun_buf text = {0};
    write_request(&text, request, &url);
    int rc = text.failed ? bosun_http_nomem(err)
                         : bosun_http_connection_send(c, bosun_buf_text(&text), text.len, wait, err);
    if (text.data)
        explicit_bzero(text.data, text.len);
    bosun_buf_free(&text);
    return rc;
}

/* Appends what arrives to `early`. */
static int receive_more(bosun_http_connection *c, int64_t until, const bosun_wait *wait, bosun_err *err)
{
    char *to = bosun_buf_reserve(&c->early, AT_ONCE);
    if (!to)
        return bosun_http_nomem(err);
    ptrdiff_t n = receive(c, to, AT_ONCE, until, wait, err);
    if (n < 0)
        return -1;
    if (n == 0)
        return bosun_err_set(err, BOSUN_HTTP_CLOSED, "http.connect",
                             "%s failed: the connection was closed before the reply was complete",
                             c->transfer->label);
    c->early.len += (size_t)n;
    return 0;
}

static void parse_header(bosun_http_connection *c, const char *header, const char *end)
{
    while (header < end) {
        const char *newline = memchr(header, '\n', (size_t)(end - header));
        const char *next = newline ? newline + 1 : end;
        bosun_http_add_header(&c->reply, header, (size_t)(next - header));
        header = next;
    }
}

static int read_header(bosun_http_connection *c, int64_t until, const bosun_wait *wait, bosun_err *err)
{
    const char *end = NULL;
    while (!end) {
        if (receive_more(c, until, wait, err) < 0)
            return -1;
        end = memmem(c->early.data, c->early.len, "\r\n\r\n", 4);
        if (!end && c->early.len > HEADER_MAX)
            return bosun_err_set(err, BOSUN_ERR_TOO_LARGE, "http.connect",
                                 "%s failed: the reply's headers are larger than %zu bytes",
                                 c->transfer->label, HEADER_MAX);
    }
    parse_header(c, c->early.data, end);
    c->early_start = (size_t)(end + 4 - c->early.data);
    if (c->reply.headers.failed)
        return bosun_http_nomem(err);
    if (c->reply.status == 0)
        return bosun_err_set(err, BOSUN_HTTP_PROTOCOL, "http.connect", "%s failed: the reply is not HTTP",
                             c->transfer->label);
    return 0;
}

/* A status other than 101: passes the whole reply to the caller, as far as its length is known. */
static int refuse(bosun_http_connection *c, int64_t until, const bosun_wait *wait, bosun_http_reply *refusal,
                  bosun_err *err)
{
    const char *text = bosun_http_find_header(&c->reply, "content-length");
    long long length = text ? strtoll(text, NULL, 10) : 0;
    if (length > REFUSAL_MAX)
        length = REFUSAL_MAX;
    while ((long long)(c->early.len - c->early_start) < length)
        if (receive_more(c, until, wait, NULL) < 0)
            break;
    bosun_buf_append(&c->reply.body, c->early.data + c->early_start, c->early.len - c->early_start);
    *refusal = c->reply;
    c->reply = (bosun_http_reply){0};
    return bosun_err_set(err, BOSUN_HTTP_UPGRADE, "http.connect",
                         "%s failed: the server replied with status %d instead of 101 (Switching Protocols)",
                         c->transfer->label, refusal->status);
}

/* Runs the transfer until the connection is established. */
static int establish(bosun_http_connection *c, const bosun_http_request *request, int64_t until,
                     const bosun_wait *wait, bosun_err *err)
{
    c->client = bosun_http_client_new(err);
    c->transfer = c->client ? bosun_http_begin(c->client, request, true, err) : NULL;
    if (!c->transfer)
        return -1;
    while (!c->transfer->done) {
        if (bosun_monotonic() >= until)
            return timed_out(c, err);
        if (bosun_http_step(c->client, wait, until, err) < 0)
            return -1;
    }
    return c->transfer->result == CURLE_OK ? 0 : bosun_http_explain(c->transfer, err);
}

bosun_http_connection *bosun_http_connect(const bosun_http_request *request, const bosun_wait *wait,
                                          bosun_http_reply *refusal, bosun_err *err)
{
    bosun_http_connection *c = calloc(1, sizeof *c);
    if (!c) {
        bosun_http_nomem(err);
        return NULL;
    }
    int64_t until = request->timeout ? bosun_wait_after(request->timeout) : BOSUN_NO_DEADLINE;
    int rc = establish(c, request, until, wait, err);
    if (rc == 0)
        rc = send_request(c, request, wait, err);
    if (rc == 0)
        rc = read_header(c, until, wait, err);
    if (rc == 0 && c->reply.status != 101)
        rc = refuse(c, until, wait, refusal, err);
    if (rc == 0)
        return c;
    bosun_http_connection_free(c);
    return NULL;
}
