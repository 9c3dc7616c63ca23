/* The body of a request: from memory, from a file, or piece by piece from the caller. What is sent is all of
 * it, or the transfer fails: also if a file changes meanwhile, the caller gives more or fewer bytes than it
 * said, or the server is content with less. */
#include "internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEND_AT_ONCE (256L * 1024)
#define OUTGOING_LOW ((size_t)64 * 1024) /* with less than this, the caller is asked for more */

static size_t from_file(bosun_http_transfer *t, char *out, size_t max)
{
    int64_t left = t->length - t->sent;
    if ((int64_t)max > left)
        max = (size_t)left;
    ssize_t n;
    do
        n = max ? read(t->file.fd, out, max) : 0;
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        bosun_err_errno(&t->err, errno, "read", t->source_path);
        return CURL_READFUNC_ABORT;
    }
    if (n == 0 && max > 0) {
        bosun_err_set(&t->err, BOSUN_ERR_INVALID, "read",
                      "cannot send %s: it became shorter while being sent", t->source_path);
        return CURL_READFUNC_ABORT;
    }
    t->sent += n;
    return (size_t)n;
}

static size_t too_few(bosun_http_transfer *t)
{
    bosun_err_set(&t->err, BOSUN_ERR_INVALID, "http.request",
                  "%s failed: the source gave %lld bytes, fewer than the %lld of Content-Length", t->label,
                  (long long)t->sent, (long long)t->length);
    return CURL_READFUNC_ABORT;
}

/* The last byte of a known length waits for the end of the source: a source that turns out to have more must
 * not have sent a complete request. */
static size_t from_caller(bosun_http_transfer *t, char *out, size_t max)
{
    size_t left = t->outgoing.len - t->out_start;
    bool last = !t->out_ended && t->length >= 0 && t->sent + (int64_t)left >= t->length;
    if (last && left > 0)
        left--;
    if (left == 0 && !t->out_ended) {
        t->out_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (left == 0 && t->sent < t->length)
        return too_few(t);
    size_t n = left < max ? left : max;
    if (n > 0)
        memcpy(out, t->outgoing.data + t->out_start, n);
    t->out_start += n;
    t->sent += (int64_t)n;
    return n;
}

static size_t on_need(char *out, size_t size, size_t count, void *data)
{
    bosun_http_transfer *t = data;
    return t->source == BOSUN_HTTP_FROM_FILE ? from_file(t, out, size * count)
                                             : from_caller(t, out, size * count);
}

/* Called when a reused connection was dead: sends the body again from its start. */
static int on_rewind(void *data, curl_off_t offset, int origin)
{
    bosun_http_transfer *t = data;
    if (origin != SEEK_SET || offset < 0 || t->source != BOSUN_HTTP_FROM_FILE)
        return CURL_SEEKFUNC_CANTSEEK;
    if (lseek(t->file.fd, offset, SEEK_SET) < 0)
        return CURL_SEEKFUNC_FAIL;
    t->sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* Reads a file whose length only reading tells. Such files are small, and need a Content-Length like others.
 */
static int read_source(bosun_http_transfer *t, bosun_err *err)
{
    if (bosun_fs_read(t->source_path, BOSUN_HTTP_MEMORY_MAX, &t->outgoing, NULL, err) < 0)
        return -1;
    t->source = BOSUN_HTTP_FROM_MEMORY;
    t->body = bosun_buf_text(&t->outgoing);
    t->length = (int64_t)t->outgoing.len;
    return 0;
}

static int open_file(bosun_http_transfer *t, const char *path, bosun_err *err)
{
    t->source_path = strdup(path);
    if (!t->source_path)
        return bosun_http_nomem(err);
    if (bosun_fs_source_open(&t->file, t->source_path, err) < 0)
        return -1;
    t->length = t->file.st.st_size;
    return t->file.sized ? 0 : read_source(t, err);
}

int bosun_http_open_source(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    t->source = request->source;
    t->body = request->body;
    t->length = request->length;
    return t->source == BOSUN_HTTP_FROM_FILE ? open_file(t, request->body, err) : 0;
}

/* A body read piece by piece; sent in chunks if its length is unknown. */
static int set_stream(bosun_http_transfer *t, bosun_err *err)
{
    if (bosun_http_set_long(t, CURLOPT_UPLOAD, 1, err) < 0 ||
        bosun_http_set_long(t, CURLOPT_UPLOAD_BUFFERSIZE, SEND_AT_ONCE, err) < 0 ||
        bosun_http_set_pointer(t, CURLOPT_CUSTOMREQUEST, t->method, err) < 0)
        return -1;
    (void)t->curl->easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->length);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_READFUNCTION, on_need);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_READDATA, t);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_rewind);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    return 0;
}

