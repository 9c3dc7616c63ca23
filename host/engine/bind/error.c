/* bosun.error: the error value of both C and Lua, a table of code, op, message, file, line, column, path and
 * cause. Its tostring is the text for people, the same as that of bosun_err_text. */
#include "bind.h"
#include "core/failure.h"
#include <string.h>

#define ERROR_METATABLE "bosun.error"

/* Pushes the field `name` of the error at index 1 and `after`, or nothing if the field is not text. Returns
 * how many values it pushed. Raw access: an error from a plugin may have any metatable. [-0, +0|2, m] */
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

/* Pushes the known parts of "file:line:column: ". Returns how many values it pushed. [-0, +n, m] */
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

/* Replaces the secrets in the text at the top of the stack. [-1, +1, e] */
static void redact(lua_State *L)
{
    const bosun_secrets *secrets = &host_of(L)->secrets;
    if (secrets->count == 0)
        return;
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    bosun_buf *clean = bind_push_buf(L);
    bosun_redact(clean, secrets, text, len);
    bind_push_text(L, clean);
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

/* error .. text, as with a message that is a string */
static int error_concat(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

/* Makes the table at the top of the stack a bosun.error. [-0, +0, m] */
static void set_class(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__tostring", error_tostring}, {"__concat", error_concat}, {NULL, NULL}};
    bind_push_class(L, ERROR_METATABLE, NULL, metamethods);
    lua_setmetatable(L, -2);
}

static void set_known_text(lua_State *L, const char *name, const char *text)
{
    if (*text)
        bind_set_text(L, name, text, strlen(text));
}

static void set_known_number(lua_State *L, const char *name, unsigned number)
{
    if (number != 0)
        bind_set_integer(L, name, number);
}

/* Sets the field `cause` of the error at the top of the stack. [-0, +0, m] */
static void set_cause(lua_State *L, const bosun_err *err)
{
    if (err->cause == 0)
        return;
    lua_createtable(L, 0, 3);
    set_known_text(L, "code", err->code);
    set_known_text(L, "op", err->op);
    set_known_text(L, "message", err->message + err->cause);
    set_class(L);
    lua_setfield(L, -2, "cause");
}

int bind_push_error(lua_State *L, const bosun_err *err)
{
    lua_createtable(L, 0, 4);
    set_known_text(L, "code", err->code);
    set_known_text(L, "op", err->op);
    set_known_text(L, "message", err->message);
    set_known_text(L, "file", err->file);
    set_known_number(L, "line", err->line);
    set_known_number(L, "column", err->column);
    set_known_text(L, "path", err->path);
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

int bind_push_errno(lua_State *L, int errnum, const char *op, const char *path)
{
    bosun_err err = {0};
    bosun_err_errno(&err, errnum, op, path);
    return bind_push_failure(L, &err);
}

int bind_push_done(lua_State *L, int rc, const bosun_err *err)
{
    if (rc < 0)
        return bind_push_failure(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* Copies the text of a field, with NUL bytes made visible. A field that is not text leaves `out` as it is,
 * and so does one that is too long: cut, a secret in it would not be recognized. [-0, +0, m] */
static void read_text(lua_State *L, int index, const char *name, char *out, size_t size)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TSTRING) {
        lua_pop(L, 1);
        return;
    }
    const char *text = bind_push_visible(L, -1);
    if (strlen(text) < size)
        memcpy(out, text, strlen(text) + 1);
    lua_pop(L, 2);
}

void bind_read_failure(lua_State *L, int index, bosun_err *err)
{
    read_text(L, index, "code", err->code, sizeof err->code);
    read_text(L, index, "op", err->op, sizeof err->op);
    read_text(L, index, "hint", err->hint, sizeof err->hint);
    lua_pushliteral(L, "retryable");
    if (lua_rawget(L, index) == LUA_TBOOLEAN)
        err->retry = lua_toboolean(L, -1) ? BOSUN_RETRY_YES : BOSUN_RETRY_NO;
    lua_pop(L, 1);
}

/* error.failure(err, operation) -> data.error of a status: code, operation, retryable, hint. err: an error,
 * or nil or any other value, which has no code */
static int error_failure(lua_State *L)
{
    bosun_err err = {0};
    luaL_checkstring(L, 2);
    if (lua_istable(L, 1))
        bind_read_failure(L, 1, &err);
    lua_createtable(L, 0, 4);
    const char *code = err.code[0] ? err.code : BOSUN_ERR_FAILED;
    bind_set_text(L, "code", code, strlen(code));
    if (err.op[0])
        bind_set_text(L, "operation", err.op, strlen(err.op));
    else
        bind_set_text(L, "operation", lua_tostring(L, 2), strlen(lua_tostring(L, 2)));
    bind_set_boolean(L, "retryable", bosun_err_is_retryable(&err));
    bind_set_text(L, "hint", bosun_err_hint(&err), strlen(bosun_err_hint(&err)));
    return 1;
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
    bind_copy_fields(L, 1);
    check_text(L, "code");
    check_text(L, "message");
    set_class(L);
    return 1;
}

/* error.is(value) -> boolean */
static int error_is(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, bind_has_class(L, 1, ERROR_METATABLE));
    return 1;
}

/* Pushes the message of the error at index 1, or any other value converted to text. [-0, +1, e] */
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

/* Pushes "<argument 2>: <message of the error at index 1>". [-0, +1, e] */
static void push_context(lua_State *L)
{
    lua_pushvalue(L, 2);
    lua_pushliteral(L, ": ");
    push_message(L);
    lua_concat(L, 3); /* not lua_pushfstring: either part may contain a NUL byte */
}

/* error.wrap(err, message, fields) -> error with the message "<message>: <message of err>" and the cause err;
 * its other fields are those of `fields`, then those of err */
static int error_wrap(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 3);
    if (!lua_isnil(L, 3))
        luaL_checktype(L, 3, LUA_TTABLE);
    lua_newtable(L);
    if (lua_istable(L, 1))
        bind_copy_fields(L, 1);
    push_context(L);
    lua_setfield(L, -2, "message");
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "cause");
    if (lua_istable(L, 3))
        bind_copy_fields(L, 3);
    lua_pushliteral(L, BOSUN_ERR_FAILED);
    bind_set_default(L, "code");
    set_class(L);
    return 1;
}

int bind_error_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"new", error_new}, {"is", error_is}, {"wrap", error_wrap}, {"failure", error_failure}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
