/* bosun.suggest: "did you mean …?" for Lua. */
#include "core/base/suggest.h"
#include "bind.h"

static const char *find_nearest(lua_State *L)
{
    size_t count;
    const char *const *candidates = bind_push_string_array(L, 2, &count);
    return lua_type(L, 1) == LUA_TSTRING ? bosun_suggest(lua_tostring(L, 1), candidates, count) : NULL;
}

/* suggest.nearest(word, candidates) -> candidate | nil */
static int suggest_nearest(lua_State *L)
{
    lua_pushstring(L, find_nearest(L)); /* nil when NULL */
    return 1;
}

/* suggest.hint(word, candidates) -> '; did you mean "…"?' | "" */
static int suggest_hint(lua_State *L)
{
    const char *nearest = find_nearest(L);
    if (nearest)
        lua_pushfstring(L, "; did you mean \"%s\"?", nearest);
    else
        lua_pushliteral(L, "");
    return 1;
}

int bind_suggest_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"nearest", suggest_nearest}, {"hint", suggest_hint}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
