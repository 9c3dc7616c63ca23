/* bosun.secret: a text that is hidden from print, log and status, which show "[secret]" for it. The host also
 * knows the text and redacts it wherever it would leave the process by another way. Bindings that deliver a
 * text (HTTP headers, the standard input of a program) accept a secret in its place. */
#include "bind.h"
#include <string.h>

#define SECRET_METATABLE "bosun.secret"

typedef struct secret {
    size_t len;
    char text[];
} secret;

const char *bind_text_or_secret(lua_State *L, int index, size_t *len)
{
    const secret *s = luaL_testudata(L, index, SECRET_METATABLE);
    if (!s)
        return lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, len) : NULL;
    if (len)
        *len = s->len;
    return s->text;
}

/* secret:reveal() -> string */
static int secret_reveal(lua_State *L)
{
    const secret *s = luaL_checkudata(L, 1, SECRET_METATABLE);
    lua_pushlstring(L, s->text, s->len);
    return 1;
}

static int secret_tostring(lua_State *L)
{
    luaL_checkudata(L, 1, SECRET_METATABLE);
    lua_pushliteral(L, "[secret]");
    return 1;
}

static int secret_wipe(lua_State *L)
{
    secret *s = luaL_checkudata(L, 1, SECRET_METATABLE);
    explicit_bzero(s->text, s->len);
    s->len = 0;
    return 0;
}

/* secret.new(text) -> secret */
static int secret_new(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    secret *s = lua_newuserdatauv(L, sizeof *s + len + 1, 0);
    s->len = len;
    memcpy(s->text, text, len + 1);
    luaL_setmetatable(L, SECRET_METATABLE);
    if (host_add_secret(host_of(L), text, len) < 0)
        return luaL_error(L, "out of memory while storing a secret");
    return 1;
}

/* secret.is(value) -> boolean */
static int secret_is(lua_State *L)
{
    lua_pushboolean(L, luaL_testudata(L, 1, SECRET_METATABLE) != NULL);
    return 1;
}

int bind_secret_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"new", secret_new}, {"is", secret_is}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"reveal", secret_reveal}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__tostring", secret_tostring}, {"__gc", secret_wipe}, {NULL, NULL}};
    bind_push_class(L, SECRET_METATABLE, methods, metamethods);
    luaL_newlib(L, functions);
    return 1;
}
