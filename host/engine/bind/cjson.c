/* bosun.native.cjson: lua-cjson, for bosun.json. It is found among the system's C modules, whatever the
 * plugin has in its folder, in package.loaded or in package.cpath. */
#include "bind.h"

static int push_missing(lua_State *L)
{
    bosun_err err = {0};
    bosun_err_set(
        &err, "cjson", "json.decode",
        "cannot read JSON: lua-cjson is not installed; its package is lua-cjson (Debian, Ubuntu, Fedora) or "
        "lua5.4-cjson (Alpine)");
    return bind_push_failure(L, &err);
}

/* open() -> cjson.safe | nil, err */
static int cjson_open(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, BOSUN_SYSTEM_LOADLIB);
    lua_getfield(L, LUA_REGISTRYINDEX, BOSUN_SYSTEM_SEARCHPATH);
    lua_pushliteral(L, "cjson");
    lua_getfield(L, LUA_REGISTRYINDEX, BOSUN_SYSTEM_CPATH);
    lua_call(L, 2, 1);
    if (lua_isnil(L, -1))
        return push_missing(L);
    lua_pushliteral(L, "luaopen_cjson_safe");
    lua_call(L, 2, 2); /* the function, or nil and why not */
    if (lua_isnil(L, -2)) {
        bosun_err err = {0};
        bosun_err_set(&err, "cjson", "json.decode", "cannot read JSON: lua-cjson cannot be loaded: %s",
                      luaL_optstring(L, -1, "unknown reason"));
        return bind_push_failure(L, &err);
    }
    lua_pop(L, 1);
    lua_call(L, 0, 1);
    return 1;
}

int bind_cjson_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", cjson_open}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
