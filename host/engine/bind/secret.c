/* bosun.secret: a text that is hidden from print, log and status, which show "[secret]" for it. The host also
 * knows the text and redacts it wherever it would leave the process by another way. Bindings that deliver a
 * text (HTTP headers, the standard input of a program) accept a secret in its place.
 *
 * bosun.native.secrets: the host's list of secrets, for the library. */
#include "bind.h"
#include "core/base/buf.h"
#include "core/config_secrets.h"
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

static int check_added(lua_State *L, int rc)
{
    return rc < 0 ? luaL_error(L, "out of memory while storing a secret") : 0;
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
    check_added(L, host_add_secret(host_of(L), text, len));
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

/* native.add(text) */
static int secrets_add(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    return check_added(L, host_add_secret(host_of(L), text, len));
}

/* native.add_url(text): user and password of a URL, if the text is one that has them */
static int secrets_add_url(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    return check_added(L, host_add_url_secrets(host_of(L), text, len));
}

/* native.add_text(text, names): the values of secret keys in a text that is not valid YAML. names: a list of
 * keys that are secret although their names do not say so */
static int secrets_add_text(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        names[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1); /* the list keeps it */
    }
    return check_added(L, bosun_secrets_add_text(&host_of(L)->secrets, text, len, names, count));
}

/* native.is_named(name) -> boolean: the name of a key says that its value is secret */
static int secrets_is_named(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    lua_pushboolean(L, bosun_names_secret(name, len));
    return 1;
}

/* native.add_config(text): the values of secret keys in the text of a config */
static int secrets_add_config(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    return check_added(L, bosun_config_add_text_secrets(&host_of(L)->secrets, text, len, false));
}

/* native.add_any(text): the values of secret names in a text that may be YAML, or lines of names and values
 */
static int secrets_add_any(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    return check_added(L, bosun_config_add_any_secrets(&host_of(L)->secrets, text, len));
}

/* native.add_environment(): the values of variables whose names say that they are secret */
static int secrets_add_environment(lua_State *L)
{
    return check_added(L, bosun_secrets_add_environment(&host_of(L)->secrets));
}

/* native.redact(text) -> text without the secrets */
static int secrets_redact(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    bosun_buf *out = bind_push_buf(L);
    bosun_redact(out, &host_of(L)->secrets, text, len);
    return bind_push_text(L, out);
}

/* native.list() -> the secrets themselves */
static int secrets_list(lua_State *L)
{
    size_t len;
    const char *text;
    lua_newtable(L);
    for (size_t i = 0; (text = bosun_secrets_get(&host_of(L)->secrets, i, &len)); i++) {
        lua_pushlstring(L, text, len);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int bind_secrets_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"add", secrets_add},
                                         {"add_url", secrets_add_url},
                                         {"add_text", secrets_add_text},
                                         {"is_named", secrets_is_named},
                                         {"add_config", secrets_add_config},
                                         {"add_any", secrets_add_any},
                                         {"add_environment", secrets_add_environment},
                                         {"redact", secrets_redact},
                                         {"list", secrets_list},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
