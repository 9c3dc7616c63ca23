/* bosun.effect: dry runs, for plugins whose changes do not go through a binding, and the reasons of all
 * changes. */
#include "bind.h"

#define SCOPE_METATABLE "bosun.effect.scope"

/* Pushes the option of that name with its NUL bytes made visible, or nil. [-0, +1, e] */
static const char *push_option(lua_State *L, int arg, const char *name)
{
    if (lua_isnoneornil(L, arg) || !bind_option_string(L, arg, name, NULL)) {
        lua_pushnil(L);
        return NULL;
    }
    lua_getfield(L, arg, name);
    const char *text = bind_push_visible(L, -1);
    lua_remove(L, -2);
    return text;
}

/* effect.begin(op, target, {before=, after=, reason=, to=}) -> true: make the change | false: a dry run,
 * which has added it to its plan */
static int effect_begin(lua_State *L)
{
    static const char *const known[] = {"before", "after", "reason", "to", NULL};
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    bind_check_options(L, 3, known);
    lua_settop(L, 3);
    host_change change = {.op = bind_push_visible(L, 1), .target = bind_push_visible(L, 2)};
    change.before = push_option(L, 3, "before");
    change.after = push_option(L, 3, "after");
    change.reason = push_option(L, 3, "reason");
    change.other = push_option(L, 3, "to");
    if (change.other && !change.after)
        change.after = lua_pushfstring(L, "moved to %s", change.other);
    lua_pushboolean(L, host_effect_begin(L, &change));
    return 1;
}

/* effect.undo(path) -> is something there after the plan?, where that is now | nil */
static int effect_undo(lua_State *L)
{
    const char *was;
    lua_pushboolean(L, host_effect_undo(L, luaL_checkstring(L, 1), &was));
    lua_pushstring(L, was);
    return 2;
}

/* effect.dry_run() -> boolean */
static int effect_dry_run(lua_State *L)
{
    lua_pushboolean(L, host_of(L)->options.dry_run);
    return 1;
}

/* The end of a scope: its user value is the reason of the one around it, or false once it has ended. */
static int end_scope(lua_State *L)
{
    luaL_checkudata(L, 1, SCOPE_METATABLE);
    lua_getiuservalue(L, 1, 1);
    if (lua_isboolean(L, -1))
        return 0;
    host_effect_swap_reason(L);
    lua_pushboolean(L, 0);
    lua_setiuservalue(L, 1, 1);
    return 0;
}

/* effect.because(reason) -> scope, to be closed */
static int effect_because(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__close", end_scope}, {"__gc", end_scope}, {NULL, NULL}};
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    const char *reason = bind_push_visible(L, 1);
    lua_newuserdatauv(L, 0, 1);
    lua_pushboolean(L, 0);
    lua_setiuservalue(L, -2, 1);
    bind_push_class(L, SCOPE_METATABLE, NULL, metamethods);
    lua_setmetatable(L, -2);
    lua_pushstring(L, reason);
    host_effect_swap_reason(L);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

int bind_effect_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"begin", effect_begin},
                                         {"because", effect_because},
                                         {"undo", effect_undo},
                                         {"dry_run", effect_dry_run},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
