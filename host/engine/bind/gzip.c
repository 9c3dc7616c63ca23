/* bosun.native.gzip: compression for the commands of bosun. */
#include "core/base/gzip.h"
#include "bind.h"
#include "core/base/buf.h"

/* native.pack(text) -> compressed text | nil, err */
static int gzip_pack(lua_State *L)
{
    size_t len;
    bosun_err err = {0};
    const char *text = luaL_checklstring(L, 1, &len);
    bosun_buf *out = bind_push_buf(L);
    if (bosun_gzip(out, text, len, &err) < 0)
        return bind_push_failure(L, &err);
    return bind_push_text(L, out);
}

int bind_gzip_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"pack", gzip_pack}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
