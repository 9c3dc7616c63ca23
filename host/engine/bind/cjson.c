/* bosun.native.cjson: lua-cjson, for bosun.json. A library that has its own Lua has it inside. Otherwise, it
 * is found among the system's C modules, whatever the plugin has in its folder, in package.loaded or in
 * package.cpath. */
#include "bind.h"
#include "engine/host/host.h"
#include <string.h>

/* NULL: it is not inside. */
extern int luaopen_cjson(lua_State *L) __attribute__((weak, visibility("default")));
extern int luaopen_cjson_safe(lua_State *L) __attribute__((weak, visibility("default")));

lua_CFunction bind_cjson_inside(const char *module)
{
    if (strcmp(module, "cjson") == 0)
        return luaopen_cjson;
    return strcmp(module, "cjson.safe") == 0 ? luaopen_cjson_safe : NULL;
}

/* Fails with the code "cjson" if there is no way for the system's module to work here. */
static int check_lua(bosun_err *err)
{
    bosun_err why = {0};
    if (host_check_c_module("cjson", &why) == 0)
        return 0;
    return bosun_err_set(err, "cjson", "json.decode", "cannot read JSON: %s", why.message);
}

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
    bosun_err err = {0};
    lua_CFunction inside = bind_cjson_inside("cjson.safe");
    if (inside) {
        lua_pushcfunction(L, inside);
        lua_call(L, 0, 1);
        return 1;
    }
    if (check_lua(&err) < 0)
        return bind_push_failure(L, &err);
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
