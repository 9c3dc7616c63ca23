/* Unpacks compressed bodies, with zlib. libcurl could, but takes one that is cut short for complete, and
 * accepts encodings that nobody asked for. zlib is loaded with the first compressed body. */
#include "core/base/gzip.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define UNPACKED_AT_ONCE ((size_t)64 * 1024)
#define GZIP_ONLY        (16 + MAX_WBITS) /* as zlib wants it: a header of gzip, and none of zlib */

typedef struct zlib_api {
    __typeof__(inflateInit2_) *init;
    __typeof__(inflate) *inflate;
    __typeof__(inflateReset) *reset;
    __typeof__(inflateEnd) *end;
} zlib_api;

struct bosun_gunzip {
    zlib_api zlib;
    z_stream stream;
    bool complete; /* at the end of a member: the body may end here */
    unsigned char unpacked[UNPACKED_AT_ONCE];
};

static bool load_zlib(zlib_api *zlib)
{
    return bosun_zlib_find("inflateInit2_", &zlib->init) && bosun_zlib_find("inflate", &zlib->inflate) &&
           bosun_zlib_find("inflateReset", &zlib->reset) && bosun_zlib_find("inflateEnd", &zlib->end);
}

static int begin_gzip(bosun_http_transfer *t)
{
    struct bosun_gunzip *g = calloc(1, sizeof *g);
    if (!g)
        return bosun_http_nomem(&t->err);
    bool loaded = load_zlib(&g->zlib);
    if (loaded && g->zlib.init(&g->stream, GZIP_ONLY, ZLIB_VERSION, (int)sizeof g->stream) == Z_OK) {
        t->gunzip = g;
        t->coding = BOSUN_HTTP_GZIP;
        return 0;
    }
    free(g);
    if (loaded)
        return bosun_http_nomem(&t->err);
    return bosun_err_set(&t->err, BOSUN_HTTP_FAILED, "http.request",
                         "%s failed: the reply is compressed, and zlib cannot be loaded: install zlib1g",
                         t->label);
}

/* Streams are not unpacked: a few bytes could expand to gigabytes before the caller can stop them. */
static int decide(bosun_http_transfer *t, bool streamed)
{
    const char *encoding = bosun_http_find_header(&t->reply, "content-encoding");
    bool plain = !encoding || !*encoding || strcasecmp(encoding, "identity") == 0;
    bool gzip = encoding && (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0);
    t->coding = BOSUN_HTTP_PLAIN;
    if (plain)
        return 0;
    if (gzip && !streamed)
        return begin_gzip(t);
    return bosun_err_set(
        &t->err, BOSUN_HTTP_PROTOCOL, "http.request",
        "%s failed: the server compressed the reply (status %d) as \"%s\" without being asked to", t->label,
        t->reply.status, encoding);
}

static int corrupt(bosun_http_transfer *t, int rc)
{
    if (rc == Z_MEM_ERROR)
        return bosun_http_nomem(&t->err);
    return bosun_err_set(
        &t->err, BOSUN_HTTP_PROTOCOL, "http.request", "%s failed: the compressed body is corrupt%s%s",
        t->label, t->gunzip->stream.msg ? ": " : "", t->gunzip->stream.msg ? t->gunzip->stream.msg : "");
}

/* Unpacks what fits into the buffer. 0, or -1 with t->err. A body can consist of several members. */
static int unpack_some(bosun_http_transfer *t, bosun_http_take *take)
{
    struct bosun_gunzip *g = t->gunzip;
    if (g->complete && g->zlib.reset(&g->stream) != Z_OK)
        return corrupt(t, Z_STREAM_ERROR);
    g->complete = false;
    g->stream.next_out = g->unpacked;
    g->stream.avail_out = sizeof g->unpacked;
    int rc = g->zlib.inflate(&g->stream, Z_SYNC_FLUSH);
    g->complete = rc == Z_STREAM_END;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return corrupt(t, rc);
    size_t len = sizeof g->unpacked - g->stream.avail_out;
    return len == 0 || take(t, (const char *)g->unpacked, len) == len ? 0 : -1;
}

static size_t unpack(bosun_http_transfer *t, const char *bytes, size_t len, bosun_http_take *take)
{
    struct bosun_gunzip *g = t->gunzip;
    g->stream.next_in = (Bytef *)(uintptr_t)bytes; /* zlib does not change it */
    g->stream.avail_in = (uInt)len;                /* libcurl gives at most half a megabyte */
    do {
        if (unpack_some(t, take) < 0)
            return 0;
    } while (g->stream.avail_in > 0 || (g->stream.avail_out == 0 && !g->complete));
    return len;
}

size_t bosun_http_decode(bosun_http_transfer *t, const char *bytes, size_t len, bosun_http_take *take)
{
    bool streamed = t->sink == BOSUN_HTTP_TO_CALLER && t->reply.status / 100 == 2;
    if (t->coding == BOSUN_HTTP_UNDECIDED && decide(t, streamed) < 0)
        return 0;
    return t->coding == BOSUN_HTTP_GZIP ? unpack(t, bytes, len, take) : take(t, bytes, len);
}

void bosun_http_decode_reset(bosun_http_transfer *t)
{
    if (t->gunzip) {
        (void)t->gunzip->zlib.end(&t->gunzip->stream);
        free(t->gunzip);
    }
    t->gunzip = NULL;
    t->coding = BOSUN_HTTP_UNDECIDED;
}

int bosun_http_decode_end(const bosun_http_transfer *t, bosun_err *err)
{
    if (!t->gunzip || t->gunzip->complete)
        return 0;
    return bosun_err_set(err, BOSUN_HTTP_CLOSED, "http.request",
                         "%s failed: the compressed body ends before it is complete", t->label);
}

const char *bosun_http_encodings(bosun_http_sink sink)
{
    return sink == BOSUN_HTTP_TO_MEMORY ? "gzip" : "identity";
}
