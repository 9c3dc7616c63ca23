/* What bindings share: argument checks, fields of tables, classes of userdata. */
#include "bind.h"
#include "core/base/buf.h"
#include <string.h>

#define BUF_METATABLE "bosun.buf"

const char *bind_check_path(lua_State *L, int arg)
{
    size_t len;
    const char *path = luaL_checklstring(L, arg, &len);
    luaL_argcheck(L, len > 0, arg, "expected a path, got an empty string");
    luaL_argcheck(L, strlen(path) == len, arg, "a path cannot contain a NUL byte");
    return path;
}

const bosun_wait *bind_wait(lua_State *L)
{
    return host_wait(host_of(L));
}

void bind_set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

void bind_set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

void bind_set_text(lua_State *L, const char *name, const char *text, size_t len)
{
    lua_pushlstring(L, text, len);
    lua_setfield(L, -2, name);
}

void bind_set_default(lua_State *L, const char *name)
{
    if (lua_getfield(L, -2, name) == LUA_TNIL) {
        lua_pushvalue(L, -2);
        lua_setfield(L, -4, name);
    }
    lua_pop(L, 2);
}

void bind_copy_fields(lua_State *L, int from)
{
    from = lua_absindex(L, from);
    lua_pushnil(L);
    while (lua_next(L, from)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
}

const char *bind_push_visible(lua_State *L, int index)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (strlen(text) == len) {
        lua_pushvalue(L, index);
        return text;
    }
    bosun_buf *visible = bind_push_buf(L);
    bosun_buf_append_visible(visible, text, len);
    bind_push_text(L, visible);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

void bind_push_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *metamethods)
{
    if (luaL_getmetatable(L, name) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    luaL_setfuncs(L, metamethods, 0);
    if (methods) {
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    bind_set_text(L, "__name", name, strlen(name));
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, name); /* last: running out of memory leaves no class without __gc */
}

bool bind_has_class(lua_State *L, int index, const char *name)
{
    if (!lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, name);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static int buf_close(lua_State *L)
{
    bosun_buf *buf = luaL_checkudata(L, 1, BUF_METATABLE);
    bosun_buf_free(buf);
    return 0;
}

bosun_buf *bind_push_buf(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__gc", buf_close}, {"__close", buf_close}, {NULL, NULL}};
    bosun_buf *buf = lua_newuserdatauv(L, sizeof *buf, 0);
    *buf = (bosun_buf){0};
    bind_push_class(L, BUF_METATABLE, NULL, metamethods);
    lua_setmetatable(L, -2);
    return buf;
}

int bind_push_text(lua_State *L, bosun_buf *buf)
{
    if (buf->failed)
        return luaL_error(L, "out of memory");
    lua_pushlstring(L, bosun_buf_text(buf), buf->len);
    bosun_buf_free(buf);
    return 1;
}
