/* bosun.native.http: how a reply and a failure reach Lua, and the classes of its objects. */
#include "core/base/buf.h"
#include "http.h"
#include <string.h>

#define RESPONSE_FIELDS 11 /* room for those that response.lua adds */

void bind_http_new_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *metamethods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, metamethods, 0);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void bind_http_push_reply(lua_State *L, const bosun_http_reply *reply)
{
    lua_createtable(L, 0, RESPONSE_FIELDS);
    lua_pushlstring(L, bosun_buf_text(&reply->headers), reply->headers.len);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, bosun_buf_text(&reply->body), reply->body.len);
    lua_setfield(L, -2, "body");
    lua_pushinteger(L, reply->status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, (lua_Integer)reply->received);
    lua_setfield(L, -2, "received");
    lua_pushnumber(L, reply->seconds);
    lua_setfield(L, -2, "elapsed");
    lua_pushinteger(L, (lua_Integer)reply->retry_after);
    lua_setfield(L, -2, "retry_after");
}
