/* HTTP on libcurl's multi interface. A client holds connections; a transfer is one request on its way. Only
 * bosun_http_step and the calls on a raw connection block, and they obey a bosun_wait. Only one thread at a
 * time may use a client and its transfers. */
#ifndef BOSUN_CORE_HTTP_HTTP_H
#define BOSUN_CORE_HTTP_HTTP_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/wait.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Codes of failed transfers, beside BOSUN_ERR_TIMEOUT (the request's own limits), _DEADLINE, _CANCELLED,
 * _TOO_LARGE, _NOMEM, _INVALID and names of errno values (ECONNREFUSED, and those of a sink's or source's
 * file). */
#define BOSUN_HTTP_DNS      "dns"      /* the host name has no address */
#define BOSUN_HTTP_CONNECT  "connect"  /* no connection, and no errno value that says why */
#define BOSUN_HTTP_PROXY    "proxy"    /* the proxy refuses to connect to the host */
#define BOSUN_HTTP_CLOSED   "closed"   /* the connection ended before the reply was complete */
#define BOSUN_HTTP_TLS      "tls"      /* certificate or handshake */
#define BOSUN_HTTP_PROTOCOL "protocol" /* the reply is not HTTP */
#define BOSUN_HTTP_REDIRECT "redirect" /* too many, or to something that is not http or https */
#define BOSUN_HTTP_UPGRADE  "upgrade"  /* the server did not switch protocols */
#define BOSUN_HTTP_FAILED   "http"     /* anything else that libcurl reports */

typedef struct bosun_http_client bosun_http_client;
typedef struct bosun_http_transfer bosun_http_transfer;

typedef enum bosun_http_source {
    BOSUN_HTTP_NO_BODY,
    BOSUN_HTTP_FROM_MEMORY,
    BOSUN_HTTP_FROM_FILE,   /* a regular file, streamed */
    BOSUN_HTTP_FROM_CALLER, /* bosun_http_send */
} bosun_http_source;

typedef enum bosun_http_sink {
    BOSUN_HTTP_TO_MEMORY,
    BOSUN_HTTP_TO_FILE,   /* replaced atomically once the body is complete */
    BOSUN_HTTP_TO_CALLER, /* bosun_http_received */
} bosun_http_sink;

/* Everything but `body` is copied. NULL, 0 and false are the defaults. Where a field takes a path or the
 * text of a PEM file, "-----BEGIN" marks the text. */
typedef struct bosun_http_request {
    const char *method;         /* a token */
    const char *url;            /* http or https */
    const char *shown_url;      /* in messages, instead of what bosun_url_show makes of `url` */
    const char *const *headers; /* name, value, name, value, …, NULL; no control characters in them */

    bosun_http_source source;
    const char *body;     /* FROM_MEMORY: borrowed until the transfer is freed; FROM_FILE: the path, copied */
    int64_t length;       /* of the body; -1: unknown (FROM_CALLER only) */
    bosun_http_sink sink; /* of a 2xx reply; other bodies stay in memory, for the error message */
    const char *sink_path; /* TO_FILE */
    bool sync;             /* fsync file and folder at the end */
    int64_t max_bytes;     /* of the body, decompressed; 0: BOSUN_HTTP_MEMORY_MAX in memory, else no limit */

    int64_t timeout;         /* of the whole transfer, in nanoseconds; 0: none */
    int64_t connect_timeout; /* 0: 10 s */
    int64_t stall;           /* longest time with less than a byte a second; 0: none */
    int follow;              /* most redirects to follow; 0: a redirect is the reply */
    bool idempotent;         /* libcurl may resend it if a reused connection turns out to be dead */

    const char *unix_socket;
    const char *proxy;           /* URL; "": none, NULL: as the environment says */
    const char *ca, *cert, *key; /* paths or PEM texts; a ca replaces those of environment and system */
    const char *server_name;     /* requested and verified instead of the URL's host */
    bool insecure;               /* no verification */

    const char *traceparent; /* the header of that name, unless `headers` has one; NULL: none */
} bosun_http_request;

