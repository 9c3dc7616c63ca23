/* HTTP on libcurl's multi interface. A client holds connections; a transfer is one request on its way.
 * Nothing here blocks but bosun_http_step and the calls on a raw connection, and those obey a bosun_wait. A
 * client and its transfers are used by one thread at a time. */
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
#define BOSUN_HTTP_DNS      "dns"      /* the name has no address */
#define BOSUN_HTTP_CONNECT  "connect"  /* no connection, and no errno value that says why */
#define BOSUN_HTTP_CLOSED   "closed"   /* the connection ended before the reply was complete */
#define BOSUN_HTTP_TLS      "tls"      /* certificate or handshake */
#define BOSUN_HTTP_PROTOCOL "protocol" /* what came is not HTTP */
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
    BOSUN_HTTP_TO_FILE,   /* replaced atomically once everything is there */
    BOSUN_HTTP_TO_CALLER, /* bosun_http_take */
} bosun_http_sink;

/* Everything is copied, but for `body`. NULL, 0 and false are the defaults; fields that may hold a path or
 * the text of a PEM file are told apart by "-----BEGIN". */
typedef struct bosun_http_request {
    const char *method;         /* a token */
    const char *url;            /* http or https */
    const char *shown_url;      /* in messages, instead of what bosun_url_show makes of `url` */
    const char *const *headers; /* name, value, name, value, …, NULL; no control characters in them */

    bosun_http_source source;
    const char *body;     /* FROM_MEMORY: borrowed until the transfer is freed; FROM_FILE: the path, copied */
    int64_t length;       /* of the body; -1: unknown (FROM_CALLER only) */
    bosun_http_sink sink; /* of a 2xx reply; other bodies are kept in memory, for their messages */
    const char *sink_path; /* TO_FILE */
    bool sync;             /* fsync file and folder at the end */
    int64_t max_bytes; /* of the body, decompressed; 0: BOSUN_HTTP_MEMORY_MAX, TO_FILE and _CALLER: none */

    int64_t timeout;         /* of the whole transfer, in nanoseconds; 0: none */
    int64_t connect_timeout; /* 0: 10 s */
    int64_t stall;           /* longest time with less than a byte a second; 0: none */
    int follow;              /* redirects; 0: they are the reply */
    bool idempotent;         /* libcurl may send it again when a kept connection turns out to be dead */

    const char *unix_socket;
    const char *proxy;           /* URL; "": none, NULL: as the environment says */
    const char *ca, *cert, *key; /* paths or PEM texts; a ca takes the place of the system's */
    const char *server_name;     /* asked for and verified instead of the URL's host */
    bool insecure;               /* no verification */
} bosun_http_request;

#define BOSUN_HTTP_MEMORY_MAX (INT64_C(64) * 1024 * 1024)

/* What has come of a reply. Belongs to the transfer. */
typedef struct bosun_http_reply {
    int status;          /* 0: none yet */
    bosun_buf headers;   /* of the last reply: name, NUL, value, NUL, … */
    bosun_buf body;      /* unless it went elsewhere */
    int64_t received;    /* bytes of body, wherever they went */
    double seconds;      /* from the start to the end */
    int64_t retry_after; /* seconds that the server asks for; 0: it does not */
} bosun_http_reply;

/* NULL: libcurl cannot be loaded, or out of memory. */
bosun_http_client *bosun_http_client_new(bosun_err *err);
/* Closes its connections and ends its transfers, which still have to be freed. NULL is allowed. */
void bosun_http_client_free(bosun_http_client *client);

/* Starts a request; the work is done by bosun_http_step. NULL: the request cannot be made. */
bosun_http_transfer *bosun_http_start(bosun_http_client *client, const bosun_http_request *request,
                                      bosun_err *err);
/* Ends it if it has not ended; a file that is not complete is removed. NULL is allowed. */
void bosun_http_free(bosun_http_transfer *transfer);

/* Waits until some transfer of the client moves or `until` (monotonic) has passed, and does what can be done
 * then. -1: cancelled or past the deadline; the transfers are as they were. */
int bosun_http_step(bosun_http_client *client, const bosun_wait *wait, int64_t until, bosun_err *err);

bool bosun_http_done(const bosun_http_transfer *transfer);

/* After the end: puts the file in its place. 0, or -1 with why the transfer failed. Once. */
int bosun_http_finish(bosun_http_transfer *transfer, bosun_err *err);

const bosun_http_reply *bosun_http_reply_of(const bosun_http_transfer *transfer);

/* TO_CALLER: what has come and was not taken. The caller empties it and calls bosun_http_taken. */
bosun_buf *bosun_http_received(bosun_http_transfer *transfer);
void bosun_http_taken(bosun_http_transfer *transfer);

/* FROM_CALLER: is it time for more? Then some bytes, or none for the end. -1: out of memory. */
bool bosun_http_wants(const bosun_http_transfer *transfer);
int bosun_http_send(bosun_http_transfer *transfer, const char *bytes, size_t len, bosun_err *err);

/* A connection that HTTP only opens, as Docker and Kubernetes do it for attach and exec: after the server's
 * "101 Switching Protocols" it carries bytes of another protocol (a WebSocket's frames, a raw terminal). */
typedef struct bosun_http_connection bosun_http_connection;

/* Connects, over proxy, TLS and Unix socket as `request` says, sends the request with its headers ("Upgrade"
 * among them) and its body from memory, reads the reply's header. NULL: no connection, no reply, or another
 * status: BOSUN_HTTP_UPGRADE, with `refusal` filled with the reply (status, headers, as much of the body as
 * is there, up to 64 KiB). The caller frees its two buffers in any case. */
bosun_http_connection *bosun_http_connect(const bosun_http_request *request, const bosun_wait *wait,
                                          bosun_http_reply *refusal, bosun_err *err);
const bosun_http_reply *bosun_http_connection_reply(const bosun_http_connection *connection);

/* All of the bytes. */
int bosun_http_connection_send(bosun_http_connection *connection, const void *bytes, size_t len,
                               const bosun_wait *wait, bosun_err *err);
/* At least one byte and at most `size`: how many; 0: the other side has ended. `until`: BOSUN_ERR_TIMEOUT
 * when nothing came by then. */
ptrdiff_t bosun_http_connection_recv(bosun_http_connection *connection, void *bytes, size_t size,
                                     int64_t until, const bosun_wait *wait, bosun_err *err);
void bosun_http_connection_free(bosun_http_connection *connection); /* NULL is allowed */

#endif
