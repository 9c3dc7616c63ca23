/* What a table is: a list if its keys are 1 to n and nothing else, otherwise a mapping. Metatables settle
 * what keys cannot: an empty list, and a mapping whose keys happen to be 1 to n. bosun.native.list is the
 * same for the library's Lua code. */
#include "bind.h"
#include <string.h>

#define LIST_METATABLE    "bosun.array"
#define MAPPING_METATABLE "bosun.mapping"

void bind_mark_array(lua_State *L)
{
    luaL_newmetatable(L, LIST_METATABLE);
    lua_setmetatable(L, -2);
}

void bind_mark_mapping(lua_State *L)
{
    luaL_newmetatable(L, MAPPING_METATABLE);
    lua_setmetatable(L, -2);
}

static bool is_list_index(lua_State *L, int key)
{
    return lua_isinteger(L, key) && lua_tointeger(L, key) >= 1;
}

lua_Integer bind_list_length(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_Integer count = 0;
    lua_Integer last = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (!is_list_index(L, -2)) {
            lua_pop(L, 2);
            return -1;
        }
        if (lua_tointeger(L, -2) > last)
            last = lua_tointeger(L, -2);
        count++;
    }
    return last == count ? count : -1;
}

bind_shape bind_table_shape(lua_State *L, int index, lua_Integer *length)
{
    *length = 0;
    if (bind_has_class(L, index, MAPPING_METATABLE))
        return BIND_MAPPING;
    *length = bind_list_length(L, index);
    if (bind_has_class(L, index, LIST_METATABLE))
        return *length >= 0 ? BIND_LIST : BIND_BROKEN_LIST;
    return *length > 0 ? BIND_LIST : BIND_MAPPING;
}

/* Pushes a key as messages show it: "name" in quotes, 1.5, true, a function. [-0, +1, m] */
static const char *push_key(lua_State *L, int key)
{
    int type = lua_type(L, key);
    if (type == LUA_TSTRING)
        lua_pushfstring(L, "\"%s\"", bind_push_visible(L, key));
    else if (type == LUA_TNUMBER || type == LUA_TBOOLEAN)
        luaL_tolstring(L, key, NULL);
    else
        lua_pushfstring(L, "a %s", lua_typename(L, type));
    if (type == LUA_TSTRING)
        lua_remove(L, -2);
    return lua_tostring(L, -1);
}

/* Pushes the first, by its text, of the keys that are not indexes of a list; nil: there is none. A message
 * has to be the same in each run. [-0, +1, m] */
static bool push_misplaced(lua_State *L, int index)
{
    lua_pushnil(L);
    int first = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (is_list_index(L, -2))
            continue;
        const char *text = push_key(L, lua_gettop(L) - 1);
        if (lua_isnil(L, first) || strcmp(text, lua_tostring(L, first)) < 0)
            lua_replace(L, first);
        else
            lua_pop(L, 1);
    }
    return !lua_isnil(L, first);
}

const char *bind_push_list_problem(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, "too many values");
    if (push_misplaced(L, index)) {
        lua_pushfstring(L, "it has the key %s", lua_tostring(L, -1));
        lua_remove(L, -2);
        return lua_tostring(L, -1);
    }
    lua_pop(L, 1);
    lua_Integer missing = 1;
    while (lua_rawgeti(L, index, missing) != LUA_TNIL) {
        lua_pop(L, 1);
        missing++;
    }
    lua_pop(L, 1);
    return lua_pushfstring(L, "item %I is missing", (LUAI_UACINT)missing);
}

const char *const *bind_push_string_array(lua_State *L, int index, size_t *count)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    lua_Integer length = bind_list_length(L, index);
    if (length < 0)
        luaL_argerror(L, index,
                      lua_pushfstring(L, "expected a list, but %s", bind_push_list_problem(L, index)));
    *count = (size_t)length;
    const char **array = lua_newuserdatauv(L, (*count + 1) * sizeof *array, 0);
    for (size_t i = 0; i < *count; i++) {
        array[i] = lua_rawgeti(L, index, (lua_Integer)i + 1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        lua_pop(L, 1); /* the list keeps the string */
    }
    array[*count] = NULL;
    return array;
}

/* list.shape(table) -> "list" | "mapping" | nil, what is wrong with a table that is marked as a list */
static int list_shape(lua_State *L)
{
    lua_Integer length;
    luaL_checktype(L, 1, LUA_TTABLE);
    switch (bind_table_shape(L, 1, &length)) {
    case BIND_LIST: lua_pushliteral(L, "list"); return 1;
    case BIND_MAPPING: lua_pushliteral(L, "mapping"); return 1;
    case BIND_BROKEN_LIST: break;
    }
    lua_pushnil(L);
    bind_push_list_problem(L, 1);
    return 2;
}

/* list.problem(value) -> what is wrong if the value is not a list | nil */
static int list_problem(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_istable(L, 1))
        lua_pushfstring(L, "it is a %s", luaL_typename(L, 1));
    else if (bind_list_length(L, 1) < 0)
        bind_push_list_problem(L, 1);
    else
        lua_pushnil(L);
    return 1;
}

int bind_list_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"shape", list_shape}, {"problem", list_problem}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
