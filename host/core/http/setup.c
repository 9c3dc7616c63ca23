/* Sets the options of a transfer's easy handle. */
#include "bosun.h"
#include "core/base/url.h"
#include "internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONNECT_TIMEOUT (10 * BOSUN_SECOND)
#define RECEIVE_AT_ONCE (256L * 1024) /* to a file; the default of 16 KiB costs a third of the throughput */

static int set_failed(const bosun_http_transfer *t, CURLoption option, CURLcode rc, bosun_err *err)
{
    if (rc == CURLE_OUT_OF_MEMORY)
        return bosun_http_nomem(err);
    return bosun_err_set(err, BOSUN_HTTP_FAILED, "http.request", "%s failed: libcurl rejects option %d: %s",
                         t->label, (int)option, t->curl->easy_strerror(rc));
}

int bosun_http_set_long(bosun_http_transfer *t, CURLoption option, long value, bosun_err *err)
{
    CURLcode rc = t->curl->easy_setopt(t->easy, option, value);
    return rc == CURLE_OK ? 0 : set_failed(t, option, rc, err);
}

int bosun_http_set_pointer(bosun_http_transfer *t, CURLoption option, const void *value, bosun_err *err)
{
    CURLcode rc = t->curl->easy_setopt(t->easy, option, value);
    return rc == CURLE_OK ? 0 : set_failed(t, option, rc, err);
}

/* An option that older versions of libcurl lack, and that a transfer can do without. */
static void set_if_known(bosun_http_transfer *t, CURLoption option, long value)
{
    (void)t->curl->easy_setopt(t->easy, option, value);
}

static int set_protocols(bosun_http_transfer *t, bosun_err *err)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    if (t->curl->easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK)
        return 0;
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const long both = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    return bosun_http_set_long(t, CURLOPT_PROTOCOLS, both, err);
#pragma GCC diagnostic pop
}

static long milliseconds(int64_t nanoseconds)
{
    int64_t ms = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    return ms > INT32_MAX ? INT32_MAX : (long)ms;
}

int bosun_http_set_time(bosun_http_transfer *t, bosun_err *err)
{
    int64_t left = t->until - bosun_monotonic();
    if (left / 1000000 > INT32_MAX) /* 24 days are more than libcurl can count */
        return 0;
    return bosun_http_set_long(t, CURLOPT_TIMEOUT_MS, left > 0 ? milliseconds(left) : 1, err);
}

static int set_times(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    int64_t connect = request->connect_timeout ? request->connect_timeout : CONNECT_TIMEOUT;
    if (bosun_http_set_time(t, err) < 0 ||
        bosun_http_set_long(t, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(connect), err) < 0)
        return -1;
    if (request->stall == 0)
        return 0;
    if (bosun_http_set_long(t, CURLOPT_LOW_SPEED_LIMIT, 1, err) < 0)
        return -1;
    return bosun_http_set_long(t, CURLOPT_LOW_SPEED_TIME, (milliseconds(request->stall) + 999) / 1000, err);
}

/* Called before each request is sent. When a reused connection ends without a reply, libcurl resends any
 * request, which would carry out one that is not idempotent twice. */
static int before_request(void *data, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    bosun_http_transfer *t = data;
    if (t->reached && !t->idempotent) {
        bosun_err_set(&t->err, BOSUN_HTTP_CLOSED, "http.request",
                      "%s failed: the server closed the connection without a reply, and may already have "
                      "carried out the request: check before you repeat it",
                      t->label);
        return CURL_PREREQFUNC_ABORT;
    }
    t->reached = true;
    return CURL_PREREQFUNC_OK;
}

static int set_basics(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    t->idempotent = request->idempotent;
    set_if_known(t, CURLOPT_NOSIGNAL, 1);
    set_if_known(t, CURLOPT_TCP_KEEPALIVE, 1);
#if LIBCURL_VERSION_NUM >= 0x075700
    set_if_known(t, CURLOPT_QUICK_EXIT, 1); /* ending a transfer does not wait for DNS */
#endif
    (void)t->curl->easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_request);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    if (bosun_http_set_pointer(t, CURLOPT_ERRORBUFFER, t->curl_says, err) < 0 ||
        bosun_http_set_pointer(t, CURLOPT_PRIVATE, t, err) < 0 ||
        bosun_http_set_long(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1, err) < 0)
        return -1;
    return bosun_http_set_pointer(t, CURLOPT_USERAGENT, "bosun/" BOSUN_VERSION, err);
}

static int append(bosun_http_transfer *t, struct curl_slist **list, const char *text, bosun_err *err)
{
    struct curl_slist *longer = t->curl->slist_append(*list, text);
    if (!longer)
        return bosun_http_nomem(err);
    *list = longer;
    return 0;
}

static int add_header(bosun_http_transfer *t, const char *name, const char *value, bosun_err *err)
{
    bosun_buf line = {0};
    if (*value)
        bosun_buf_printf(&line, "%s: %s", name, value);
    else
        bosun_buf_printf(&line, "%s;", name); /* how libcurl spells an empty value */
    int rc = line.failed ? bosun_http_nomem(err) : append(t, &t->headers, bosun_buf_text(&line), err);
    if (line.data)
        explicit_bzero(line.data, line.len);
    bosun_buf_free(&line);
    return rc;
}

