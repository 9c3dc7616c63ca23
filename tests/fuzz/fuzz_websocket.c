/* libFuzzer: the frames of a WebSocket. The first byte is the longest message (times 16), the second the size
 * of the pieces (0: sizes taken from the bytes themselves), the rest is what the server sends. However it is
 * split, the messages, or the failure, are those of a plain decoder; and what is encoded comes back from it.
 */
#include "core/http/websocket.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Messages: kind, code, length, bytes. `end` is what ended them: 0 (no more bytes), or the first letter of a
 * code. */
typedef struct result {
    bosun_buf text;
    char end;
} result;

static void add(result *r, int kind, int code, const void *bytes, size_t len)
{
    bosun_buf_printf(&r->text, "%d %d %zu:", kind, code, len);
    bosun_buf_append(&r->text, bytes, len);
}

static bool is_utf8(const uint8_t *text, size_t len)
{
    size_t n = 1;
    for (size_t at = 0; at < len && n; at += n)
        n = bosun_utf8_sequence((const char *)text + at, len - at);
    return n != 0;
}

static bool close_is_valid(const uint8_t *payload, size_t len)
{
    if (len == 0)
        return true;
    int code = len > 1 ? payload[0] << 8 | payload[1] : 0;
    bool known = (code > 999 && code < 1004) || (code > 1006 && code < 1015) || (code > 2999 && code < 5000);
    return known && is_utf8(payload + 2, len - 2);
}

/* The length of a frame's header and its payload; 0: incomplete; SIZE_MAX: wrong. */
static size_t measure(const uint8_t *at, size_t left, uint64_t *len)
{
    if (left < 2)
        return 0;
    unsigned opcode = at[0] & 15;
    if (at[0] & 0x70 || at[1] & 0x80 || (opcode > 2 && opcode < 8) || opcode > 10)
        return SIZE_MAX;
    size_t more = at[1] == 126 ? 2 : at[1] == 127 ? 8 : 0;
    if (left < 2 + more)
        return 0;
    *len = more ? 0 : at[1];
    for (size_t i = 0; i < more; i++)
        *len = *len << 8 | at[2 + i];
    if ((more == 2 && *len < 126) || (more == 8 && (*len < 65536 || *len >> 63)))
        return SIZE_MAX;
    return 2 + more;
}

static result expect(const uint8_t *data, size_t size, size_t max)
{
    result r = {0};
    bosun_buf parts = {0};
    unsigned open = 0;
    for (size_t at = 0; !r.end;) {
        uint64_t len = 0;
        size_t header = measure(data + at, size - at, &len);
        if (header == 0)
            break;
        unsigned opcode = data[at] & 15;
        bool final = data[at] & 0x80;
        if (header == SIZE_MAX || (opcode > 7 ? len > 125 || !final : (opcode == 0) != (open != 0))) {
            r.end = 'p';
            break;
        }
        if (opcode < 8 && (len > max || parts.len > max - len)) {
            r.end = 't';
            break;
        }
        const uint8_t *payload = data + at + header;
        if (size - at - header < len)
            break;
        at += header + len;
        if (opcode == 8) {
            if (!close_is_valid(payload, len))
                r.end = 'p';
            else if (len)
                add(&r, 8, payload[0] << 8 | payload[1], payload + 2, len - 2);
            else
                add(&r, 8, 1005, "", 0);
        } else if (opcode > 8) {
            add(&r, (int)opcode, 0, payload, len);
        } else {
            open = opcode ? opcode : open;
            bosun_buf_append(&parts, payload, len);
            if (final && open == 1 && !is_utf8((const uint8_t *)bosun_buf_text(&parts), parts.len))
                r.end = 'p';
            else if (final)
                add(&r, (int)open, 0, bosun_buf_text(&parts), parts.len);
            if (final) {
                open = 0;
                bosun_buf_clear(&parts);
            }
        }
    }
    bosun_buf_free(&parts);
    return r;
}

static bool same(const result *a, const result *b)
{
    return a->end == b->end && a->text.len == b->text.len &&
           memcmp(bosun_buf_text(&a->text), bosun_buf_text(&b->text), a->text.len) == 0;
}

static bool drain(bosun_websocket_decoder *d, result *r)
{
    bosun_websocket_message m;
    bosun_err err = {0};
    int rc;
    while ((rc = bosun_websocket_decode(d, &m, &err)) > 0)
        add(r, (int)m.kind, m.code, m.bytes, m.len);
    if (rc < 0)
        r->end = err.code[0];
    return rc == 0;
}

static result decode(const uint8_t *data, size_t size, size_t max, size_t piece)
{
    result r = {0};
    bosun_websocket_decoder d = {.max = max};
    bosun_err err = {0};
    bool good = true;
    for (size_t at = 0; at < size && good;) {
        size_t n = piece ? piece : data[at] % 7U + 1;
        n = n < size - at ? n : size - at;
        char *copy = malloc(n); /* a copy of exactly this size, to catch reads past its end */
        if (!copy || bosun_websocket_feed(&d, memcpy(copy, data + at, n), n, &err) < 0)
            abort();
        free(copy);
        at += n;
        good = drain(&d, &r);
    }
    bosun_websocket_decoder_free(&d);
    return r;
}

/* Encodes the bytes as a message, takes the mask away, and decodes that. */
static void check_encoder(const uint8_t *data, size_t size)
{
    static const unsigned char mask[4] = {0xA5, 0x01, 0xFF, 0x7E};
    bosun_buf out = {0};
    bosun_websocket_encode(&out, BOSUN_WEBSOCKET_BINARY, data, size, mask);
    size_t header = out.len - size;
    if (out.failed || !(out.data[1] & 0x80) || memcmp(out.data + header - 4, mask, 4) != 0)
        abort();
    for (size_t i = 0; i < size; i++)
        out.data[header + i] = (char)(out.data[header + i] ^ mask[i & 3]);
    memmove(out.data + header - 4, out.data + header, size);
    out.data[1] &= 0x7F;
    result got = decode((const uint8_t *)out.data, out.len - 4, size + 1, 0), wanted = {0};
    add(&wanted, BOSUN_WEBSOCKET_BINARY, 0, data, size);
    if (!same(&got, &wanted))
        abort();
    bosun_buf_free(&got.text);
    bosun_buf_free(&wanted.text);
    bosun_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t max = (size_t)data[0] * 16;
    result wanted = expect(data + 2, size - 2, max);
    result got = decode(data + 2, size - 2, max, data[1]);
    if (!same(&got, &wanted))
        abort();
    bosun_buf_free(&wanted.text);
    bosun_buf_free(&got.text);
    check_encoder(data + 2, size - 2);
    return 0;
}
