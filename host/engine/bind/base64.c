/* bosun.base64, based on nettle. The format is that of RFC 4648, sections 4 and 5. */
#include "bind.h"
#include "core/base/buf.h"
#include <nettle/base64.h>
#include <string.h>

static const char *const option_names[] = {"url", NULL};

/* base64.encode(bytes, {url=}) -> text; the URL alphabet is written without padding */
static int base64_encode(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    bind_check_options(L, 2, option_names);
    bool url = bind_option_bool(L, 2, "url", false);
    luaL_argcheck(L, len <= SIZE_MAX / 2, 1, "the text is too long");
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, BASE64_ENCODE_RAW_LENGTH(len));
    if (!url) {
        base64_encode_raw(out, len, (const uint8_t *)bytes);
        luaL_pushresultsize(&buffer, BASE64_ENCODE_RAW_LENGTH(len));
        return 1;
    }
    struct base64_encode_ctx context;
    base64url_encode_init(&context);
    size_t done = base64_encode_update(&context, out, len, (const uint8_t *)bytes);
    done += base64_encode_final(&context, out + done);
    while (done > 0 && out[done - 1] == '=')
        done--;
    luaL_pushresultsize(&buffer, done);
    return 1;
}

/* Decodes into `out`. Padding is optional. Returns -1 if the text is not base64. */
static int decode(const char *text, size_t len, bool url, uint8_t *out, size_t *done)
{
    struct base64_decode_ctx context;
    if (url)
        base64url_decode_init(&context);
    else
        base64_decode_init(&context);
    while (len > 0 && text[len - 1] == '=')
        len--;
    size_t more = 0;
    if (!base64_decode_update(&context, done, out, len, text))
        return -1;
    if (len % 4 == 1)
        return -1;
    if (len % 4 != 0 && !base64_decode_update(&context, &more, out + *done, 4 - len % 4, "=="))
        return -1;
    *done += more;
    return base64_decode_final(&context) ? 0 : -1;
}

/* base64.decode(text, {url=}) -> bytes | nil, err */
static int base64_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    bind_check_options(L, 2, option_names);
    bool url = bind_option_bool(L, 2, "url", false);
    luaL_Buffer buffer;
    uint8_t *out = (uint8_t *)luaL_buffinitsize(L, &buffer, BASE64_DECODE_LENGTH(len) + 4);
    size_t done = 0;
    if (decode(text, len, url, out, &done) == 0) {
        luaL_pushresultsize(&buffer, done);
        return 1;
    }
    bosun_err err = {0};
    bosun_err_set(&err, BOSUN_ERR_SYNTAX, "base64.decode", "the text is not base64%s", url ? "url" : "");
    return bind_push_failure(L, &err);
}

int bind_base64_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"encode", base64_encode}, {"decode", base64_decode}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
