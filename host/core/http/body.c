/* Where the two bodies of a transfer come from and go to. A callback that fails stores its error in the
 * transfer and makes libcurl end it. */
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HEADERS_MAX  ((size_t)256 * 1024)  /* bytes of all headers of a transfer, redirects included */
#define INCOMING_MAX ((size_t)1024 * 1024) /* kept for the caller; after that the server has to wait */
#define SEND_AT_ONCE (256L * 1024)
#define OUTGOING_LOW ((size_t)64 * 1024) /* with less than this, the caller is asked for more */
#define ANY_ENCODING "gzip, deflate"
#define NO_ENCODING  "identity"

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

/* Streams are not decompressed: a few bytes could expand to gigabytes before the caller can stop them. */
static bool is_compressed(bosun_http_transfer *t)
{
    const char *encoding = bosun_http_find_header(&t->reply, "content-encoding");
    if (!encoding || strcasecmp(encoding, "identity") == 0)
        return false;
    bosun_err_set(&t->err, BOSUN_HTTP_PROTOCOL, "http.request",
                  "%s failed: the server sent a compressed stream (%s) without being asked", t->label,
                  encoding);
    return true;
}

static size_t to_caller(bosun_http_transfer *t, const char *bytes, size_t len)
{
    if (t->incoming.len >= INCOMING_MAX) {
        t->in_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (is_compressed(t))
        return 0;
    return to_buffer(t, &t->incoming, bytes, len);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    bosun_http_transfer *t = data;
    size_t len = size * count;
    bool kept = t->sink == BOSUN_HTTP_TO_MEMORY || !is_success(t);
    int64_t max = t->max_bytes ? t->max_bytes : kept ? BOSUN_HTTP_MEMORY_MAX : INT64_MAX;
    if ((int64_t)len > max - t->reply.received)
        return too_large(t, "body is", (long long)max);
    size_t taken;
    if (kept)
        taken = to_buffer(t, &t->reply.body, bytes, len);
    else if (t->sink == BOSUN_HTTP_TO_CALLER)
        taken = to_caller(t, bytes, len);
    else
        taken = bosun_fs_write_all(t->temp.fd, bytes, len, t->sink_path, &t->err) < 0 ? 0 : len;
    if (taken == len)
        t->reply.received += (int64_t)len;
    return taken;
}

static size_t from_file(bosun_http_transfer *t, char *out, size_t max)
{
    if ((int64_t)max > t->source_left)
        max = (size_t)t->source_left;
    ssize_t n;
    do
        n = max ? read(t->source_fd, out, max) : 0;
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
    t->source_left -= n;
    return (size_t)n;
}

static size_t from_caller(bosun_http_transfer *t, char *out, size_t max)
{
    size_t left = t->outgoing.len - t->out_start;
    if (left == 0 && !t->out_ended) {
        t->out_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    size_t n = left < max ? left : max;
    if (n > 0)
        memcpy(out, t->outgoing.data + t->out_start, n);
    t->out_start += n;
    return n;
}

static size_t on_need(char *out, size_t size, size_t count, void *data)
{
    bosun_http_transfer *t = data;
    return t->source == BOSUN_HTTP_FROM_FILE ? from_file(t, out, size * count)
                                             : from_caller(t, out, size * count);
}

/* Called for a redirect, or when a reused connection was dead: sends the body again from its start. */
static int on_rewind(void *data, curl_off_t offset, int origin)
{
    bosun_http_transfer *t = data;
    if (origin != SEEK_SET || offset < 0 || t->source != BOSUN_HTTP_FROM_FILE)
        return CURL_SEEKFUNC_CANTSEEK;
    if (lseek(t->source_fd, offset, SEEK_SET) < 0)
        return CURL_SEEKFUNC_FAIL;
    t->source_left = t->source_length - offset;
    return CURL_SEEKFUNC_OK;
}

static int open_source(bosun_http_transfer *t, const char *path, bosun_err *err)
{
    bosun_fs_source file;
    t->source_path = strdup(path);
    if (!t->source_path)
        return bosun_http_nomem(err);
    if (bosun_fs_source_open(&file, path, err) < 0)
        return -1;
    t->source_fd = file.fd;
    t->source_length = t->source_left = file.st.st_size;
    return 0;
}

static int open_sink(bosun_http_transfer *t, const char *path, bosun_err *err)
{
    t->sink_path = strdup(path);
    if (!t->sink_path)
        return bosun_http_nomem(err);
    if (bosun_fs_target_open(&t->target, t->sink_path, err) < 0 || bosun_fs_target_check(&t->target, err) < 0)
        return -1;
    return bosun_fs_temp_create(&t->target, 0666, &t->temp, err);
}

int bosun_http_open_body(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    t->sync = request->sync;
    t->max_bytes = request->max_bytes;
    t->source = request->source;
    t->source_length = request->length;
    if (request->source == BOSUN_HTTP_FROM_FILE && open_source(t, request->body, err) < 0)
        return -1;
    return request->sink == BOSUN_HTTP_TO_FILE ? open_sink(t, request->sink_path, err) : 0;
}

/* A body read piece by piece; sent in chunks if its length is unknown. */
static int set_stream(bosun_http_transfer *t, const char *method, bosun_err *err)
{
    if (bosun_http_set_long(t, CURLOPT_UPLOAD, 1, err) < 0 ||
        bosun_http_set_long(t, CURLOPT_UPLOAD_BUFFERSIZE, SEND_AT_ONCE, err) < 0 ||
        bosun_http_set_pointer(t, CURLOPT_CUSTOMREQUEST, method, err) < 0)
        return -1;
    (void)t->curl->easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->source_length);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_READFUNCTION, on_need);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_READDATA, t);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_rewind);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    return 0;
}