#define BOSUN_HTTP_MEMORY_MAX (INT64_C(64) * 1024 * 1024)

/* What has arrived of a reply. Owned by the transfer. */
typedef struct bosun_http_reply {
    int status;          /* 0: none yet */
    bosun_buf headers;   /* of the last reply: name, NUL, value, NUL, … */
    bosun_buf body;      /* unless it went elsewhere */
    int64_t received;    /* bytes of body, wherever they went */
    double seconds;      /* from the start to the end */
    int64_t retry_after; /* seconds that the server asks to wait; 0: none */
} bosun_http_reply;

/* NULL: libcurl cannot be loaded, or out of memory. */
bosun_http_client *bosun_http_client_new(bosun_err *err);
/* Closes its connections and ends its transfers, which still have to be freed. NULL is allowed. */
void bosun_http_client_free(bosun_http_client *client);

/* Starts a request; the work is done by bosun_http_step. NULL: the request cannot be made. */
bosun_http_transfer *bosun_http_start(bosun_http_client *client, const bosun_http_request *request,
                                      bosun_err *err);
/* Ends the transfer if it is still running; an incomplete file is removed. NULL is allowed. */
void bosun_http_free(bosun_http_transfer *transfer);

/* Waits until a transfer of the client can make progress or `until` (monotonic ns) has passed, then advances
 * all transfers. -1: cancelled or past the deadline; the transfers are unchanged. */
int bosun_http_step(bosun_http_client *client, const bosun_wait *wait, int64_t until, bosun_err *err);

bool bosun_http_done(const bosun_http_transfer *transfer);

/* Call once after the end: moves the file into place. 0, or -1 with why the transfer failed. */
int bosun_http_finish(bosun_http_transfer *transfer, bosun_err *err);

const bosun_http_reply *bosun_http_reply_of(const bosun_http_transfer *transfer);

/* TO_CALLER: what has arrived. The caller empties the buffer and calls bosun_http_taken. */
bosun_buf *bosun_http_received(bosun_http_transfer *transfer);
void bosun_http_taken(bosun_http_transfer *transfer);

/* FROM_CALLER: does the transfer need more bytes? bosun_http_send adds some; none (len 0) end the body. -1:
 * out of memory. */
bool bosun_http_wants(const bosun_http_transfer *transfer);
int bosun_http_send(bosun_http_transfer *transfer, const char *bytes, size_t len, bosun_err *err);

/* A connection that HTTP only opens, as Docker and Kubernetes use for attach and exec. After the server's
 * "101 Switching Protocols" it carries bytes of another protocol (frames of a WebSocket, a raw terminal). */
typedef struct bosun_http_connection bosun_http_connection;

/* Connects through proxy, TLS or Unix socket as `request` says, sends the request with its headers (which
 * include "Upgrade") and its body from memory, and reads the header of the reply. NULL: no connection, no
 * reply, or a status other than 101. The latter is BOSUN_HTTP_UPGRADE, and `refusal` gets the reply (status,
 * headers, up to 64 KiB of the body). The caller always frees the two buffers of `refusal`. */
bosun_http_connection *bosun_http_connect(const bosun_http_request *request, const bosun_wait *wait,
                                          bosun_http_reply *refusal, bosun_err *err);
const bosun_http_reply *bosun_http_connection_reply(const bosun_http_connection *connection);

/* Sends all of the bytes. */
int bosun_http_connection_send(bosun_http_connection *connection, const void *bytes, size_t len,
                               const bosun_wait *wait, bosun_err *err);
/* Receives 1 to `size` bytes and returns how many; 0: the other side closed the connection.
 * BOSUN_ERR_TIMEOUT: nothing arrived before `until`. */
ptrdiff_t bosun_http_connection_recv(bosun_http_connection *connection, void *bytes, size_t size,
                                     int64_t until, const bosun_wait *wait, bosun_err *err);
void bosun_http_connection_free(bosun_http_connection *connection); /* NULL is allowed */

#endif
