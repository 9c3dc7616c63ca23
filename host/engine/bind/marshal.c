/* Converts plain data between C trees and Lua tables. */
#include "bind.h"
#include "core/base/buf.h"
#include "core/yaml/yaml.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of YAML that a value takes at least: a table with several references counts once for each. */
#define LEAST_TABLE  2 /* "- ", or the end of a key's line */
#define LEAST_SCALAR 4 /* "- 1" and the end of the line */

static void push_sequence(lua_State *L, const bosun_value *value)
{
    lua_createtable(L, (int)value->as.sequence.count, 0);
    for (size_t i = 0; i < value->as.sequence.count; i++) {
        bind_push_value(L, value->as.sequence.items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    bind_mark_array(L);
}

static void push_mapping(lua_State *L, const bosun_value *value)
{
    bool numbered = false;
    lua_createtable(L, 0, (int)value->as.mapping.count);
    for (size_t i = 0; i < value->as.mapping.count; i++) {
        const bosun_pair *pair = &value->as.mapping.pairs[i];
        if (pair->value->kind == BOSUN_NULL || pair->key->kind == BOSUN_NULL)
            continue;
        if (pair->key->kind == BOSUN_FLOAT && pair->key->as.number != pair->key->as.number)
            luaL_error(L, "line %d, column %d: nan cannot be a key", (int)pair->key->mark.line,
                       (int)pair->key->mark.column);
        numbered = numbered || pair->key->kind == BOSUN_INT;
        bind_push_value(L, pair->key);
        bind_push_value(L, pair->value);
        lua_rawset(L, -3);
    }
    if (numbered)
        bind_mark_mapping(L);
}

void bind_push_value(lua_State *L, const bosun_value *value)
{
    luaL_checkstack(L, 6, "a value is nested too deep");
    switch (value->kind) {
    case BOSUN_NULL: lua_pushlightuserdata(L, NULL); break;
    case BOSUN_BOOL: lua_pushboolean(L, value->as.boolean); break;
    case BOSUN_INT: lua_pushinteger(L, value->as.integer); break;
    case BOSUN_FLOAT: lua_pushnumber(L, value->as.number); break;
    case BOSUN_STRING: lua_pushlstring(L, value->as.string.bytes, value->as.string.len); break;
    case BOSUN_SEQUENCE: push_sequence(L, value); break;
    case BOSUN_MAPPING: push_mapping(L, value); break;
    }
}

#define DEPTH_MAX BOSUN_YAML_MAX_WRITE_DEPTH

typedef struct walk {
    bosun_arena *arena;
    const char *name; /* of the whole value, for messages */
    size_t text;      /* bytes, at least */
    int depth;
    int keys[DEPTH_MAX + 1]; /* stack index of the key at each depth, for the path in messages */
} walk;

static bosun_value *convert(lua_State *L, walk *w, int index);

/* Pushes the path of the current value: "data.b[3]". [-0, +1, m] */
static const char *push_path(lua_State *L, const walk *w)
{
    luaL_checkstack(L, 4, "a value is nested too deep");
    lua_pushstring(L, w->name);
    for (int i = 0; i < w->depth; i++) {
        if (lua_type(L, w->keys[i]) == LUA_TSTRING) {
            lua_pushfstring(L, ".%s", bind_push_visible(L, w->keys[i]));
            lua_remove(L, -2);
        } else if (lua_isinteger(L, w->keys[i]))
            lua_pushfstring(L, "[%I]", (LUAI_UACINT)lua_tointeger(L, w->keys[i]));
        else if (lua_type(L, w->keys[i]) == LUA_TNUMBER)
            lua_pushfstring(L, "[%f]", lua_tonumber(L, w->keys[i]));
        else
            lua_pushliteral(L, "[?]");
        lua_concat(L, 2);
    }
    return lua_tostring(L, -1);
}

static void *check_memory(lua_State *L, void *allocated)
{
    if (!allocated)
        luaL_error(L, "out of memory while converting a value");
    return allocated;
}

static bosun_value *convert_number(lua_State *L, walk *w, int index)
{
    if (lua_isinteger(L, index))
        return bosun_value_int(w->arena, lua_tointeger(L, index));
    return bosun_value_float(w->arena, lua_tonumber(L, index));
}

static bosun_value *convert_string(lua_State *L, walk *w, int index)
{
    size_t len;
    const char *bytes = lua_tolstring(L, index, &len);
    return bosun_value_string(w->arena, bytes, len);
}

static bosun_value *convert_scalar(lua_State *L, walk *w, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN: return bosun_value_bool(w->arena, lua_toboolean(L, index));
    case LUA_TNUMBER: return convert_number(L, w, index);
    case LUA_TSTRING: return convert_string(L, w, index);
    case LUA_TNIL: return bosun_value_new(w->arena, BOSUN_NULL);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index))
            return bosun_value_new(w->arena, BOSUN_NULL);
        break;
    default: break;
    }
    const char *path = push_path(L, w);
    bool named = luaL_getmetafield(L, index, "__name") == LUA_TSTRING;
    luaL_error(L, "%s is a %s: expected nil, a boolean, a number, a string or a table of these", path,
               named ? lua_tostring(L, -1) : luaL_typename(L, index));
    return NULL;
}

static void descend(lua_State *L, walk *w, int key)
{
    if (w->depth >= DEPTH_MAX)
        luaL_error(L, "%s is nested deeper than %d levels: does a table contain itself?", push_path(L, w),
                   DEPTH_MAX);
    w->keys[w->depth++] = key;
}

