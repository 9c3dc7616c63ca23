/* Converts what Lua code has raised, a string, an error value with fields or any other value, to an error. */
#include "raised.h"
#include "engine/bind/bind.h"
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pushes a string field of the error, or nil, and returns its text, "" for nil. Raw access, because no code
 * may run here. [-0, +1, m] */
static const char *push_text(lua_State *L, int index, const char *name)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TSTRING)
        return "";
    const char *text = bind_push_visible(L, -1);
    lua_remove(L, -2);
    return text;
}

static unsigned read_number(lua_State *L, int index, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
    lua_Integer number = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return number > 0 && number <= UINT_MAX ? (unsigned)number : 0;
}

/* Reads the fields of the error at index 1 and pushes its message. Returns false, with nothing pushed, if it
 * has no message. [-0, +0|1, m] */
static bool read_fields(lua_State *L, bosun_raised *r)
{
    bind_read_failure(L, 1, r->err);
    const char *file = push_text(L, 1, "file");
    const char *path = push_text(L, 1, "path");
    bosun_err_at(r->err, file, read_number(L, 1, "line"), read_number(L, 1, "column"), path);
    lua_pop(L, 2);
    lua_pushliteral(L, "problems"); /* of a config: a line of the message for each */
    r->err->several = lua_rawget(L, 1) == LUA_TTABLE && lua_rawlen(L, -1) > 1;
    lua_pop(L, 1);
    lua_pushliteral(L, "message");
    r->has_fields = lua_rawget(L, 1) == LUA_TSTRING;
    if (!r->has_fields)
        lua_pop(L, 1);
    return r->has_fields;
}

bool host_raised_is_status(lua_State *L, int index)
{
    if (!lua_istable(L, index) || luaL_getmetafield(L, index, "__name") == LUA_TNIL)
        return false;
    const char *name = lua_tostring(L, -1);
    bool is_status = name && strcmp(name, "ActionStatusInfo") == 0;
    lua_pop(L, 1);
    return is_status;
}

/* Pushes the message of the error value at index 1. Raises if the value's __tostring does. [-0, +1, e] */
static void push_message(lua_State *L, bosun_raised *r)
{
    if (lua_istable(L, 1) && read_fields(L, r))
        return;
    if (host_raised_is_status(L, 1) && lua_getfield(L, 1, "msg") == LUA_TSTRING)
        return;
    if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL || lua_isstring(L, 1))
        luaL_tolstring(L, 1, NULL);
    else
        lua_pushfstring(L, "raised %s%s instead of an error message", lua_isnil(L, 1) ? "" : "a ",
                        luaL_typename(L, 1));
}

/* [error value, raised] -> [message, without NUL bytes] */
static int read_error(lua_State *L)
{
    bosun_raised *r = lua_touserdata(L, 2);
    lua_settop(L, 1);
    push_message(L, r);
    bind_push_visible(L, -1);
    return 1;
}

/* Needs no memory, unlike read_error. */
static bool is_plain_string(lua_State *L)
{
    return lua_type(L, -1) == LUA_TSTRING && strlen(lua_tostring(L, -1)) == lua_rawlen(L, -1);
}

void host_raised_read(lua_State *L, bool stopped, bosun_raised *r)
{
    if (is_plain_string(L))
        return;
    if (stopped) {
        lua_pop(L, 1);
        lua_pushnil(L);
        return;
    }
    int value = lua_gettop(L);
    lua_pushcfunction(L, read_error); /* needs no memory: a light C function */
    lua_pushvalue(L, value);
    lua_pushlightuserdata(L, r);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_replace(L, value);
}

const char *host_raised_split(const char *text, size_t *file_len, unsigned *line)
{
    const char *at = strstr(text, ".lua:");
    if (!at || memchr(text, ' ', (size_t)(at - text)))
        return NULL;
    at += 5;
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > 9 || at[digits] != ':' || at[digits + 1] != ' ')
        return NULL;
    *file_len = (size_t)(at - text) - 1;
    *line = (unsigned)strtoul(at, NULL, 10);
    return at + digits + 2;
}

/* For a string. The place in the string itself is the best one, unless it is in the library, or its path is
 * so long that Lua has cut it to "...end/of/it": then the plugin's place is used. */
static int set_string(const bosun_raised *raised, const char *what, const char *text, const char *file,
                      unsigned line)
{
    bosun_err *err = raised->err;
    size_t len = 0;
    unsigned own_line = 0;
    const char *message = host_raised_split(text, &len, &own_line);
    bool useful = message && strncmp(text, "bosun/", 6) != 0 && strncmp(text, "...", 3) != 0;
    const char *code = raised->expected ? BOSUN_ERR_FAILED : BOSUN_ERR_PLUGIN;
    bosun_err_set(err, code, what, "%s", message && (useful || file) ? message : text);
    if (useful) {
        char own_file[BOSUN_ERR_FILE_MAX];
        snprintf(own_file, sizeof own_file, "%.*s", (int)len, text);
        return bosun_err_at(err, own_file, own_line, 0, NULL);
    }
    return file ? bosun_err_at(err, file, line, 0, NULL) : -1;
}

/* For an error value, whose fields *err already has. Adds the plugin's place, unless the error is about
 * another file. */
static int set_value(bosun_err *err, const char *what, const char *message, const char *file, unsigned line)
{
    bosun_err own = *err;
    bosun_err_set(err, own.code[0] ? own.code : BOSUN_ERR_FAILED, own.op[0] ? own.op : what, "%s", message);
    err->several = own.several;
    err->retry = own.retry;
    memcpy(err->hint, own.hint, sizeof err->hint);
    if (own.file[0])
        return bosun_err_at(err, own.file, own.line, own.column, own.path);
    return bosun_err_at(err, file ? file : "", file ? line : 0, 0, own.path);
}

void host_raised_set(const bosun_raised *raised, const char *what, const char *message, const char *file,
                     unsigned line)
{
    if (!message)
        set_string(raised, what, "raised an error whose __tostring also raised an error", file, line);
    else if (raised->has_fields)
        set_value(raised->err, what, message, file, line);
    else
        set_string(raised, what, message, file, line);
}
