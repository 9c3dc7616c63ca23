/* bosun.time: limits for a part of an action, as objects that `local limit <close>` ends. */
#include "time_limit.h"
#include "bind.h"

#define LIMIT_METATABLE "bosun.time.limit"

static host_time_limit *check_limit(lua_State *L)
{
    return luaL_checkudata(L, 1, LIMIT_METATABLE);
}

void bind_push_seconds_left(lua_State *L, int64_t end)
{
    int64_t left = end - bosun_monotonic();
    lua_pushnumber(L, left > 0 ? (lua_Number)left / (lua_Number)BOSUN_SECOND : 0);
}

/* time.limit(seconds) -> limit */
static int time_limit(lua_State *L)
{
    luaL_checknumber(L, 1);
    int64_t end = bosun_wait_after(bind_check_seconds(L, 1, "timeout", BOSUN_NO_DEADLINE));
    host_time_limit *limit = lua_newuserdatauv(L, sizeof *limit, 1);
    *limit = (host_time_limit){.end = end};
    luaL_setmetatable(L, LIMIT_METATABLE);
    lua_pushthread(L);
    lua_setiuservalue(L, -2, 1); /* the thread lives as long as the limit that names it */
    host_time_limit_begin(host_of(L), limit, L);
    return 1;
}

/* limit:left() -> seconds */
static int limit_left(lua_State *L)
{
    bind_push_seconds_left(L, check_limit(L)->end);
    return 1;
}

/* limit:close(), __close and __gc */
static int limit_close(lua_State *L)
{
    host_time_limit_end(host_of(L), check_limit(L));
    return 0;
}

void bind_time_add_limit(lua_State *L)
{
    static const luaL_Reg methods[] = {{"left", limit_left}, {"close", limit_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", limit_close}, {"__close", limit_close}, {NULL, NULL}};
    bind_push_class(L, LIMIT_METATABLE, methods, metamethods);
    lua_pop(L, 1);
    lua_pushcfunction(L, time_limit);
    lua_setfield(L, -2, "limit");
}
