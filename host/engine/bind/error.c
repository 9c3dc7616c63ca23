/* bosun.error: the one error value, which C and Lua make alike: a table of code, op, message, file, line,
 * column, path and cause, whose tostring is the text for people (as bosun_err_text has it). */
#include "bind.h"
#include <string.h>

#define ERROR_METATABLE "bosun.error"

/* Pushes the text or number at `name` of the error at index 1, and `after`. How many values that were: 2, or
 * 0 when it has none. Raw: an error of a plugin's may have any metatable. [-0, +0|2, m] */
static int push_part(lua_State *L, const char *name, const char *after)
{
    lua_pushstring(L, name);
    lua_rawget(L, 1);
    if (!lua_isstring(L, -1)) {
        lua_pop(L, 1);
        return 0;
    }
    lua_pushstring(L, after);
    return 2;
}

static bool has_field(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    bool found = lua_rawget(L, 1) != LUA_TNIL;
    lua_pop(L, 1);
    return found;
}

/* Pushes "file:line:column: ", as much as there is. Returns how many values. */
static int push_place(lua_State *L)
{
    bool has_line = has_field(L, "line");
    bool has_column = has_line && has_field(L, "column");
    lua_pushliteral(L, "file");
    bool has_file = lua_rawget(L, 1) == LUA_TSTRING && lua_rawlen(L, -1) > 0;
    lua_pop(L, 1);
    if (!has_file || !(has_line || has_field(L, "path")))
        return 0;
    int count = push_part(L, "file", has_line ? ":" : ": ");
    if (has_line)
        count += push_part(L, "line", has_column ? ":" : ": ");
    return count + (has_column ? push_part(L, "column", ": ") : 0);
}

/* Replaces the text on the top of the stack by one without secrets. [-1, +1, m] */
static void redact(lua_State *L)
{
    const bosun_secrets *secrets = &host_of(L)->secrets;
    if (secrets->count == 0)
        return;
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    bosun_buf *clean = bind_push_buf(L);
    bosun_redact(clean, secrets, text, len);
    if (clean->failed)
        luaL_error(L, "out of memory");
    lua_pushlstring(L, bosun_buf_text(clean), clean->len);
    bosun_buf_free(clean);
}

static int error_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    int count = push_place(L);
    count += push_part(L, "path", ": ");
    count += push_part(L, "message", "");
    lua_concat(L, count);
    redact(L);
    return 1;
}

/* Makes the table at the top of the stack an error. [-0, +0, m] */
static void set_class(lua_State *L)
{
    if (luaL_newmetatable(L, ERROR_METATABLE)) {
        lua_pushcfunction(L, error_tostring);
        lua_setfield(L, -2, "__tostring");
    }
    lua_setmetatable(L, -2);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, unsigned number)
{
    if (number == 0)
        return;
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

/* Sets the field `cause` of the table at the top: the error below this one. [-0, +0, m] */
static void set_cause(lua_State *L, const bosun_err *err)
{
    if (err->cause == 0)
        return;
    lua_createtable(L, 0, 3);
    set_text(L, "code", err->code);
    set_text(L, "op", err->op);
    set_text(L, "message", err->message + err->cause);
    set_class(L);
    lua_setfield(L, -2, "cause");
}

int bind_push_error(lua_State *L, const bosun_err *err)
{
    lua_createtable(L, 0, 4);
    set_text(L, "code", err->code);
    set_text(L, "op", err->op);
    set_text(L, "message", err->message);
    set_text(L, "file", err->file);
    set_number(L, "line", err->line);
    set_number(L, "column", err->column);
    set_text(L, "path", err->path);
    set_cause(L, err);
    set_class(L);
    return 1;
}

int bind_push_failure(lua_State *L, const bosun_err *err)
{
    luaL_pushfail(L);
    bind_push_error(L, err);
    return 2;
}

int bind_push_done(lua_State *L, int rc, const bosun_err *err)
{
    if (rc < 0)
        return bind_push_failure(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* Copies the fields of the table at `from`, when it is one, to the table at the top of the stack. [-0, +0, m]
 */
static void copy_fields(lua_State *L, int from)
{
    if (!lua_istable(L, from))
        return;
    lua_pushnil(L);
    while (lua_next(L, from)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
}

static void check_text(lua_State *L, const char *name)
{
    if (lua_getfield(L, -1, name) != LUA_TSTRING)
        luaL_argerror(L, 1,
                      lua_pushfstring(L, "field %s: expected a string, got %s", name, luaL_typename(L, -1)));
    lua_pop(L, 1);
}

/* error.new{code=, op=, message=, file=, line=, column=, path=, cause=, …} -> error */
static int error_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_newtable(L);
    copy_fields(L, 1);
    check_text(L, "code");
    check_text(L, "message");
    set_class(L);
    return 1;
}

/* error.is(value) -> boolean */
static int error_is(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, lua_getmetatable(L, 1) && luaL_getmetatable(L, ERROR_METATABLE) == LUA_TTABLE &&
                           lua_rawequal(L, -1, -2));
    return 1;
}

/* Pushes the message of the error at index 1, or any other value as text. [-0, +1, e] */
static void push_message(lua_State *L)
{
    if (lua_istable(L, 1)) {
        lua_pushliteral(L, "message");
        if (lua_rawget(L, 1) == LUA_TSTRING)
            return;
        lua_pop(L, 1);
    }
    luaL_tolstring(L, 1, NULL);
}

/* Sets the field `name` of the table at the top unless it has one. */
static void set_default(lua_State *L, const char *name, const char *text)
{
    if (lua_getfield(L, -1, name) == LUA_TNIL) {
        lua_pushstring(L, text);
        lua_setfield(L, -3, name);
    }
    lua_pop(L, 1);
}

/* error.wrap(err, message, fields) -> error: "message: err's message"; its cause is err, its fields are err's
 * but for those given */
static int error_wrap(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 3);
    if (!lua_isnil(L, 3))
        luaL_checktype(L, 3, LUA_TTABLE);
    push_message(L);
    lua_newtable(L);
    copy_fields(L, 1);
    lua_pushvalue(L, 2);
    lua_pushliteral(L, ": ");
    lua_pushvalue(L, 4);
    lua_concat(L, 3); /* either may hold a NUL */
    lua_setfield(L, -2, "message");
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "cause");
    copy_fields(L, 3);
    set_default(L, "code", BOSUN_ERR_INVALID);
    set_class(L);
    return 1;
}

int bind_error_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"new", error_new}, {"is", error_is}, {"wrap", error_wrap}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
