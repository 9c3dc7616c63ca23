/* The only way from C into Lua: a protected call. Its message handler keeps the error value unchanged, and
 * records the traceback and the plugin's line before the stack unwinds. The value is converted to text later,
 * in a second protected call, because its __tostring may raise or never return. */
#include "host.h"
#include "raised.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* Registry keys: only their addresses matter. */
static const char traceback_key = 't';
static const char expected_key = 'e';
static const char file_key = 'f'; /* where the plugin raised the error */
static const char line_key = 'l';
static const char method_file_key = 'F'; /* where the method begins that the host has called */
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

/* Pushes the file and line of the innermost function of the plugin. If there is none on the stack, as after a
 * tail call: those of the method that was called, or nil and nil. [-0, +2, m] */
static void push_place(lua_State *L)
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

/* Returns whether the error at index 1 names a file itself, a config. Then the plugin's line that read the
 * file would only distract. [-0, +0, m] */
static bool names_file(lua_State *L)
{
    if (!lua_istable(L, 1))
        return false;
    lua_pushliteral(L, "file");
    bool found = lua_rawget(L, 1) == LUA_TSTRING;
    lua_pop(L, 1);
    return found;
}

/* Returns whether the text begins with the place of an active function, which `error` puts there. */
static bool begins_with_place(lua_State *L, const char *text)
{
    lua_Debug frame;
    char place[LUA_IDSIZE + 16];
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        int len = snprintf(place, sizeof place, "%s:%d: ", frame.short_src, frame.currentline);
        if (strncmp(text, place, (size_t)len) == 0)
            return true;
    }
    return false;
}

/* Returns whether Lua's `error` has raised the error, called by a plugin. The library, too, leaves out
 * places, where a tail call has left it none; those errors are the plugin's bugs. [-0, +0, m] */
static bool is_raised_by_plugin(lua_State *L)
{
    lua_Debug frame;
    if (!lua_getstack(L, 1, &frame))
        return false;
    lua_getinfo(L, "f", &frame);
    bool by_error = lua_tocfunction(L, -1) == host_of(L)->error;
    lua_pop(L, 1);
    if (!by_error || !lua_getstack(L, 2, &frame))
        return false;
    lua_getinfo(L, "S", &frame);
    return !is_library(frame.source);
}

/* Returns whether the error at index 1 is one that a plugin foresees, in words that are enough for people: a
 * text that it raises without a place, error(text, 0). [-0, +0, m] */
static bool is_expected(lua_State *L)
{
    size_t len;
    unsigned line;
    if (lua_type(L, 1) != LUA_TSTRING || !is_raised_by_plugin(L))
        return false;
    const char *text = lua_tostring(L, 1);
    return !host_raised_split(text, &len, &line) && !begins_with_place(L, text);
}

static bool is_recorded(lua_State *L)
{
    bool recorded = lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key) == LUA_TSTRING;
    lua_pop(L, 1);
    return recorded;
}

int host_record_stack(lua_State *L)
{
    lua_settop(L, 1);
    const host_watcher *watcher = host_of(L)->watcher;
    if (watcher && !is_recorded(L))
        watcher->raised(L);
    if (is_recorded(L) || names_file(L) || host_raised_is_status(L, 1))
        return 1;
    bool expected = is_expected(L);
    lua_pushboolean(L, expected);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &expected_key);
    luaL_traceback(L, L, NULL, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
    if (expected)
        return 1;
    push_place(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &line_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &file_key);
    return 1;
}

/* Keeps the traceback until the error is logged. That of an expected failure is only for the plugin's author.
 */
static void keep_traceback(bosun_host *host, const char *what)
{
    lua_State *L = host->L;
    host_log_traceback(host);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &expected_key);
    host->traceback_level = lua_toboolean(L, -1) ? BOSUN_LOG_DEBUG : BOSUN_LOG_ERROR;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        bosun_buf_printf(&host->traceback, "%s: ", what);
        bosun_buf_append(&host->traceback, text, len);
    }
    lua_pop(L, 2);
}

/* Why the action has to stop. */
typedef struct stop_reason {
    const char *code; /* NULL: it does not */
    char why[128];
} stop_reason;

/* Fills *err after a failed call, from the message at the top of the stack and what host_record_stack has
 * recorded. */
static void fill_error(lua_State *L, int status, const stop_reason *stop, const char *what,
                       const bosun_raised *r)
{
    bosun_err *err = r->err;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    const char *file =
        lua_rawgetp(L, LUA_REGISTRYINDEX, &file_key) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &line_key);
    unsigned line = (unsigned)lua_tointeger(L, -1);
    if (status == LUA_ERRMEM)
        bosun_err_set(err, BOSUN_ERR_NOMEM, what, "out of memory while %s", what);
    else if (stop->code && file)
        bosun_err_set(err, stop->code, what, "%s while %s, at %s:%u", stop->why, what, file, line);
    else if (stop->code)
        bosun_err_set(err, stop->code, what, "%s while %s", stop->why, what);
    else
        host_raised_set(r, what, text, file, line);
    lua_pop(L, 2);
}

static const char *const record_keys[] = {&traceback_key, &expected_key, &file_key, &line_key};

static void clear_record(lua_State *L)
{
    for (size_t i = 0; i < sizeof record_keys / sizeof record_keys[0]; i++) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, record_keys[i]);
    }
}

/* Sets the registry slots a first time, which allocates, so that host_record_stack needs no memory for them.
 * [-0, +0, m] */
static int prepare_record(lua_State *L)
{
    for (size_t i = 0; i < sizeof record_keys / sizeof record_keys[0]; i++) {
        lua_pushboolean(L, 0);
        lua_rawsetp(L, LUA_REGISTRYINDEX, record_keys[i]);
    }
    return 0;
}

/* Fills *err after a failed call, whose error value is at the top of the stack, and keeps the traceback. */
static void report_failure(bosun_host *host, int status, const char *what, bosun_err *err)
{
    lua_State *L = host->L;
    stop_reason stop;
    stop.code = host_limits_stopped(&host->limits, stop.why, sizeof stop.why);
    if (stop.code)
        host_limits_disarm(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &expected_key);
    bosun_raised raised = {.err = err, .expected = lua_toboolean(L, -1)};
    lua_pop(L, 1);
    *err = (bosun_err){0};
    host_raised_read(L, stop.code != NULL, &raised);
    /* Again, because time may run out in the value's __tostring. */
    if (!stop.code)
        stop.code = host_limits_stopped(&host->limits, stop.why, sizeof stop.why);
    keep_traceback(host, what);
    fill_error(L, status, &stop, what, &raised);
}

int host_call(bosun_host *host, lua_CFunction function, void *argument, const char *what, bosun_err *err)
{
    lua_State *L = host->L;
    lua_settop(L, 0);
    host_limits_arm(L);
    lua_pushcfunction(L, prepare_record);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lua_settop(L, 0);
        return bosun_err_set(err, BOSUN_ERR_NOMEM, what, "out of memory while %s", what);
    }
    lua_pushcfunction(L, host_record_stack);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    int status = lua_pcall(L, 1, 0, 1);
    if (status != LUA_OK)
        report_failure(host, status, what, err);
    clear_record(L);
    lua_settop(L, 0);
    return status == LUA_OK ? 0 : -1;
}
