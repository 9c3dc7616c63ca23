/* bosun.yaml: reads and writes YAML, and gives the line and column of each value of a document. */
#include "core/yaml/yaml.h"
#include "bind.h"
#include "core/fs/fs.h"

#define ARENA_METATABLE "bosun.arena"

typedef struct arena_box {
    bosun_arena *arena; /* NULL: empty */
} arena_box;

static int arena_close(lua_State *L)
{
    arena_box *box = lua_touserdata(L, 1);
    bosun_arena_free(box->arena);
    box->arena = NULL;
    return 0;
}

/* Pushes an arena that lives until the calling C function returns or raises. [-0, +1, e] */
static bosun_arena *push_arena(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__gc", arena_close}, {"__close", arena_close}, {NULL, NULL}};
    arena_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    box->arena = NULL;
    bind_push_class(L, ARENA_METATABLE, NULL, metamethods);
    lua_setmetatable(L, -2);
    lua_toclose(L, -1);
    box->arena = bosun_arena_new();
    if (!box->arena)
        luaL_error(L, "out of memory");
    return box->arena;
}

/* Pushes a buffer that lives until the calling C function returns or raises. [-0, +1, m] */
static bosun_buf *push_closing_buf(lua_State *L)
{
    bosun_buf *buf = bind_push_buf(L);
    lua_toclose(L, -1);
    return buf;
}

/* Pushes nil and the error of a text that is not valid YAML, whose secrets the message may quote. */
static int push_invalid(lua_State *L, const char *text, size_t len, const bosun_err *err)
{
    if (bosun_secrets_add_text(&host_of(L)->secrets, text, len, NULL, 0) < 0)
        return luaL_error(L, "out of memory");
    return bind_push_failure(L, err);
}

static int push_decoded(lua_State *L, const char *text, size_t len, const char *source, size_t max)
{
    bosun_err err = {0};
    const bosun_value *value = bosun_yaml_read_max(push_arena(L), text, len, source, max, &err);
    if (!value)
        return push_invalid(L, text, len, &err);
    bind_push_value(L, value);
    return 1;
}

/* yaml.decode(text [, {source=}]) -> value | nil, err */
static int yaml_decode(lua_State *L)
{
    static const char *const options[] = {"source", NULL};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    bind_check_options(L, 2, options);
    const char *source = bind_option_string(L, 2, "source", NULL);
    return push_decoded(L, text, len, source ? source : "yaml", BOSUN_YAML_MAX_BYTES);
}

/* yaml.load(path [, {max_bytes=}]) -> value | nil, err */
static int yaml_load(lua_State *L)
{
    static const char *const known[] = {"max_bytes", NULL};
    const char *path = bind_check_path(L, 1);
    bind_check_options(L, 2, known);
    lua_Integer max = bind_option_integer(L, 2, "max_bytes", BOSUN_YAML_MAX_BYTES);
    luaL_argcheck(L, max >= 0, 2, "option max_bytes: expected 0 or more bytes");
    bosun_buf *text = push_closing_buf(L);
    bosun_err err = {0};
    if (bosun_fs_read(path, (size_t)max, text, bind_wait(L), &err) < 0)
        return bind_push_failure(L, &err);
    return push_decoded(L, bosun_buf_text(text), text->len, path, (size_t)max);
}

/* Pushes {line=, column=, key_line=, key_column=}, the last two only if there is a key. [-0, +1, m] */
static void push_mark(lua_State *L, bosun_mark mark, const bosun_mark *key)
{
    lua_createtable(L, 0, key ? 4 : 2);
    bind_set_integer(L, "line", mark.line);
    bind_set_integer(L, "column", mark.column);
    if (key) {
        bind_set_integer(L, "key_line", key->line);
        bind_set_integer(L, "key_column", key->column);
    }
}

static void push_marked(lua_State *L, const bosun_value *value, int marks);

/* Fills the table below the top of the stack with the items, and the one at the top with their marks. */
static void fill_sequence(lua_State *L, const bosun_value *sequence, int marks)
{
    for (size_t i = 0; i < sequence->as.sequence.count; i++) {
        const bosun_value *item = sequence->as.sequence.items[i];
        push_marked(L, item, marks);
        lua_rawseti(L, -3, (lua_Integer)i + 1);
        push_mark(L, item->mark, NULL);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* The same for a mapping. A null has a mark but no value: a message about the missing value can point to
 * it. */
static bool fill_mapping(lua_State *L, const bosun_value *mapping, int marks)
{
    bool numbered = false;
    for (size_t i = 0; i < mapping->as.mapping.count; i++) {
        const bosun_pair *pair = &mapping->as.mapping.pairs[i];
        if (pair->key->kind == BOSUN_NULL)
            continue;
        numbered = numbered || pair->key->kind == BOSUN_INT;
        bind_push_value(L, pair->key);
        push_mark(L, pair->value->mark, &pair->key->mark);
        lua_rawset(L, -3);
        if (pair->value->kind == BOSUN_NULL)
            continue;
        bind_push_value(L, pair->key);
        push_marked(L, pair->value, marks);
        lua_rawset(L, -4);
    }
    return numbered;
}

/* Pushes the value like bind_push_value, and sets marks[table] for each table it creates. [-0, +1, e] */
static void push_marked(lua_State *L, const bosun_value *value, int marks)
{
    bool is_sequence = value->kind == BOSUN_SEQUENCE;
    if (!is_sequence && value->kind != BOSUN_MAPPING) {
        bind_push_value(L, value);
        return;
    }
    luaL_checkstack(L, 8, "a value is nested too deep");
    lua_newtable(L);
    lua_newtable(L);
    bool numbered = false;
    if (is_sequence)
        fill_sequence(L, value, marks);
    else
        numbered = fill_mapping(L, value, marks);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, marks);
    if (is_sequence)
        bind_mark_array(L);
    else if (numbered)
        bind_mark_mapping(L);
}

/* yaml.decode_marked(text, source) -> value, marks | nil, err
 * marks[table][key] = {line=, column=, key_line=, key_column=} for each table in the value; marks.root is the
 * place of the value itself. */
static int yaml_decode_marked(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    const char *source = luaL_checkstring(L, 2);
    bosun_err err = {0};
    const bosun_value *value = bosun_yaml_read(push_arena(L), text, len, source, &err);
    if (!value)
        return push_invalid(L, text, len, &err);
    lua_newtable(L);
    int marks = lua_gettop(L);
    push_mark(L, value->mark, NULL);
    lua_setfield(L, marks, "root");
    push_marked(L, value, marks);
    lua_pushvalue(L, marks);
    return 2;
}

/* yaml.encode(value) -> text */
static int yaml_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    const bosun_value *value = bind_to_value(L, 1, "the value", push_arena(L));
    bosun_buf *text = push_closing_buf(L);
    bosun_err err = {0};
    if (bosun_yaml_write(text, value, 0, &err) < 0)
        return luaL_error(L, "%s", err.message);
    return bind_push_text(L, text);
}

/* yaml.array(table) -> table */
static int yaml_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    bind_mark_array(L);
    return 1;
}

int bind_yaml_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"decode", yaml_decode}, {"decode_marked", yaml_decode_marked},
        {"encode", yaml_encode}, {"load", yaml_load},
        {"array", yaml_array},   {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
