/* The body of a reply: where it goes. A callback of libcurl that fails stores its error in the transfer and
 * makes libcurl end it. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX  ((size_t)256 * 1024)  /* bytes of all headers of a transfer, redirects included */
#define INCOMING_MAX ((size_t)1024 * 1024) /* kept for the caller; after that the server has to wait */

static bool is_success(const bosun_http_transfer *t)
{
    return t->reply.status >= 200 && t->reply.status < 300;
}

static size_t too_large(bosun_http_transfer *t, const char *what, long long max)
{
    bosun_err_set(&t->err, BOSUN_ERR_TOO_LARGE, "http.request",
                  "%s failed: the reply's %s larger than %lld bytes", t->label, what, max);
    return 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *data)
{
    bosun_http_transfer *t = data;
    size_t len = size * count;
    t->header_bytes += len;
    t->reached = false;
    if (t->header_bytes > HEADERS_MAX)
        return too_large(t, "headers are", (long long)HEADERS_MAX);
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        bosun_http_decode_reset(t);
    bosun_http_add_header(&t->reply, bytes, len);
    if (!t->reply.headers.failed)
        return len;
    bosun_http_nomem(&t->err);
    return 0;
}

static size_t to_buffer(bosun_http_transfer *t, bosun_buf *buf, const char *bytes, size_t len)
{
    bosun_buf_append(buf, bytes, len);
    if (!buf->failed)
        return len;
    bosun_http_nomem(&t->err);
    return 0;
}

/* Takes bytes of the unpacked body. */
static size_t take(bosun_http_transfer *t, const char *bytes, size_t len)
{
    bool kept = t->sink == BOSUN_HTTP_TO_MEMORY || !is_success(t);
    int64_t max = t->max_bytes ? t->max_bytes : kept ? BOSUN_HTTP_MEMORY_MAX : INT64_MAX;
    if ((int64_t)len > max - t->reply.received)
        return too_large(t, "body is", (long long)max);
    size_t taken;
    if (kept)
        taken = to_buffer(t, &t->reply.body, bytes, len);
    else if (t->sink == BOSUN_HTTP_TO_CALLER)
        taken = to_buffer(t, &t->incoming, bytes, len);
    else
        taken = bosun_fs_write_all(t->temp.fd, bytes, len, t->sink_path, &t->err) < 0 ? 0 : len;
    if (taken == len)
        t->reply.received += (int64_t)len;
    return taken;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    bosun_http_transfer *t = data;
    if (t->incoming.len >= INCOMING_MAX) {
        t->in_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (bosun_http_is_redirected(t))
        return take(t, bytes, size * count); /* dropped when the redirect is followed */
    return bosun_http_decode(t, bytes, size * count, take);
}

int bosun_http_open_sink(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    t->sync = request->sync;
    t->max_bytes = request->max_bytes;
    if (request->sink != BOSUN_HTTP_TO_FILE)
        return 0;
    t->sink_path = strdup(request->sink_path);
    if (!t->sink_path)
        return bosun_http_nomem(err);
    if (bosun_fs_target_open(&t->target, t->sink_path, err) < 0 || bosun_fs_target_check(&t->target, err) < 0)
        return -1;
    return bosun_fs_temp_create(&t->target, 0666, &t->temp, err);
}

void bosun_http_set_up_sink(bosun_http_transfer *t)
{
    (void)t->curl->easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

int bosun_http_commit_body(bosun_http_transfer *t, bosun_err *err)
{
    if (bosun_http_decode_end(t, err) < 0)
        return -1;
    if (t->temp.fd < 0 || !is_success(t))
        return 0;
    return bosun_fs_temp_commit(&t->target, &t->temp, t->sync, err);
}

void bosun_http_close_sink(bosun_http_transfer *t)
{
    bosun_fs_temp_discard(&t->target, &t->temp);
    bosun_fs_target_close(&t->target);
    bosun_http_decode_reset(t);
    bosun_buf_free(&t->incoming);
    free(t->sink_path);
}

bosun_buf *bosun_http_received(bosun_http_transfer *t)
{
    return &t->incoming;
}

/* libcurl may call the callbacks before this returns. */
void bosun_http_go_on(bosun_http_transfer *t)
{
    int still = (t->in_paused ? CURLPAUSE_RECV : 0) | (t->out_paused ? CURLPAUSE_SEND : 0);
    if (t->easy && !t->done)
        (void)t->curl->easy_pause(t->easy, still);
}

void bosun_http_taken(bosun_http_transfer *t)
{
    if (!t->in_paused)
        return;
    t->in_paused = false;
    bosun_http_go_on(t);
}