static bool has_header(const bosun_http_request *request, const char *name)
{
    for (const char *const *h = request->headers; h && *h; h += 2)
        if (strcasecmp(*h, name) == 0)
            return true;
    return false;
}

/* "Name:" keeps libcurl from adding a header of its own: "Expect", which can cost a second of waiting, and
 * the "Content-Type" of a form. It adds neither to a GET without a body. */
static int leave_out_headers(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    if (request->source == BOSUN_HTTP_NO_BODY && strcmp(request->method, "GET") == 0)
        return 0;
    if (!has_header(request, "Expect") && append(t, &t->headers, "Expect:", err) < 0)
        return -1;
    return has_header(request, "Content-Type") ? 0 : append(t, &t->headers, "Content-Type:", err);
}

static int set_headers(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    for (const char *const *h = request->headers; h && *h; h += 2)
        if (add_header(t, h[0], h[1], err) < 0)
            return -1;
    if (leave_out_headers(t, request, err) < 0)
        return -1;
    if (!has_header(request, "Accept-Encoding") &&
        add_header(t, "Accept-Encoding", bosun_http_encodings(t->sink), err) < 0)
        return -1;
    if (request->traceparent && !has_header(request, "traceparent") &&
        add_header(t, "traceparent", request->traceparent, err) < 0)
        return -1;
    return bosun_http_set_pointer(t, CURLOPT_HTTPHEADER, t->headers, err);
}

/* Connects to the URL's own host, whatever CURLOPT_URL says. */
static int set_connect_to(bosun_http_transfer *t, const bosun_http_request *request, const bosun_url *url,
                          int port, bosun_err *err)
{
    bosun_buf text = {0};
    bosun_buf_printf(&text, "::%.*s:%d", (int)url->host.len, url->host.at, port);
    int rc = text.failed ? bosun_http_nomem(err) : append(t, &t->connect_to, bosun_buf_text(&text), err);
    if (rc == 0 && !has_header(request, "Host"))
        rc = add_header(t, "Host", bosun_buf_text(&text) + 2, err);
    bosun_buf_free(&text);
    return rc < 0 ? -1 : bosun_http_set_pointer(t, CURLOPT_CONNECT_TO, t->connect_to, err);
}

/* libcurl verifies the name in the URL. To verify another one, that name goes into the URL, and the URL's own
 * host into the connection and the "Host" header. */
static int set_server_name(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    bosun_url url;
    if (bosun_url_parse(request->url, strlen(request->url), &url, err) < 0)
        return bosun_err_context(err, "%s failed: ", t->label);
    int default_port = url.scheme.len == 5 ? 443 : 80; /* https, http */
    int port = url.port ? url.port : default_port;
    const char *credentials = url.user.at ? url.user.at : url.host.at;
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%.*s://%.*s%s:%d%s", (int)url.scheme.len, url.scheme.at,
                     (int)(url.host.at - credentials), credentials, request->server_name, port, url.path.at);
    int rc = text.failed ? bosun_http_nomem(err)
                         : bosun_http_set_pointer(t, CURLOPT_URL, bosun_buf_text(&text), err);
    bosun_buf_free(&text);
    return rc < 0 ? -1 : set_connect_to(t, request, &url, port, err);
}

static int set_url(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    if (request->server_name)
        return set_server_name(t, request, err);
    return bosun_http_set_pointer(t, CURLOPT_URL, request->url, err);
}

/* 0, or the errno value that says why there is no socket. libcurl would report both as "refused". */
static int check_socket(const char *path)
{
    struct stat st;
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return ENAMETOOLONG;
    if (stat(path, &st) < 0)
        return errno;
    return S_ISSOCK(st.st_mode) ? 0 : ENOTSOCK;
}

static int set_unix_socket(bosun_http_transfer *t, const char *path, bosun_err *err)
{
    int errnum = check_socket(path);
    if (errnum)
        return bosun_http_socket_failed(t, path, errnum, err);
    t->unix_socket = strdup(path);
    if (!t->unix_socket)
        return bosun_http_nomem(err);
    if (bosun_http_set_pointer(t, CURLOPT_PROXY, "", err) < 0)
        return -1;
    return bosun_http_set_pointer(t, CURLOPT_UNIX_SOCKET_PATH, path, err);
}

static bool has_proxy_variable(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]))
            return true;
    return false;
}

static int set_route(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    if (request->unix_socket)
        return set_unix_socket(t, request->unix_socket, err);
    t->may_be_proxied = request->proxy ? *request->proxy != '\0' : has_proxy_variable();
    return request->proxy ? bosun_http_set_pointer(t, CURLOPT_PROXY, request->proxy, err) : 0;
}

int bosun_http_set_up(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    if (request->sink == BOSUN_HTTP_TO_FILE &&
        bosun_http_set_long(t, CURLOPT_BUFFERSIZE, RECEIVE_AT_ONCE, err) < 0)
        return -1;
    if (set_basics(t, request, err) < 0 || set_protocols(t, err) < 0 || set_times(t, request, err) < 0)
        return -1;
    if (set_url(t, request, err) < 0 || set_headers(t, request, err) < 0)
        return -1;
    return set_route(t, request, err);
}
