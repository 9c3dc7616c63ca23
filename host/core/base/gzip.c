/* Compressing with zlib. */
#include "gzip.h"
#include <dlfcn.h>
#include <string.h>
#include <zlib.h>

#define PIECE     16384
#define GZIP_ONLY (16 + MAX_WBITS) /* as zlib wants it: a header of gzip, without name and time */
#define MEMORY    8                /* zlib's default */

typedef struct deflate_api {
    __typeof__(deflateInit2_) *init;
    __typeof__(deflate) *deflate;
    __typeof__(deflateEnd) *end;
} deflate_api;

bool bosun_zlib_find(const char *name, void *field)
{
    void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    void *address = library ? dlsym(library, name) : NULL;
    memcpy(field, &address, sizeof address);
    return address != NULL;
}

static int pack(bosun_buf *out, const deflate_api *api, z_stream *stream, const char *text, size_t len)
{
    unsigned char packed[PIECE];
    int rc = Z_OK;
    while (rc == Z_OK) {
        if (stream->avail_in == 0 && len > 0) {
            size_t piece = len < PIECE ? len : PIECE;
            stream->next_in = (z_const Bytef *)text;
            stream->avail_in = (uInt)piece;
            text += piece;
            len -= piece;
        }
        stream->next_out = packed;
        stream->avail_out = sizeof packed;
        rc = api->deflate(stream, len > 0 ? Z_NO_FLUSH : Z_FINISH);
        bosun_buf_append(out, (const char *)packed, sizeof packed - stream->avail_out);
    }
    return rc == Z_STREAM_END && !out->failed ? 0 : -1;
}

int bosun_gzip(bosun_buf *out, const char *text, size_t len, bosun_err *err)
{
    deflate_api api;
    z_stream stream = {0};
    if (!bosun_zlib_find("deflateInit2_", &api.init) || !bosun_zlib_find("deflate", &api.deflate) ||
        !bosun_zlib_find("deflateEnd", &api.end))
        return bosun_err_set(err, BOSUN_ERR_INVALID, "gzip", "zlib cannot be loaded: install zlib1g");
    int rc = api.init(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_ONLY, MEMORY, Z_DEFAULT_STRATEGY,
                      ZLIB_VERSION, (int)sizeof stream);
    if (rc != Z_OK)
        return bosun_err_nomem(err, "compress");
    rc = pack(out, &api, &stream, text, len);
    api.end(&stream);
    return rc < 0 ? bosun_err_nomem(err, "compress") : 0;
}
