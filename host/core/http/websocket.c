/* Messages of WebSocket over a raw connection. What cannot be sent at once waits in `out`, so that a caller
 * can go on receiving: a server that writes much while it is written to would otherwise wait for its client,
 * and the client for it. */
#include "websocket.h"
#include "core/base/crypto.h"
#include "internal.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE ((size_t)64 * 1024)
#define NORMAL  1000 /* code of a close */
#define WRONG   1002

struct bosun_websocket {
    bosun_http_connection *connection;
    bosun_websocket_decoder decoder;
    bosun_buf out;    /* frames */
    size_t out_start; /* of those that are not in `sending` */
    size_t sent;      /* of `sending` */
    size_t to_send;
    bool said_goodbye;
    bool deaf;             /* the server takes nothing any more: what it has said before is still received */
    bosun_err refusal;     /* why */
    char sending[AT_ONCE]; /* a TLS library wants what it could not send a second time, at the same address */
    char incoming[AT_ONCE];
};

bosun_websocket *bosun_websocket_new(bosun_http_connection *connection, size_t max, bosun_err *err)
{
    bosun_websocket *ws = calloc(1, sizeof *ws);
    if (!ws) {
        bosun_err_nomem(err, "websocket");
        return NULL;
    }
    ws->connection = connection;
    ws->decoder.max = max;
    return ws;
}

static bool has_unsent(const bosun_websocket *ws)
{
    return !ws->deaf && (ws->sent < ws->to_send || ws->out_start < ws->out.len);
}

/* Moves the next bytes to `sending`, which is empty. */
static void take_next(bosun_websocket *ws)
{
    size_t left = ws->out.len - ws->out_start;
    ws->to_send = left < AT_ONCE ? left : AT_ONCE;
    ws->sent = 0;
    memcpy(ws->sending, ws->out.data + ws->out_start, ws->to_send);
    ws->out_start += ws->to_send;
    if (ws->out_start < ws->out.len)
        return;
    ws->out_start = 0;
    bosun_buf_clear(&ws->out);
}

/* Sends what waits, as much as is possible now. */
static void flush(bosun_websocket *ws)
{
    while (has_unsent(ws)) {
        size_t sent = 0;
        if (ws->sent == ws->to_send)
            take_next(ws);
        if (bosun_http_connection_try_send(ws->connection, ws->sending + ws->sent, ws->to_send - ws->sent,
                                           &sent, &ws->refusal) < 0)
            ws->deaf = true;
        if (sent == 0)
            return;
        ws->sent += sent;
    }
}

static int refused(const bosun_websocket *ws, bosun_err *err)
{
    if (err)
        *err = ws->refusal;
    return -1;
}

int bosun_websocket_send(bosun_websocket *ws, bosun_websocket_kind kind, const void *bytes, size_t len,
                         bosun_err *err)
{
    unsigned char mask[4];
    if (ws->deaf)
        return refused(ws, err);
    if (bosun_random_bytes(mask, sizeof mask, err) < 0)
        return -1;
    bosun_websocket_encode(&ws->out, kind, bytes, len, mask);
    if (ws->out.failed)
        return bosun_err_nomem(err, "websocket");
    flush(ws);
    return ws->deaf ? refused(ws, err) : 0;
}

/* Closes this side, once. */
static void say_goodbye(bosun_websocket *ws, int code)
{
    unsigned char payload[2] = {(unsigned char)(code >> 8), (unsigned char)code};
    if (!ws->said_goodbye)
        (void)bosun_websocket_send(ws, BOSUN_WEBSOCKET_CLOSE, payload, sizeof payload, NULL);
    ws->said_goodbye = true;
}

/* The next message for the caller among those received. 1, 0 (none) or -1. */
static int next_message(bosun_websocket *ws, bosun_websocket_message *message, bosun_err *err)
{
    for (;;) {
        int rc = bosun_websocket_decode(&ws->decoder, message, err);
        if (rc < 0)
            say_goodbye(ws, WRONG);
        if (rc <= 0)
            return rc;
        if (message->kind == BOSUN_WEBSOCKET_CLOSE)
            say_goodbye(ws, NORMAL);
        bool answers = message->kind == BOSUN_WEBSOCKET_PING && !ws->deaf &&
                       ws->out.len - ws->out_start < AT_ONCE; /* a server that does not read gets no more */
        if (answers &&
            bosun_websocket_send(ws, BOSUN_WEBSOCKET_PONG, message->bytes, message->len, err) < 0 &&
            !ws->deaf)
            return -1;
        if (message->kind != BOSUN_WEBSOCKET_PING && message->kind != BOSUN_WEBSOCKET_PONG)
            return 1;
    }
}

/* Receives what is there. 1: something was; 0: nothing; -1. */
static int receive(bosun_websocket *ws, bosun_err *err)
{
    size_t n = 0;
    int rc = bosun_http_connection_try_recv(ws->connection, ws->incoming, sizeof ws->incoming, &n, err);
    if (rc <= 0)
        return rc;
    if (n == 0)
        return bosun_err_set(err, BOSUN_HTTP_CLOSED, "websocket",
                             "the connection was closed without the close of a WebSocket");
    return bosun_websocket_feed(&ws->decoder, ws->incoming, n, err) < 0 ? -1 : 1;
}

bosun_websocket_event bosun_websocket_step(bosun_websocket *ws, bool sent, int64_t until,
                                           const bosun_wait *wait, bosun_websocket_message *message,
                                           bosun_err *err)
{
    for (;;) {
        int rc = bosun_wait_check(wait, "websocket", err) < 0 ? -1 : next_message(ws, message, err);
        if (rc != 0)
            return rc < 0 ? BOSUN_WEBSOCKET_FAILED : BOSUN_WEBSOCKET_RECEIVED;
        flush(ws);
        if (sent && !ws->deaf && !has_unsent(ws))
            return BOSUN_WEBSOCKET_SENT;
        rc = receive(ws, err);
        if (rc < 0 && ws->deaf)
            refused(ws, err);
        if (rc < 0)
            return BOSUN_WEBSOCKET_FAILED;
        if (rc > 0)
            continue;
        short events = (short)(POLLIN | (has_unsent(ws) ? POLLOUT : 0));
        rc = bosun_http_connection_wait(ws->connection, events, until, wait, err);
        if (rc <= 0)
            return rc < 0 ? BOSUN_WEBSOCKET_FAILED : BOSUN_WEBSOCKET_LATE;
    }
}

void bosun_websocket_free(bosun_websocket *ws)
{
    if (!ws)
        return;
    say_goodbye(ws, NORMAL);
    bosun_http_connection_free(ws->connection);
    bosun_websocket_decoder_free(&ws->decoder);
    bosun_buf_free(&ws->out);
    free(ws);
}