static void convert_items(lua_State *L, walk *w, int index, lua_Integer length, bosun_value *sequence)
{
    for (lua_Integer i = 1; i <= length; i++) {
        lua_pushinteger(L, i);
        lua_rawgeti(L, index, i);
        descend(L, w, lua_gettop(L) - 1);
        bosun_value *item = convert(L, w, lua_gettop(L));
        w->depth--;
        check_memory(L, bosun_value_push(w->arena, sequence, item) < 0 ? NULL : sequence);
        lua_pop(L, 2);
    }
}

/* The writer replaces bytes that are not UTF-8, which could make two different keys the same. */
static void check_utf8(lua_State *L, const walk *w, const bosun_value *key)
{
    size_t at = 0;
    size_t len = key->kind == BOSUN_STRING ? key->as.string.len : 0;
    while (at < len) {
        size_t size = bosun_utf8_sequence(key->as.string.bytes + at, len - at);
        if (size == 0)
            luaL_error(L, "%s: the key is not UTF-8", push_path(L, w));
        at += size;
    }
}

static void check_key_type(lua_State *L, const walk *w, int key)
{
    int type = lua_type(L, key);
    if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
        luaL_error(L, "a key in %s is a %s: expected a string, a number or a boolean", push_path(L, w),
                   lua_typename(L, type));
}

/* Infinities are written as strings, and so have to be compared as such. */
static bosun_value *convert_key(lua_State *L, walk *w, int key)
{
    check_key_type(L, w, key);
    if (lua_type(L, key) == LUA_TNUMBER && isinf(lua_tonumber(L, key))) {
        const char *text = lua_tonumber(L, key) < 0 ? "-inf" : "inf";
        return check_memory(L, bosun_value_string(w->arena, text, strlen(text)));
    }
    bosun_value *name = check_memory(L, convert_scalar(L, w, key));
    check_utf8(L, w, name);
    return name;
}

static void convert_pairs(lua_State *L, walk *w, int index, bosun_value *mapping)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        int key = lua_gettop(L) - 1;
        descend(L, w, key);
        bosun_value *name = convert_key(L, w, key);
        bosun_value *value = convert(L, w, key + 1);
        w->depth--;
        check_memory(L, bosun_value_put(w->arena, mapping, name, value) < 0 ? NULL : mapping);
        lua_pop(L, 1);
    }
}

/* The order of a Lua table changes from run to run; the order of the text must not. */
static int compare_pairs(const void *a, const void *b)
{
    return bosun_value_compare_keys(((const bosun_pair *)a)->key, ((const bosun_pair *)b)->key);
}

/* Sorts the pairs. Raises if the texts of two keys are the same. */
static void sort_pairs(lua_State *L, const walk *w, bosun_value *mapping)
{
    bosun_pair *pairs = mapping->as.mapping.pairs;
    size_t count = mapping->as.mapping.count;
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 1; i < count; i++)
        if (bosun_value_same_key(pairs[i - 1].key, pairs[i].key))
            luaL_error(L, "%s has two keys that are written as \"%s\"", push_path(L, w),
                       pairs[i].key->as.string.bytes); /* only an infinity can equal another key, a string */
}

static bosun_value *convert_list(lua_State *L, walk *w, int index, lua_Integer length)
{
    bosun_value *list = check_memory(L, bosun_value_new(w->arena, BOSUN_SEQUENCE));
    convert_items(L, w, index, length, list);
    return list;
}

static bosun_value *convert_mapping(lua_State *L, walk *w, int index)
{
    bosun_value *mapping = check_memory(L, bosun_value_new(w->arena, BOSUN_MAPPING));
    convert_pairs(L, w, index, mapping);
    sort_pairs(L, w, mapping);
    return mapping;
}

static bosun_value *convert_table(lua_State *L, walk *w, int index)
{
    lua_Integer length;
    switch (bind_table_shape(L, index, &length)) {
    case BIND_LIST: return convert_list(L, w, index, length);
    case BIND_MAPPING: return convert_mapping(L, w, index);
    case BIND_BROKEN_LIST: break;
    }
    const char *path = push_path(L, w);
    luaL_error(L, "%s is marked as a list, but %s", path, bind_push_list_problem(L, index));
    return NULL;
}

/* Ends early what would be too large to be written: nothing that could be is refused. */
static void count_text(lua_State *L, walk *w, int index)
{
    int type = lua_type(L, index);
    w->text += type == LUA_TTABLE ? LEAST_TABLE : LEAST_SCALAR;
    w->text += type == LUA_TSTRING ? lua_rawlen(L, index) : 0;
    if (w->text > BOSUN_YAML_MAX_WRITE_BYTES)
        luaL_error(L, "%s", BOSUN_YAML_TOO_LARGE);
}

static bosun_value *convert(lua_State *L, walk *w, int index)
{
    luaL_checkstack(L, 8, "a value is nested too deep");
    count_text(L, w, index);
    if (lua_istable(L, index))
        return convert_table(L, w, index);
    return check_memory(L, convert_scalar(L, w, index));
}

bosun_value *bind_to_value(lua_State *L, int index, const char *name, bosun_arena *arena)
{
    walk w = {.arena = arena, .name = name};
    return convert(L, &w, lua_absindex(L, index));
}
