/* The frames of WebSocket (RFC 6455, section 5). */
#include "core/base/crypto.h"
#include "websocket.h"
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

#define FINAL      0x80U /* in the first byte */
#define RESERVED   0x70U
#define MASKED     0x80U /* in the second */
#define CONTINUED  0     /* opcode */
#define NO_CODE    1005
#define SMALL_MAX  125 /* longer lengths take more bytes */
#define LENGTH_16  126
#define LENGTH_64  127
#define HEADER_MAX 14

typedef struct frame {
    bool final;
    unsigned opcode;
    size_t header; /* bytes before the payload */
    uint64_t len;
} frame;

static void put_big_endian(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get_big_endian(const unsigned char *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

void bosun_websocket_encode(bosun_buf *out, bosun_websocket_kind kind, const void *bytes, size_t len,
                            const unsigned char mask[4])
{
    unsigned char header[HEADER_MAX] = {(unsigned char)(FINAL | (unsigned)kind)};
    size_t size = 2;
    if (len <= SMALL_MAX) {
        header[1] = (unsigned char)(MASKED | len);
    } else {
        size_t more = len <= UINT16_MAX ? 2 : 8;
        header[1] = (unsigned char)(MASKED | (more == 2 ? LENGTH_16 : LENGTH_64));
        put_big_endian(header + size, len, more);
        size += more;
    }
    memcpy(header + size, mask, 4);
    bosun_buf_append(out, header, size + 4);
    unsigned char *to = (unsigned char *)bosun_buf_reserve(out, len);
    if (!to || len == 0)
        return;
    const unsigned char *from = bytes;
    for (size_t i = 0; i < len; i++)
        to[i] = from[i] ^ mask[i & 3];
    out->len += len;
    out->data[out->len] = 0;
}

static int broken(bosun_err *err, const char *why)
{
    return bosun_err_set(err, BOSUN_HTTP_PROTOCOL, "websocket",
                         "the server breaks the WebSocket protocol: %s", why);
}

static bool is_control(unsigned opcode)
{
    return opcode >= BOSUN_WEBSOCKET_CLOSE;
}

/* The length behind the second byte's 7 bits, which has to be in its shortest form. */
static int read_length(frame *f, const unsigned char *at, bosun_err *err)
{
    size_t more = f->header - 2;
    f->len = more ? get_big_endian(at + 2, more) : at[1] & 0x7FU;
    if (more == 2 && f->len <= SMALL_MAX)
        return broken(err, "a length is not in its shortest form");
    if (more == 8 && (f->len <= UINT16_MAX || f->len > INT64_MAX))
        return broken(err, "a length is out of range");
    return 0;
}

static int check_frame(const bosun_websocket_decoder *d, const frame *f, bosun_err *err)
{
    if (is_control(f->opcode))
        return f->len > BOSUN_WEBSOCKET_CONTROL_MAX || !f->final ? broken(err, "a control frame is too long")
                                                                 : 0;
    if ((f->opcode == CONTINUED) != (d->kind != 0))
        return broken(err, d->kind ? "a message begins inside another"
                                   : "a message is continued that never began");
    if (f->len > d->max || d->parts.len > d->max - (size_t)f->len)
        return bosun_err_set(err, BOSUN_ERR_TOO_LARGE, "websocket", "a message is longer than %zu bytes",
                             d->max);
    return 0;
}

/* Reads the header of the next frame. 1, 0 (incomplete) or -1. */
static int read_header(const bosun_websocket_decoder *d, frame *f, bosun_err *err)
{
    size_t there = d->in.len - d->start;
    if (there < 2)
        return 0;
    const unsigned char *at = (const unsigned char *)d->in.data + d->start;
    if (at[0] & RESERVED)
        return broken(err, "a frame uses an extension that was not agreed on");
    if (at[1] & MASKED)
        return broken(err, "a frame is masked");
    f->final = at[0] & FINAL;
    f->opcode = at[0] & 0x0FU;
    if ((f->opcode > BOSUN_WEBSOCKET_BINARY && f->opcode < BOSUN_WEBSOCKET_CLOSE) ||
        f->opcode > BOSUN_WEBSOCKET_PONG)
        return broken(err, "a frame is of an unknown kind");
    unsigned length = at[1] & 0x7FU;
    f->header = length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
    if (there < f->header)
        return 0;
    return read_length(f, at, err) < 0 || check_frame(d, f, err) < 0 ? -1 : 1;
}

static bool is_utf8(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = bosun_utf8_sequence(text + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

/* Codes that may be sent: the standard's own, and those of libraries and applications. */
static bool is_close_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static int read_close(bosun_websocket_message *m, bosun_err *err)
{
    m->code = NO_CODE;
    if (m->len == 0)
        return 1;
    if (m->len == 1)
        return broken(err, "the code of a close is incomplete");
    m->code = (int)get_big_endian((const unsigned char *)m->bytes, 2);
    m->bytes += 2;
    m->len -= 2;
    if (!is_close_code(m->code))
        return broken(err, "the code of a close is not valid");
    return is_utf8(m->bytes, m->len) ? 1 : broken(err, "the reason of a close is not UTF-8");
}

/* Adds a fragment; 1: it was the last, and the message is in *m. */
static int add_fragment(bosun_websocket_decoder *d, const frame *f, bosun_websocket_message *m,
                        bosun_err *err)
{
    if (f->opcode != CONTINUED)
        d->kind = (int)f->opcode;
    bosun_buf_append(&d->parts, m->bytes, m->len);
    if (d->parts.failed)
        return bosun_err_nomem(err, "websocket");
    if (!f->final)
        return 0;
    m->kind = (bosun_websocket_kind)d->kind;
    m->bytes = bosun_buf_text(&d->parts);
    m->len = d->parts.len;
    d->kind = 0;
    return 1;
}

/* Takes a frame that is there as a whole. 1: it completes the message *m; 0: the next one is needed. */
static int take_frame(bosun_websocket_decoder *d, const frame *f, bosun_websocket_message *m, bosun_err *err)
{
    *m = (bosun_websocket_message){.kind = (bosun_websocket_kind)f->opcode,
                                   .bytes = d->in.data + d->start + f->header,
                                   .len = (size_t)f->len};
    d->start += f->header + (size_t)f->len;
    if (f->opcode == BOSUN_WEBSOCKET_CLOSE)
        return read_close(m, err);
    if (is_control(f->opcode))
        return 1;
    if ((f->opcode == CONTINUED || !f->final) && add_fragment(d, f, m, err) <= 0)
        return d->parts.failed ? -1 : 0;
    if (m->kind == BOSUN_WEBSOCKET_TEXT && !is_utf8(m->bytes, m->len))
        return broken(err, "a text is not UTF-8");
    return 1;
}

int bosun_websocket_decode(bosun_websocket_decoder *d, bosun_websocket_message *message, bosun_err *err)
{
    if (d->kind == 0)
        bosun_buf_clear(&d->parts);
    for (;;) {
        frame f = {0};
        int rc = read_header(d, &f, err);
        if (rc <= 0)
            return rc;
        if (d->in.len - d->start - f.header < f.len)
            return 0;
        rc = take_frame(d, &f, message, err);
        if (rc != 0)
            return rc;
    }
}

int bosun_websocket_feed(bosun_websocket_decoder *d, const void *bytes, size_t len, bosun_err *err)
{
    if (d->start > 0) {
        memmove(d->in.data, d->in.data + d->start, d->in.len - d->start);
        d->in.len -= d->start;
        d->start = 0;
    }
    bosun_buf_append(&d->in, bytes, len);
    return d->in.failed ? bosun_err_nomem(err, "websocket") : 0;
}

void bosun_websocket_decoder_free(bosun_websocket_decoder *d)
{
    bosun_buf_free(&d->in);
    bosun_buf_free(&d->parts);
}

void bosun_websocket_accept(char out[BOSUN_WEBSOCKET_ACCEPT_SIZE], const char *key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    struct sha1_ctx sha;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&sha);
    sha1_update(&sha, strlen(key), (const uint8_t *)key);
    sha1_update(&sha, sizeof guid - 1, (const uint8_t *)guid);
    sha1_digest(&sha, sizeof digest, digest);
    base64_encode_raw(out, sizeof digest, digest);
    out[BOSUN_WEBSOCKET_ACCEPT_SIZE - 1] = 0;
}
