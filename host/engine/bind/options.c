/* Checks tables of options, both for bindings in C and, as bosun.options, for functions in Lua. An invalid
 * option is a bug in the caller and raises an error at the place of the call. */
#include "bind.h"
#include "core/base/suggest.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The kinds of values an option can have, under their names in the specifications of bosun.options. */
static const struct kind {
    const char *name;
    const char *expected;
} kinds[] = {
    {"amount", "a number of 0 or more"},
    {"any", "a value"},
    {"boolean", "a boolean"},
    {"count", "an integer of 0 or more"},
    {"function", "a function"},
    {"integer", "an integer"},
    {"limit", "0 or more seconds"},
    {"list", "a list"},
    {"mode", "a mode from 0 to 4095 (octal 7777)"},
    {"number", "a number"},
    {"positive", "an integer of 1 or more"},
    {"seconds", "0 or more seconds"},
    {"string", "a string"},
    {"table", "a table"},
    {"text", "a string or a secret"},
    {"timeout", "more than 0 seconds"},
};

/* Is the number at `index` of that kind? */
static bool is_kind_of_number(lua_State *L, int index, const char *kind)
{
    lua_Number number = lua_tonumber(L, index);
    lua_Integer integer = lua_tointeger(L, index);
    if (strcmp(kind, "amount") == 0 || strcmp(kind, "seconds") == 0)
        return number >= 0 && isfinite(number);
    if (strcmp(kind, "limit") == 0)
        return number >= 0;
    if (strcmp(kind, "timeout") == 0)
        return number > 0;
    if (!lua_isinteger(L, index))
        return false;
    return strcmp(kind, "integer") == 0 || (strcmp(kind, "count") == 0 && integer >= 0) ||
           (strcmp(kind, "positive") == 0 && integer >= 1) ||
           (strcmp(kind, "mode") == 0 && integer >= 0 && integer <= 07777);
}

/* Returns whether the value at `index` is of that kind. */
static bool is_kind(lua_State *L, int index, const char *kind)
{
    int type = lua_type(L, index);
    if (strcmp(kind, "any") == 0)
        return true;
    if (strcmp(kind, "list") == 0)
        return type == LUA_TTABLE && bind_list_length(L, index) >= 0;
    if (strcmp(kind, "text") == 0)
        return bind_text_or_secret(L, index, NULL) != NULL;
    if (type == LUA_TNUMBER && strcmp(kind, "number") != 0)
        return is_kind_of_number(L, index, kind);
    return strcmp(kind, lua_typename(L, type)) == 0;
}

/* Pushes what the caller gave, for a message: "a string", or a number itself. [-0, +1, m] */
static void push_given(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TNUMBER)
        luaL_tolstring(L, index, NULL);
    else if (lua_type(L, index) == LUA_TNIL)
        lua_pushliteral(L, "nil");
    else
        lua_pushfstring(L, "a %s", luaL_typename(L, index));
}

/* Pushes "option NAME: expected …, got …" for the value at `index`. [-0, +1, m] */
static void push_wrong(lua_State *L, const char *name, const char *expected, int index)
{
    push_given(L, index);
    lua_pushfstring(L, "option %s: expected %s, got %s", name, expected, lua_tostring(L, -1));
    lua_remove(L, -2);
}

/* The same for a table that should be a list: "option NAME: expected a list, but …". [-0, +1, m] */
static void push_not_a_list(lua_State *L, const char *name, const char *expected, int index)
{
    const char *problem = bind_push_list_problem(L, index);
    lua_pushfstring(L, "option %s: expected %s, but %s", name, expected, problem);
    lua_remove(L, -2);
}

/* Pushes "unknown option NAME; did you mean …?". [-0, +1, m] */
static void push_unknown(lua_State *L, const char *prefix, const char *name, const char *const *known,
                         size_t count)
{
    const char *near = bosun_suggest(name, known, count);
    if (near)
        lua_pushfstring(L, "unknown option %s%s; did you mean \"%s\"?", prefix, name, near);
    else
        lua_pushfstring(L, "unknown option %s%s", prefix, name);
}

/* Pushes the option's value, or nothing if it is absent: then returns false. Raw access: a string computed by
 * a metamethod would live only as long as it is on the stack. [-0, +0|1, m] */