static int set_post(bosun_http_transfer *t, const char *body, int64_t len, bosun_err *err)
{
    if (bosun_http_set_long(t, CURLOPT_POST, 1, err) < 0)
        return -1;
    (void)t->curl->easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    if (bosun_http_set_pointer(t, CURLOPT_POSTFIELDS, body, err) < 0)
        return -1;
    return strcmp(t->method, "POST") == 0 ? 0
                                          : bosun_http_set_pointer(t, CURLOPT_CUSTOMREQUEST, t->method, err);
}

/* With these methods an empty body is announced, as "Content-Length: 0". */
static bool expects_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

int bosun_http_set_up_source(bosun_http_transfer *t, bosun_err *err)
{
    if (t->source == BOSUN_HTTP_FROM_FILE || t->source == BOSUN_HTTP_FROM_CALLER)
        return set_stream(t, err);
    if (t->source == BOSUN_HTTP_FROM_MEMORY)
        return set_post(t, t->body, t->length, err);
    if (expects_body(t->method))
        return set_post(t, "", 0, err);
    if (strcmp(t->method, "HEAD") == 0)
        return bosun_http_set_long(t, CURLOPT_NOBODY, 1, err);
    return strcmp(t->method, "GET") == 0 ? 0
                                         : bosun_http_set_pointer(t, CURLOPT_CUSTOMREQUEST, t->method, err);
}

int bosun_http_rewind_source(bosun_http_transfer *t, bosun_err *err)
{
    if (t->source == BOSUN_HTTP_FROM_CALLER)
        return bosun_err_set(
            err, BOSUN_HTTP_REDIRECT, "http.request",
            "%s failed: the server redirects it with status %d, and the body, which a function "
            "makes, cannot be sent again: use the URL it redirects to, or send a file",
            t->label, t->reply.status);
    t->sent = 0;
    if (t->source == BOSUN_HTTP_FROM_FILE && lseek(t->file.fd, 0, SEEK_SET) < 0)
        return bosun_err_errno(err, errno, "seek", t->source_path);
    return 0;
}

/* How many bytes of the body libcurl has sent, chunks and their lengths included. */
static int64_t bytes_sent(const bosun_http_transfer *t)
{
    curl_off_t n = 0;
    (void)t->curl->easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &n);
    return n;
}

static bool is_sent(const bosun_http_transfer *t)
{
    switch (t->source) {
    case BOSUN_HTTP_NO_BODY: return true;
    case BOSUN_HTTP_FROM_MEMORY: return bytes_sent(t) >= t->length;
    case BOSUN_HTTP_FROM_FILE: return t->sent == t->length && bytes_sent(t) >= t->length;
    case BOSUN_HTTP_FROM_CALLER: return t->out_ended && bytes_sent(t) >= t->sent;
    }
    return false;
}

int bosun_http_check_sent(const bosun_http_transfer *t, bosun_err *err)
{
    if (t->reply.status / 100 != 2)
        return 0;
    if (t->source == BOSUN_HTTP_FROM_FILE && bosun_fs_source_changed(&t->file))
        return bosun_err_set(err, BOSUN_ERR_INVALID, "read", "cannot send %s: it changed while being sent",
                             t->source_path);
    if (is_sent(t))
        return 0;
    return bosun_err_set(err, BOSUN_HTTP_CLOSED, "http.request",
                         "%s failed: the server replied with status %d before it had received the whole body",
                         t->label, t->reply.status);
}

void bosun_http_close_source(bosun_http_transfer *t)
{
    bosun_fs_drop(t->file.fd);
    bosun_buf_free(&t->outgoing);
    free(t->source_path);
}

bool bosun_http_wants(const bosun_http_transfer *t)
{
    return t->source == BOSUN_HTTP_FROM_CALLER && !t->out_ended && !t->done &&
           t->outgoing.len - t->out_start < OUTGOING_LOW;
}

static int too_many(const bosun_http_transfer *t, bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "http.request",
                         "%s failed: the source gives more bytes than the %lld of Content-Length", t->label,
                         (long long)t->length);
}

int bosun_http_send(bosun_http_transfer *t, const char *bytes, size_t len, bosun_err *err)
{
    size_t left = t->outgoing.len - t->out_start;
    if (t->length >= 0 && t->sent + (int64_t)(left + len) > t->length)
        return too_many(t, err);
    if (t->out_start > 0 && left > 0)
        memmove(t->outgoing.data, t->outgoing.data + t->out_start, left);
    t->outgoing.len = left;
    t->out_start = 0;
    bosun_buf_append(&t->outgoing, bytes, len);
    if (t->outgoing.failed)
        return bosun_http_nomem(err);
    t->out_ended = len == 0;
    if (t->out_paused) {
        t->out_paused = false;
        bosun_http_go_on(t);
    }
    return 0;
}
