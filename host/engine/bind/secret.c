/* bosun.secret: a text that shows itself nowhere. A secret is a userdata: printing it, putting it in a log or
 * a status shows "[secret]"; its text is known to the host, which replaces it wherever it would leave the
 * process anyway. Bindings that send a text to where it belongs (headers, a child's standard input) take a
 * secret in its place. */
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

static void push_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {{"reveal", secret_reveal}, {NULL, NULL}};
    if (luaL_newmetatable(L, SECRET_METATABLE)) {
        lua_pushcfunction(L, secret_tostring);
        lua_setfield(L, -2, "__tostring");
        lua_pushcfunction(L, secret_wipe);
        lua_setfield(L, -2, "__gc");
        luaL_newlib(L, methods);
        lua_setfield(L, -2, "__index");
    }
}

/* secret.new(text) -> secret */
static int secret_new(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    secret *s = lua_newuserdatauv(L, sizeof *s + len + 1, 0);
    s->len = len;
    memcpy(s->text, text, len + 1);
    push_metatable(L);
    lua_setmetatable(L, -2);
    if (host_add_secret(host_of(L), text, len) < 0)
        return luaL_error(L, "out of memory while keeping a secret");
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
    luaL_newlib(L, functions);
    return 1;
}