static bool push_option(lua_State *L, int arg, const char *name)
{
    if (lua_isnoneornil(L, arg))
        return false;
    lua_pushstring(L, name);
    if (lua_rawget(L, arg) != LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

/* Raises an error about the option's value, which is at the top of the stack. */
static void raise_wrong(lua_State *L, int arg, const char *name, const char *expected)
{
    push_wrong(L, name, expected, lua_gettop(L));
    luaL_argerror(L, arg, lua_tostring(L, -1));
}

bool bind_option_bool(lua_State *L, int arg, const char *name, bool otherwise)
{
    if (!push_option(L, arg, name))
        return otherwise;
    if (!lua_isboolean(L, -1))
        raise_wrong(L, arg, name, "a boolean");
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Number bind_option_number(lua_State *L, int arg, const char *name, lua_Number otherwise)
{
    if (!push_option(L, arg, name))
        return otherwise;
    if (lua_type(L, -1) != LUA_TNUMBER)
        raise_wrong(L, arg, name, "a number");
    lua_Number value = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Integer bind_option_integer(lua_State *L, int arg, const char *name, lua_Integer otherwise)
{
    if (!push_option(L, arg, name))
        return otherwise;
    int is_integer = 0;
    lua_Integer value = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_integer) : 0;
    if (!is_integer)
        raise_wrong(L, arg, name, "an integer");
    lua_pop(L, 1);
    return value;
}

/* What "string" or "seconds" expects. */
static const char *expected_of(const char *kind)
{
    size_t i = 0;
    while (strcmp(kinds[i].name, kind) != 0)
        i++;
    return kinds[i].expected;
}

/* Returns the number at `index`, which is of that kind, in nanoseconds. Only 0 seconds are 0. */
static int64_t nanoseconds_at(lua_State *L, int index)
{
    lua_Number seconds = lua_tonumber(L, index);
    int64_t nanoseconds = bosun_nanoseconds(seconds);
    return nanoseconds == 0 && seconds > 0 ? 1 : nanoseconds;
}

int64_t bind_option_seconds(lua_State *L, int arg, const char *name, const char *kind, int64_t otherwise)
{
    if (!push_option(L, arg, name))
        return otherwise;
    if (lua_type(L, -1) != LUA_TNUMBER || !is_kind_of_number(L, -1, kind))
        raise_wrong(L, arg, name, expected_of(kind));
    int64_t nanoseconds = nanoseconds_at(L, -1);
    lua_pop(L, 1);
    return nanoseconds;
}

int64_t bind_check_seconds(lua_State *L, int arg, const char *kind, int64_t otherwise)
{
    if (lua_isnoneornil(L, arg))
        return otherwise;
    if (lua_isnumber(L, arg) && is_kind_of_number(L, arg, kind))
        return nanoseconds_at(L, arg);
    push_given(L, arg);
    return luaL_argerror(L, arg,
                         lua_pushfstring(L, "expected %s, got %s", expected_of(kind), lua_tostring(L, -1)));
}

const char *bind_option_string(lua_State *L, int arg, const char *name, size_t *len)
{
    if (!push_option(L, arg, name))
        return NULL;
    if (lua_type(L, -1) != LUA_TSTRING)
        raise_wrong(L, arg, name, "a string");
    const char *value = lua_tolstring(L, -1, len);
    lua_pop(L, 1);
    return value;
}

const char *bind_option_path(lua_State *L, int arg, const char *name)
{
    size_t len;
    const char *path = bind_option_string(L, arg, name, &len);
    if (path && len == 0)
        luaL_argerror(L, arg, lua_pushfstring(L, "option %s: expected a path, got an empty string", name));
    if (path && strlen(path) != len)
        luaL_argerror(L, arg, lua_pushfstring(L, "option %s: a path cannot contain a NUL byte", name));
    return path;
}

void bind_check_options(lua_State *L, int arg, const char *const *known)
{
    if (lua_isnoneornil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    size_t count = 0;
    while (known[count])
        count++;
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        lua_pop(L, 1);
        int key = lua_gettop(L);
        luaL_tolstring(L, key, NULL);
        const char *name = bind_push_visible(L, -1);
        size_t i = 0;
        while (i < count && strcmp(known[i], name) != 0)
            i++;
        if (i == count || lua_type(L, key) != LUA_TSTRING) {
            push_unknown(L, "", name, known, count);
            luaL_argerror(L, arg, lua_tostring(L, -1));
        }
        lua_settop(L, key);
    }
}

mode_t bind_check_mode(lua_State *L, int arg, lua_Integer mode)
{
    luaL_argcheck(L, mode >= 0 && mode <= 07777, arg, "expected a mode from 0 to 4095 (octal 7777)");
    return (mode_t)mode;
}

mode_t bind_option_mode(lua_State *L, int arg)
{
    return bind_check_mode(L, arg, bind_option_integer(L, arg, "mode", 0));
}

/* Returns the length of the first word of "string|count". */
static size_t first_word_len(const char *words)
{
    return strcspn(words, "|");
}

/* Returns whether the value at `index` is of one of the kinds in "string|count". */
static bool is_one_of(lua_State *L, int index, const char *words)
{
    while (*words) {
        char kind[16];
        size_t len = first_word_len(words);
        if (len < sizeof kind) {
            memcpy(kind, words, len);
            kind[len] = '\0';
            if (is_kind(L, index, kind))
                return true;
        }
        words += len + (words[len] == '|');
    }
    return false;
}

/* Pushes what "string|seconds" expects: "a string or 0 or more seconds". [-0, +1, m] */
static void push_expected(lua_State *L, const char *words)
{
    lua_pushliteral(L, "");
    for (const char *at = words; *at;) {
        size_t len = first_word_len(at);
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, at, len) == 0)
                lua_pushfstring(L, "%s%s%s", lua_tostring(L, -1), at == words ? "" : " or ",
                                kinds[i].expected);
        at += len + (at[len] == '|');
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Returns the sorted keys of the specification at `known`, in a userdata that is pushed. [-0, +1, m] */
static const char *const *push_names(lua_State *L, int known, size_t *count)
{
    *count = 0;
    for (lua_pushnil(L); lua_next(L, known); lua_pop(L, 1))
        ++*count;
    const char **names = lua_newuserdatauv(L, (*count + 1) * sizeof *names, 0);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, known) && i < *count; lua_pop(L, 1))
        names[i++] = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    qsort(names, i, sizeof *names, by_text);
    return names;
}

/* Checks the options at `given` against the specification at `known`. If one is invalid, returns true and
 * leaves the message at the top of the stack. */
static bool push_problem(lua_State *L, int given, int known, const char *prefix)
{
    for (lua_pushnil(L); lua_next(L, given); lua_pop(L, 1)) {
        int value = lua_gettop(L);
        lua_pushvalue(L, -2);
        luaL_tolstring(L, -1, NULL);
        const char *name = bind_push_visible(L, -1);
        lua_pushvalue(L, value - 1); /* the key itself, not its text */
        if (lua_rawget(L, known) != LUA_TSTRING) {
            size_t count;
            const char *const *names = push_names(L, known, &count);
            push_unknown(L, prefix, name, names, count);
            return true;
        }
        const char *words = lua_tostring(L, -1);
        if (!is_one_of(L, value, words)) {
            const char *full_name = lua_pushfstring(L, "%s%s", prefix, name);
            push_expected(L, words);
            bool is_broken_list = lua_istable(L, value) && strstr(words, "list");
            (is_broken_list ? push_not_a_list : push_wrong)(L, full_name, lua_tostring(L, -1), value);
            return true;
        }
        lua_settop(L, value);
    }
    return false;
}

/* options.problem(given, known [, prefix]) -> message | nothing if the options are valid */
static int options_problem(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    const char *prefix = luaL_optstring(L, 3, "");
    return push_problem(L, 1, 2, prefix) ? 1 : 0;
}

/* options.check(fn, given, known [, level]) -> given, or an empty table */
static int options_check(lua_State *L)
{
    const char *fn = luaL_checkstring(L, 1);
    luaL_checktype(L, 3, LUA_TTABLE);
    int level = (int)luaL_optinteger(L, 4, 2);
    lua_settop(L, 3);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        return 1;
    }
    if (!lua_istable(L, 2)) {
        push_given(L, 2);
        lua_pushfstring(L, "expected a table of options, got %s", lua_tostring(L, -1));
    } else if (!push_problem(L, 2, 3, "")) {
        lua_settop(L, 2);
        return 1;
    }
    luaL_where(L, level);
    lua_pushfstring(L, "%s%s: %s", lua_tostring(L, -1), fn, lua_tostring(L, -2));
    return lua_error(L);
}

int bind_options_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"check", options_check}, {"problem", options_problem}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
