/* What bindings share: arguments, and buffers in a userdata. */
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
    return &host_of(L)->limits.wait;
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
