/* bosun.effect: dry runs, for plugins whose changes do not go through a binding. */
#include "bind.h"

/* effect.begin(op, text) -> true: make the change | false: a dry run, which has added it to its plan */
static int effect_begin(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    const char *op = bind_push_visible(L, 1);
    const char *text = bind_push_visible(L, 2);
    lua_pushboolean(L, host_effect_begin(L, op, "%s", text));
    return 1;
}

/* effect.dry_run() -> boolean */
static int effect_dry_run(lua_State *L)
{
    lua_pushboolean(L, host_of(L)->options.dry_run);
    return 1;
}

int bind_effect_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"begin", effect_begin}, {"dry_run", effect_dry_run}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
