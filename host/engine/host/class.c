/* The class of the loaded plugin, kept in the registry. */
#include "host.h"

static const char class_key = 'c'; /* only the address matters */

void host_keep_class(lua_State *L)
{
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &class_key);
}

void host_push_class(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key);
}
