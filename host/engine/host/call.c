/* The one way from C into Lua: a protected call whose message handler keeps the error value as it is and
 * notes, while the stack still stands, the traceback and the line of the plugin. The value becomes text
 * afterwards, in a second protected call, because a __tostring can raise or never end. */
#include "host.h"
#include "raised.h"
#include <lauxlib.h>
#include <stdio.h>
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

/* What a failed call leaves in *err. The error's message is on the top of the stack. */
static void fill_error(lua_State *L, int status, const char *stop, const char *what, const bosun_raised *r)
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
    else
        host_raised_set(r, what, text, file, line);
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

/* The call has failed; its error value is on the top of the stack. Fills *err, and tells the log. */
static void note_failure(bosun_host *host, int status, const char *what, bosun_err *err)
{
    lua_State *L = host->L;
    char text[128];
    bool stopped = host_limits_stopped(&host->limits, text, sizeof text);
    if (stopped)
        host_limits_disarm(L);
    bosun_raised raised = {.err = err};
    *err = (bosun_err){0};
    host_raised_read(L, stopped, &raised);
    stopped =
        stopped || host_limits_stopped(&host->limits, text, sizeof text); /* a __tostring may never end */
    log_traceback(host, what);
    fill_error(L, status, stopped ? text : NULL, what, &raised);
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
    if (status != LUA_OK)
        note_failure(host, status, what, err);
    clear_notes(L);
    lua_settop(L, 0);
    return status == LUA_OK ? 0 : -1;
}
