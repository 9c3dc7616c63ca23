/* Shared by the files of this room only. */
#ifndef BOSUN_CORE_HTTP_INTERNAL_H
#define BOSUN_CORE_HTTP_INTERNAL_H

#include "core/fs/staged.h"
#include "curl_api.h"
#include "http.h"

#define BOSUN_HTTP_IDLE_MAX 64 /* easy handles kept for the next requests */

static inline int bosun_http_nomem(bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_NOMEM, "http.request", "cannot make an HTTP request: out of memory");
}

struct bosun_http_client {
    const bosun_curl *curl;
    CURLM *multi;
    bosun_http_transfer *transfers; /* doubly linked */
    CURL *idle[BOSUN_HTTP_IDLE_MAX];
    size_t idle_count;
};

struct bosun_http_transfer {
    const bosun_curl *curl;
    bosun_http_client *client; /* NULL: the client is gone */
    bosun_http_transfer *next, *previous;
    CURL *easy; /* NULL: ended */
    struct curl_slist *headers, *connect_to;
    char *label; /* "GET http://host/path", for messages */
    bool idempotent;
    bool reached; /* a request was sent, and no reply to it has begun */
    bool done;
    CURLcode result;
    bosun_err err; /* of a callback that failed */
    char curl_says[CURL_ERROR_SIZE];

    bosun_http_sink sink;
    int64_t max_bytes;
    char *sink_path;
    bool sync;
    bosun_fs_target target;
    bosun_fs_temp temp;
    bosun_buf incoming; /* for the caller */
    bool in_paused;

    bosun_http_source source;
    int source_fd;
    char *source_path;
    int64_t source_left; /* of the file */
    int64_t source_length;
    bosun_buf outgoing; /* from the caller */
    size_t out_start;
    bool out_ended, out_paused;

    size_t header_bytes;
    bosun_http_reply reply;
};

/* Like bosun_http_start; with connect_only, the transfer ends once the connection is established. */
bosun_http_transfer *bosun_http_begin(bosun_http_client *client, const bosun_http_request *request,
                                      bool connect_only, bosun_err *err);

/* Set method, URL, proxy, timeouts and TLS on the easy handle. */
int bosun_http_set_up(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err);
int bosun_http_set_up_tls(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err);

/* Set one option. 0, or -1 with an error that names the option. */
int bosun_http_set_long(bosun_http_transfer *t, CURLoption option, long value, bosun_err *err);
int bosun_http_set_pointer(bosun_http_transfer *t, CURLoption option, const void *value, bosun_err *err);

/* Bodies: opening their source and sink, and libcurl's callbacks. */
int bosun_http_open_body(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err);
int bosun_http_set_up_body(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err);
int bosun_http_commit_body(bosun_http_transfer *t, bosun_err *err);
void bosun_http_close_body(bosun_http_transfer *t);

/* Adds one line of a reply's header to the reply. */
void bosun_http_add_header(bosun_http_reply *reply, const char *line, size_t len);
/* The first value of a header, or NULL. */
const char *bosun_http_find_header(const bosun_http_reply *reply, const char *name);

/* Why the transfer failed, with what to do about it. Returns -1. */
int bosun_http_explain(const bosun_http_transfer *t, bosun_err *err);

#endif
