/* bosun.url: URLs split into their parts, and shown without credentials. */
#include "core/base/url.h"
#include "bind.h"

/* Sets a field of the table at the top of the stack, unless the part is absent. [-0, +0, m] */
static void set_part(lua_State *L, const char *name, bosun_span part)
{
    if (part.at)
        bind_set_text(L, name, part.at, part.len);
}

/* url.parse(text) -> parts | nil, err */
static int url_parse(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    bosun_url url;
    bosun_err err = {0};
    if (bosun_url_parse(text, len, &url, &err) < 0)
        return bind_push_failure(L, &err);
    lua_createtable(L, 0, 8);
    set_part(L, "scheme", url.scheme);
    set_part(L, "user", url.user);
    set_part(L, "password", url.password);
    set_part(L, "host", url.host);
    set_part(L, "path", url.path);
    set_part(L, "query", url.query);
    set_part(L, "fragment", url.fragment);
    if (url.port != 0)
        bind_set_integer(L, "port", url.port);
    return 1;
}

/* url.show(text) -> text without credentials */
static int url_show(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    bosun_buf *shown = bind_push_buf(L);
    bosun_url_show(shown, text);
    return bind_push_text(L, shown);
}

int bind_url_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"parse", url_parse}, {"show", url_show}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
