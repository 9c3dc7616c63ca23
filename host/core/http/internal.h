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

/* How the body of a reply has to be unpacked. */
typedef enum bosun_http_coding {
    BOSUN_HTTP_UNDECIDED, /* nothing of the body has arrived */
    BOSUN_HTTP_PLAIN,
    BOSUN_HTTP_GZIP,
} bosun_http_coding;

struct bosun_http_transfer {
    const bosun_curl *curl;
    bosun_http_client *client; /* NULL: the client is gone */
    bosun_http_transfer *next, *previous;
    CURL *easy; /* NULL: ended */
    struct curl_slist *headers, *connect_to;
    char *method;        /* of the current request: a redirect can change it */
    char *label;         /* "GET http://host/path", for messages */
    char *unix_socket;   /* NULL: none */
    const char *ca_hint; /* what to do when no CA can be read */
    int64_t until;       /* when the timeout of the request has passed; BOSUN_NO_DEADLINE: never */
    double earlier;      /* seconds of the requests that were redirected */
    int follow;          /* redirects that may still be followed; -1: none is */
    bool may_be_proxied; /* a proxy is set, but perhaps not for this host */
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
    bosun_http_coding coding;
    struct bosun_gunzip *gunzip; /* NULL: none */

    bosun_http_source source;
    const char *body; /* from memory; borrowed, or in `outgoing` */
    int64_t length;   /* of the body; -1: unknown */
    int64_t sent;     /* bytes given to libcurl, of a body that is not in memory */
    bosun_fs_source file;
    char *source_path;
    bosun_buf outgoing; /* from the caller, or of a file whose length only reading tells */
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

int bosun_http_set_time(bosun_http_transfer *t, bosun_err *err); /* what is left until t->until */

/* The request's body (source.c): opening it, giving it to libcurl, sending it again after a redirect, whether
 * all of it was sent when the server says that all is well (2xx). */
int bosun_http_open_source(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err);
int bosun_http_set_up_source(bosun_http_transfer *t, bosun_err *err);
int bosun_http_rewind_source(bosun_http_transfer *t, bosun_err *err);
int bosun_http_check_sent(const bosun_http_transfer *t, bosun_err *err);
void bosun_http_close_source(bosun_http_transfer *t);

/* The reply's body (body.c): opening its sink, libcurl's callbacks, moving a file into place. */
int bosun_http_open_sink(bosun_http_transfer *t, const bosun_http_request *request, bosun_err *err);
void bosun_http_set_up_sink(bosun_http_transfer *t);
int bosun_http_commit_body(bosun_http_transfer *t, bosun_err *err);
void bosun_http_close_sink(bosun_http_transfer *t);

/* Resumes what is not waiting for the caller any more. */
void bosun_http_go_on(bosun_http_transfer *t);

/* The encodings that the server is asked for. */
const char *bosun_http_encodings(bosun_http_sink sink);

/* Takes bytes of a body as they arrived. Returns how many were taken: all of them, or fewer after a failure.
 */
typedef size_t bosun_http_take(bosun_http_transfer *t, const char *bytes, size_t len);

/* Passes bytes of the body on to `take`, unpacked (decode.c). */
size_t bosun_http_decode(bosun_http_transfer *t, const char *bytes, size_t len, bosun_http_take *take);
/* The header of a reply begins. */
void bosun_http_decode_reset(bosun_http_transfer *t);
/* Fails if the body ended in the middle of its compressed form. */
int bosun_http_decode_end(const bosun_http_transfer *t, bosun_err *err);

/* Prepares the next request, which the caller starts, as the redirect says (redirect.c). */
int bosun_http_redirect(bosun_http_transfer *t, bosun_err *err);

/* Adds one line of a reply's header to the reply. */
void bosun_http_add_header(bosun_http_reply *reply, const char *line, size_t len);
/* The first value of a header, or NULL. */
const char *bosun_http_find_header(const bosun_http_reply *reply, const char *name);

/* Is the reply a redirect that has to be followed? */
bool bosun_http_is_redirected(const bosun_http_transfer *t);

/* Send and receive without waiting (connect.c). *sent: how many bytes went; 0: the connection is not ready.
 * try_recv: 1: *received bytes, 0 if the other side has closed the connection · 0: nothing is there · -1. */
int bosun_http_connection_try_send(bosun_http_connection *c, const void *bytes, size_t len, size_t *sent,
                                   bosun_err *err);
int bosun_http_connection_try_recv(bosun_http_connection *c, void *bytes, size_t size, size_t *received,
                                   bosun_err *err);
/* Waits until the socket is ready for `events`. 1; 0: `until` has passed; -1. */
int bosun_http_connection_wait(const bosun_http_connection *c, short events, int64_t until,
                               const bosun_wait *wait, bosun_err *err);

/* Why there is no connection to a Unix socket. Returns -1. */
int bosun_http_socket_failed(const bosun_http_transfer *t, const char *path, int errnum, bosun_err *err);

/* Why the transfer failed, with what to do about it. Returns -1. */
int bosun_http_explain(const bosun_http_transfer *t, bosun_err *err);

#endif
