/* What bindings share: arguments, option tables, buffers in a userdata. */
#include "bind.h"
#include "core/base/buf.h"
#include "core/base/suggest.h"
#include <string.h>

#define BUF_METATABLE "bosun.buf"

const char *bind_check_path(lua_State *L, int arg)
{
    size_t len;
    const char *path = luaL_checklstring(L, arg, &len);
    luaL_argcheck(L, len > 0, arg, "expected a path, got an empty string");
    luaL_argcheck(L, strlen(path) == len, arg, "a path cannot hold a NUL byte");
    return path;
}

/* Pushes the option's value; false, and nothing pushed, when it is absent. Raw: a metamethod could give a
 * string that nothing but the stack holds. */
static bool push_option(lua_State *L, int arg, const char *name)
{
    if (lua_isnoneornil(L, arg))
        return false;
    lua_pushstring(L, name);
    if (lua_rawget(L, arg) != LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

static void wrong_type(lua_State *L, int arg, const char *name, const char *expected)
{
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "option %s: expected %s, got %s", name, expected, luaL_typename(L, -1)));
}

bool bind_option_bool(lua_State *L, int arg, const char *name, bool otherwise)
{
    if (!push_option(L, arg, name))
        return otherwise;
    if (!lua_isboolean(L, -1))
        wrong_type(L, arg, name, "a boolean");
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Number bind_option_number(lua_State *L, int arg, const char *name, lua_Number otherwise)
{
    if (!push_option(L, arg, name))
        return otherwise;
    if (lua_type(L, -1) != LUA_TNUMBER)
        wrong_type(L, arg, name, "a number");
    lua_Number value = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Integer bind_option_integer(lua_State *L, int arg, const char *name, lua_Integer otherwise)
{
    if (!push_option(L, arg, name))
        return otherwise;
    int is_integer = 0;
    lua_Integer value = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_integer) : 0;
    if (!is_integer)
        wrong_type(L, arg, name, "an integer");
    lua_pop(L, 1);
    return value;
}

const char *bind_option_string(lua_State *L, int arg, const char *name, size_t *len)
{
    if (!push_option(L, arg, name))
        return NULL;
    if (lua_type(L, -1) != LUA_TSTRING)
        wrong_type(L, arg, name, "a string");
    const char *value = lua_tolstring(L, -1, len);
    lua_pop(L, 1);
    return value;
}

void bind_check_options(lua_State *L, int arg, const char *const *known)
{
    if (lua_isnoneornil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    size_t count = 0;
    while (known[count])
        count++;
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        lua_pop(L, 1);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1);
        size_t i = 0;
        while (i < count && strcmp(known[i], name) != 0)
            i++;
        if (i < count)
            continue;
        const char *near = bosun_suggest(name, known, count);
        luaL_argerror(L, arg,
                      near ? lua_pushfstring(L, "unknown option \"%s\": did you mean \"%s\"?", name, near)
                           : lua_pushfstring(L, "unknown option \"%s\"", name));
    }
}

mode_t bind_check_mode(lua_State *L, int arg, lua_Integer mode)
{
    luaL_argcheck(L, mode >= 0 && mode <= 07777, arg, "expected a mode from 0 to 4095 (octal 7777)");
    return (mode_t)mode;
}

mode_t bind_option_mode(lua_State *L, int arg)
{
    return bind_check_mode(L, arg, bind_option_integer(L, arg, "mode", 0));
}

const bosun_wait *bind_wait(lua_State *L)
{
    return &host_of(L)->wait;
}

static int buf_close(lua_State *L)
{
    bosun_buf *buf = luaL_checkudata(L, 1, BUF_METATABLE);
    bosun_buf_free(buf);
    return 0;
}

bosun_buf *bind_push_buf(lua_State *L)
{
    bosun_buf *buf = lua_newuserdatauv(L, sizeof *buf, 0);
    *buf = (bosun_buf){0};
    if (luaL_newmetatable(L, BUF_METATABLE)) {
        lua_pushcfunction(L, buf_close);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, buf_close);
        lua_setfield(L, -2, "__close");
    }
    lua_setmetatable(L, -2);
    return buf;
}
