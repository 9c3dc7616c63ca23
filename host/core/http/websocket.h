/* WebSocket (RFC 6455), the client's side: frames as bytes, and messages over a connection whose server has
 * switched to the protocol. Nothing here opens a connection: bosun_http_connect does. */
#ifndef BOSUN_CORE_HTTP_WEBSOCKET_H
#define BOSUN_CORE_HTTP_WEBSOCKET_H

#include "http.h"

/* What a frame or message is; the values are the opcodes of the protocol. */
typedef enum bosun_websocket_kind {
    BOSUN_WEBSOCKET_TEXT = 1,
    BOSUN_WEBSOCKET_BINARY = 2,
    BOSUN_WEBSOCKET_CLOSE = 8,
    BOSUN_WEBSOCKET_PING = 9,
    BOSUN_WEBSOCKET_PONG = 10,
} bosun_websocket_kind;

#define BOSUN_WEBSOCKET_CONTROL_MAX ((size_t)125)              /* bytes in a close, ping or pong */
#define BOSUN_WEBSOCKET_MESSAGE_MAX ((size_t)16 * 1024 * 1024) /* what a client accepts by default */

typedef struct bosun_websocket_message {
    bosun_websocket_kind kind;
    const char *bytes; /* of a close: the reason */
    size_t len;
    int code; /* of a close; 1005: it gives none */
} bosun_websocket_message;

/* ---- frames ---- */

/* Appends one frame with a whole message, masked. */
void bosun_websocket_encode(bosun_buf *out, bosun_websocket_kind kind, const void *bytes, size_t len,
                            const unsigned char mask[4]);

/* Messages from bytes that arrive in pieces. Start with `decoder = {.max = N}`: bytes of the longest
 * message. */
typedef struct bosun_websocket_decoder {
    size_t max;
    bosun_buf in; /* received */
    size_t start; /* of what is not decoded yet */
    bosun_buf parts;
    int kind; /* of the message whose fragments are in `parts`; 0: none has begun */
} bosun_websocket_decoder;

/* Adds bytes. -1: out of memory. */
int bosun_websocket_feed(bosun_websocket_decoder *decoder, const void *bytes, size_t len, bosun_err *err);

/* The next whole message, its bytes borrowed until the next call with the decoder. 1: a message · 0: more
 * bytes are needed · -1: BOSUN_HTTP_PROTOCOL, BOSUN_ERR_TOO_LARGE or BOSUN_ERR_NOMEM; not to be called
 * again. */
int bosun_websocket_decode(bosun_websocket_decoder *decoder, bosun_websocket_message *message,
                           bosun_err *err);
void bosun_websocket_decoder_free(bosun_websocket_decoder *decoder);

/* What a server answers to the header Sec-WebSocket-Key. */
#define BOSUN_WEBSOCKET_ACCEPT_SIZE 29 /* 28 characters and a NUL */
void bosun_websocket_accept(char out[BOSUN_WEBSOCKET_ACCEPT_SIZE], const char *key);

/* ---- messages over a connection ---- */

typedef struct bosun_websocket bosun_websocket;

/* Takes the connection over, and frees it with itself. NULL: out of memory, and the connection is still the
 * caller's. */
bosun_websocket *bosun_websocket_new(bosun_http_connection *connection, size_t max, bosun_err *err);

/* Sends a message as far as that is possible without waiting; bosun_websocket_step sends the rest. -1: out of
 * memory, or the server takes nothing any more; what it has said before is still received. */
int bosun_websocket_send(bosun_websocket *ws, bosun_websocket_kind kind, const void *bytes, size_t len,
                         bosun_err *err);

typedef enum bosun_websocket_event {
    BOSUN_WEBSOCKET_FAILED = -1, /* BOSUN_HTTP_CLOSED: the connection ended without a close */
    BOSUN_WEBSOCKET_LATE,        /* `until` has passed */
    BOSUN_WEBSOCKET_SENT,        /* nothing is left to be sent; only when that was asked for */
    BOSUN_WEBSOCKET_RECEIVED,    /* *message: text or binary, or a close, after which nothing comes */
} bosun_websocket_event;

/* Sends and receives until one of the events. Pings are answered on the way. `sent`: return once everything
 * is sent. The message is borrowed until the next call. */
bosun_websocket_event bosun_websocket_step(bosun_websocket *ws, bool sent, int64_t until,
                                           const bosun_wait *wait, bosun_websocket_message *message,
                                           bosun_err *err);

/* Says goodbye if that takes no waiting, and closes the connection. NULL is allowed. */
void bosun_websocket_free(bosun_websocket *ws);

#endif
