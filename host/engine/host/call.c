/* The one way from C into Lua: a protected call whose message handler keeps the error value as it is and
 * notes, while the stack still stands, the traceback and the line of the plugin. The value becomes text
 * afterwards, in a second protected call, because a __tostring can raise or never end. */
#include "host.h"
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACEBACK_LEVELS 20

/* Registry keys: their addresses are unique, their content is not used. */
static const char traceback_key = 't';
static const char file_key = 'f'; /* the place of an error: the plugin's file … */
static const char line_key = 'l'; /* … and line */
static const char method_file_key = 'F';
static const char method_line_key = 'L';

void host_set_place(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &method_line_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &method_file_key);
}

static bool is_library(const char *source)
{
    return strncmp(source, "@bosun/", 7) == 0;
}

/* Pushes file and line of the innermost function that is a plugin's own, else of the method that was called
 * (a tail call leaves no trace of itself), or nil and nil. [-0, +2, m] */
static void push_where(lua_State *L)
{
    lua_Debug frame;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && frame.source[0] == '@' && !is_library(frame.source)) {
            lua_pushstring(L, frame.source + 1);
            lua_pushinteger(L, frame.currentline);
            return;
        }
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &method_file_key);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &method_line_key);
}

/* An error about a file of its own, a config, names the places in it: the plugin's line that read it would
 * only distract. */
static bool is_about_a_file(lua_State *L)
{
    if (!lua_istable(L, 1))
        return false;
    lua_pushliteral(L, "file");
    bool found = lua_rawget(L, 1) == LUA_TSTRING;
    lua_pop(L, 1);
    return found;
}

/* Message handler. [error value] -> [the same error value] */
static int note_stack(lua_State *L)
{
    lua_settop(L, 1);
    if (is_about_a_file(L))
        return 1;
    luaL_traceback(L, L, NULL, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
    push_where(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &line_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &file_key);
    return 1;
}

/* The error's own fields into *err, as far as they are there and of the right type; raw, since nothing may
 * run here. [-0, +0, -] */
static void read_field(lua_State *L, int index, const char *name, char *out, size_t size)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, index) == LUA_TSTRING)
        snprintf(out, size, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

static unsigned read_number(lua_State *L, int index, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
    lua_Integer number = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return number > 0 && number <= UINT_MAX ? (unsigned)number : 0;
}

/* What a raised value says of itself. */
typedef struct raised {
    bosun_err *err;
    bool has_fields; /* it is an error value, and *err has its fields but for the message */
} raised;

/* [error value, raised] -> [message]: raises when the value's __tostring does. */
static int read_error(lua_State *L)
{
    raised *r = lua_touserdata(L, 2);
    lua_settop(L, 1);
    if (lua_istable(L, 1)) {
        char file[BOSUN_ERR_FILE_MAX] = "";
        char path[BOSUN_ERR_PATH_MAX] = "";
        read_field(L, 1, "code", r->err->code, sizeof r->err->code);
        read_field(L, 1, "op", r->err->op, sizeof r->err->op);
        read_field(L, 1, "file", file, sizeof file);
        read_field(L, 1, "path", path, sizeof path);
        bosun_err_at(r->err, file, read_number(L, 1, "line"), read_number(L, 1, "column"), path);
        lua_pushliteral(L, "message");
        r->has_fields = lua_rawget(L, 1) == LUA_TSTRING;
        if (r->has_fields)
            return 1;
    }
    if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL || lua_isstring(L, 1))
        luaL_tolstring(L, 1, NULL);
    else
        lua_pushfstring(L, "raised an error value that is %s%s instead of a message",
                        lua_isnil(L, 1) ? "" : "a ", luaL_typename(L, 1));
    return 1;
}

/* Replaces the error value on the top of the stack by its message, whatever it is. Only plain strings are
 * looked at when the host is stopped: nothing may run then. [-1, +1, -] (nil when there is none) */
static void read_message(lua_State *L, bool stopped, raised *r)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return;
    if (stopped) {
        lua_pop(L, 1);
        lua_pushnil(L);
        return;
    }
    int value = lua_gettop(L);
    lua_pushcfunction(L, read_error); /* a light C function: allocates nothing */
    lua_pushvalue(L, value);
    lua_pushlightuserdata(L, r);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_replace(L, value);
}

static void log_traceback(bosun_host *host, const char *what)
{
    lua_State *L = host->L;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key) == LUA_TSTRING) {
        const bosun_log_field field = {.name = "while", .text = what, .len = strlen(what)};
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        host_log(host, BOSUN_LOG_ERROR, &field, 1, text, len);
    }
    lua_pop(L, 1);
}

