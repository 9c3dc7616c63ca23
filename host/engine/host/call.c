/* The one way from C into Lua: a protected call whose message handler keeps the error value as it is and
 * notes, while the stack still stands, the traceback and the line of the plugin. The value becomes text
 * afterwards, in a second protected call, because a __tostring can raise or never end. */
#include "host.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define TRACEBACK_LEVELS 20

/* Registry keys: their addresses are unique, their content is not used. */
static const char traceback_key = 't';
static const char where_key = 'w';
static const char place_key = 'p';

void host_set_place(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &place_key);
}

static bool is_library(const char *source)
{
    return strncmp(source, "@bosun/", 7) == 0;
}

/* Pushes "file:line" of the innermost function that is a plugin's own, else of the method that was called (a
 * tail call leaves no trace of itself), or nil. [-0, +1, m] */
static void push_where(lua_State *L)
{
    lua_Debug frame;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && frame.source[0] == '@' && !is_library(frame.source)) {
            lua_pushfstring(L, "%s:%d", frame.source + 1, frame.currentline);
            return;
        }
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &place_key);
}

/* An error about a config names the places in that file; the plugin's line that read it would only distract.
 */
static bool names_own_places(lua_State *L)
{
    if (!lua_istable(L, 1))
        return false;
    lua_pushliteral(L, "problems");
    bool found = lua_rawget(L, 1) == LUA_TTABLE;
    lua_pop(L, 1);
    return found;
}

/* Message handler. [error value] -> [the same error value] */
static int note_stack(lua_State *L)
{
    lua_settop(L, 1);
    if (names_own_places(L))
        return 1;
    luaL_traceback(L, L, NULL, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
    push_where(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &where_key);
    return 1;
}

/* [error value] -> [text]: raises when the value's __tostring does. */
static int error_text(lua_State *L)
{
    if (lua_istable(L, 1)) {
        lua_pushliteral(L, "message");
        lua_rawget(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING)
            return 1;
    }
    if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL || lua_isstring(L, 1))
        luaL_tolstring(L, 1, NULL);
    else
        lua_pushfstring(L, "an error was raised with %s%s as its value instead of a message",
                        lua_isnil(L, 1) ? "" : "a ", luaL_typename(L, 1));
    return 1;
}

/* Replaces the error value on the top of the stack by its text, whatever it is. Only plain strings are looked
 * at when the host is stopped: nothing may run then. [-1, +1, -] (a short string when memory is gone) */
static void make_text(lua_State *L, bool stopped)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return;
    if (stopped) {
        lua_pop(L, 1);
        lua_pushnil(L);
        return;
    }
    int value = lua_gettop(L);
    lua_pushcfunction(L, error_text); /* a light C function: allocates nothing */
    lua_pushvalue(L, value);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
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

/* The text behind "file.lua:12: " at its beginning; NULL: it does not begin with a place. */
static const char *behind_place(const char *text)
{
    const char *at = strstr(text, ".lua:");
    if (!at || memchr(text, ' ', (size_t)(at - text)))
        return NULL;
    at += 5;
    size_t digits = strspn(at, "0123456789");
    return digits > 0 && at[digits] == ':' && at[digits + 1] == ' ' ? at + digits + 2 : NULL;
}

/* "place: message". The place that Lua put into the text is the best one, unless it is a line of the library,
 * or a path that Lua cut to "...end/of/it" for its length; then it is that of the plugin. */
static int set_message(bosun_err *err, const char *what, const char *where, const char *text)
{
    const char *message = behind_place(text);
    bool useful = message && strncmp(text, "bosun/", 6) != 0 && strncmp(text, "...", 3) != 0;
    if (useful || !where)
        return bosun_err_set(err, BOSUN_ERR_INVALID, what, "%s", text);
    return bosun_err_set(err, BOSUN_ERR_INVALID, what, "%s: %s", where, message ? message : text);
}

/* What a failed call leaves in *err. The error's text is on the top of the stack. */
static void fill_error(bosun_host *host, int status, const char *stop, const char *what, bosun_err *err)
{
    lua_State *L = host->L;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    const char *where =
        lua_rawgetp(L, LUA_REGISTRYINDEX, &where_key) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (status == LUA_ERRMEM)
        bosun_err_set(err, BOSUN_ERR_NOMEM, what, "out of memory while %s", what);
    else if (stop)
        bosun_err_set(err, BOSUN_ERR_CANCELLED, what, "%s while %s%s%s", stop, what, where ? ", at " : "",
                      where ? where : "");
    else if (!text)
        bosun_err_set(err, BOSUN_ERR_INVALID, what,
                      "%s: raised an error whose text cannot be had: its __tostring raised in turn",
                      where ? where : what);
    else
        set_message(err, what, where, text);
    lua_pop(L, 1);
}

static void clear_notes(lua_State *L)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &where_key);
}

/* Setting a registry slot for the first time allocates; these exist before anything can fail. [-0, +0, m] */
static int prepare_notes(lua_State *L)
{
    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &where_key);
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
    make_text(L, stopped);
    stopped = stopped || host_limits_stopped(host, text, sizeof text); /* a __tostring may never end */
    log_traceback(host, what);
    fill_error(host, status, stopped ? text : NULL, what, err);
    clear_notes(L);
    lua_settop(L, 0);
    return -1;
}