static int set_post(bosun_http_transfer *t, const char *method, const char *body, int64_t len, bosun_err *err)
{
    if (bosun_http_set_long(t, CURLOPT_POST, 1, err) < 0)
        return -1;
    (void)t->curl->easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    if (bosun_http_set_pointer(t, CURLOPT_POSTFIELDS, body, err) < 0)
        return -1;
    return strcmp(method, "POST") == 0 ? 0 : bosun_http_set_pointer(t, CURLOPT_CUSTOMREQUEST, method, err);
}

/* With these methods an empty body is announced, as "Content-Length: 0". */
static bool expects_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static int set_method(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    const char *method = request->method;
    if (request->source == BOSUN_HTTP_FROM_FILE || request->source == BOSUN_HTTP_FROM_CALLER)
        return set_stream(t, method, err);
    if (request->source == BOSUN_HTTP_FROM_MEMORY)
        return set_post(t, method, request->body, request->length, err);
    if (expects_body(method))
        return set_post(t, method, "", 0, err);
    if (strcmp(method, "HEAD") == 0)
        return bosun_http_set_long(t, CURLOPT_NOBODY, 1, err);
    return strcmp(method, "GET") == 0 ? 0 : bosun_http_set_pointer(t, CURLOPT_CUSTOMREQUEST, method, err);
}

/* Setting this option also enables decoding: with "identity", a reply that is compressed all the same is
 * decompressed on its way to a file. */
static int set_encoding(bosun_http_transfer *t, bosun_err *err)
{
    if (t->sink == BOSUN_HTTP_TO_CALLER)
        return 0;
    return bosun_http_set_pointer(t, CURLOPT_ACCEPT_ENCODING,
                                  t->sink == BOSUN_HTTP_TO_MEMORY ? ANY_ENCODING : NO_ENCODING, err);
}

int bosun_http_set_up_body(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err)
{
    (void)t->curl->easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)t->curl->easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    return set_method(t, request, err) < 0 ? -1 : set_encoding(t, err);
}

int bosun_http_commit_body(bosun_http_transfer *t, bosun_err *err)
{
    if (t->temp.fd < 0 || !is_success(t))
        return 0;
    return bosun_fs_temp_commit(&t->target, &t->temp, t->sync, err);
}

void bosun_http_close_body(bosun_http_transfer *t)
{
    bosun_fs_temp_discard(&t->target, &t->temp);
    bosun_fs_target_close(&t->target);
    bosun_fs_drop(t->source_fd);
    bosun_buf_free(&t->incoming);
    bosun_buf_free(&t->outgoing);
    free(t->sink_path);
    free(t->source_path);
}

bosun_buf *bosun_http_received(bosun_http_transfer *t)
{
    return &t->incoming;
}

/* Resumes the transfer. libcurl may call the callbacks before this returns. */
static void go_on(bosun_http_transfer *t)
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
    go_on(t);
}

bool bosun_http_wants(const bosun_http_transfer *t)
{
    return t->source == BOSUN_HTTP_FROM_CALLER && !t->out_ended && !t->done &&
           t->outgoing.len - t->out_start < OUTGOING_LOW;
}

int bosun_http_send(bosun_http_transfer *t, const char *bytes, size_t len, bosun_err *err)
{
    size_t left = t->outgoing.len - t->out_start;
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
        go_on(t);
    }
    return 0;
}