/* Lua puts "file.lua:12: " in front of messages that are strings. The message behind it, with file and line;
 * NULL: it does not begin with a place. */
static const char *split_place(const char *text, size_t *file_len, unsigned *line)
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

/* A string was raised. The place that Lua put into it is the best one, unless it is a line of the library, or
 * a path that Lua cut to "...end/of/it" for its length: then it is that of the plugin. */
static int set_string(bosun_err *err, const char *what, const char *text, const char *file, unsigned line)
{
    size_t len = 0;
    unsigned own_line = 0;
    const char *message = split_place(text, &len, &own_line);
    bool useful = message && strncmp(text, "bosun/", 6) != 0 && strncmp(text, "...", 3) != 0;
    bosun_err_set(err, BOSUN_ERR_INVALID, what, "%s", message && (useful || file) ? message : text);
    if (useful) {
        char own_file[BOSUN_ERR_FILE_MAX];
        snprintf(own_file, sizeof own_file, "%.*s", (int)len, text);
        return bosun_err_at(err, own_file, own_line, 0, NULL);
    }
    return file ? bosun_err_at(err, file, line, 0, NULL) : -1;
}

/* An error value was raised, whose fields *err has. It keeps them; its place is the plugin's line, unless it
 * is about a file of its own. */
static int set_value(bosun_err *err, const char *what, const char *message, const char *file, unsigned line)
{
    bosun_err own = *err;
    bosun_err_set(err, own.code[0] ? own.code : BOSUN_ERR_INVALID, own.op[0] ? own.op : what, "%s", message);
    if (own.file[0])
        return bosun_err_at(err, own.file, own.line, own.column, own.path);
    return bosun_err_at(err, file ? file : "", file ? line : 0, 0, own.path);
}

/* What a failed call leaves in *err. The error's message is on the top of the stack. */
static void fill_error(lua_State *L, int status, const char *stop, const char *what, const raised *r)
{
    bosun_err *err = r->err;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    const char *file =
        lua_rawgetp(L, LUA_REGISTRYINDEX, &file_key) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &line_key);
    unsigned line = (unsigned)lua_tointeger(L, -1);
    if (status == LUA_ERRMEM)
        bosun_err_set(err, BOSUN_ERR_NOMEM, what, "out of memory while %s", what);
    else if (stop && file)
        bosun_err_set(err, BOSUN_ERR_CANCELLED, what, "%s while %s, at %s:%u", stop, what, file, line);
    else if (stop)
        bosun_err_set(err, BOSUN_ERR_CANCELLED, what, "%s while %s", stop, what);
    else if (!text)
        set_string(err, what, "raised an error value whose __tostring raised an error in turn", file, line);
    else if (r->has_fields)
        set_value(err, what, text, file, line);
    else
        set_string(err, what, text, file, line);
    lua_pop(L, 2);
}

static const char *const note_keys[] = {&traceback_key, &file_key, &line_key};

static void clear_notes(lua_State *L)
{
    for (size_t i = 0; i < sizeof note_keys / sizeof note_keys[0]; i++) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, note_keys[i]);
    }
}

/* Setting a registry slot for the first time allocates; these exist before anything can fail. [-0, +0, m] */
static int prepare_notes(lua_State *L)
{
    for (size_t i = 0; i < sizeof note_keys / sizeof note_keys[0]; i++) {
        lua_pushboolean(L, 0);
        lua_rawsetp(L, LUA_REGISTRYINDEX, note_keys[i]);
    }
    return 0;
}

int host_call(bosun_host *host, lua_CFunction function, void *argument, const char *what, bosun_err *err)
{
    lua_State *L = host->L;
    lua_settop(L, 0);
    lua_pushcfunction(L, prepare_notes);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lua_settop(L, 0);
        return bosun_err_set(err, BOSUN_ERR_NOMEM, what, "out of memory while %s", what);
    }
    lua_pushcfunction(L, note_stack);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    int status = lua_pcall(L, 1, 0, 1);
    if (status == LUA_OK) {
        clear_notes(L);
        lua_settop(L, 0);
        return 0;
    }
    char text[128];
    bool stopped = host_limits_stopped(host, text, sizeof text);
    if (stopped)
        host_limits_disarm(L);
    bosun_err failure = {0}; /* the caller may not want to know */
    raised r = {.err = err ? err : &failure};
    *r.err = failure;
    read_message(L, stopped, &r);
    stopped = stopped || host_limits_stopped(host, text, sizeof text); /* a __tostring may never end */
    log_traceback(host, what);
    fill_error(L, status, stopped ? text : NULL, what, &r);
    clear_notes(L);
    lua_settop(L, 0);
    return -1;
}
