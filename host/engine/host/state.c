/* The Lua state of a host: how it allocates, and a standard library adapted to an embedder: os.exit,
 * os.setlocale, os.execute, io.popen, debug.debug raises, print writes to the log, and
 * binary chunks are rejected. What else is adapted: require.c, finalizers.c,
 * lua/lib/bosun/host/dry_files.lua. */
#include "engine/bind/bind.h"
#include "host.h"
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

static void *default_allocate(void *data, void *block, size_t old, size_t size)
{
    (void)data;
    (void)old;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

static void *allocate(void *data, void *block, size_t old, size_t size)
{
    bosun_host *host = data;
    bosun_allocate_function *function = host->options.allocate ? host->options.allocate : default_allocate;
    if (!block)
        old = 0; /* for a new block, it is the kind of object, not a size */
    if (size == 0) {
        if (block)
            function(host->options.allocate_data, block, old, 0);
        host->memory_used -= old;
        return NULL;
    }
    size_t limit = host->options.memory_limit;
    if (limit && size > old && size - old > limit - (host->memory_used < limit ? host->memory_used : limit))
        return NULL;
    void *result = function(host->options.allocate_data, block, old, size);
    if (result)
        host->memory_used += size - old;
    return result;
}

/* Logs a warning from Lua itself, as when a finalizer raises, which comes in pieces. */
static void warn(void *data, const char *text, int continues)
{
    bosun_host *host = data;
    bosun_buf_puts(&host->warning, text);
    if (continues)
        return;
    if (host->warning.failed)
        host_log(host, BOSUN_LOG_WARN, NULL, 0, text, strlen(text));
    else
        host_log(host, BOSUN_LOG_WARN, NULL, 0, bosun_buf_text(&host->warning), host->warning.len);
    bosun_buf_clear(&host->warning);
}

lua_State *host_state_new(bosun_host *host)
{
    lua_State *L = lua_newstate(allocate, host);
    if (!L)
        return NULL;
    *(bosun_host **)lua_getextraspace(L) = host; /* Lua copies it to every new thread */
    lua_setwarnf(L, warn, host);
    return L;
}

/* Calls a loader with "t", text only, as its mode. upvalues: the loader, the index of its argument `mode` */
static int load_text_only(lua_State *L)
{
    int mode = (int)lua_tointeger(L, lua_upvalueindex(2));
    int given = lua_gettop(L);
    if (given < mode)
        lua_settop(L, mode);
    lua_pushliteral(L, "t");
    lua_replace(L, mode);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int print_to_log(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (int i = 1; i <= n; i++) {
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&text);
        if (i < n)
            luaL_addchar(&text, '\t');
    }
    luaL_pushresult(&text);
    size_t len;
    const char *bytes = lua_tolstring(L, -1, &len);
    if (host_of(L)->console) {
        lua_pushliteral(L, "\n");
        lua_concat(L, 2);
        bytes = lua_tolstring(L, -1, &len);
        host_print(host_of(L), bytes, len);
        return 0;
    }
    const bosun_log_field field = {.name = "from", .text = "print", .len = 5};
    host_log(host_of(L), BOSUN_LOG_INFO, &field, 1, bytes, len);
    return 0;
}

/* warn(text, …): one event. A single text that begins with '@', such as "@on", is for Lua's own warn. */
static int warn_to_log(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_checkstring(L, 1);
    for (int i = 2; i <= n; i++)
        luaL_checkstring(L, i);
    lua_concat(L, n);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (n > 1 || text[0] != '@')
        host_log(host_of(L), BOSUN_LOG_WARN, NULL, 0, text, len);
    return 0;
}

static int refuse(lua_State *L)
{
    return luaL_error(L, "%s is not available in a plugin: %s", lua_tostring(L, lua_upvalueindex(1)),
                      lua_tostring(L, lua_upvalueindex(2)));
}

static void set_refusal(lua_State *L, const char *table, const char *field, const char *why)
{
    lua_getglobal(L, table);
    lua_pushfstring(L, "%s.%s", table, field);
    lua_pushstring(L, why);
    lua_pushcclosure(L, refuse, 2);
    lua_setfield(L, -2, field);
    lua_pop(L, 1);
}

static void set_text_only(lua_State *L, const char *name, int mode)
{
    lua_getglobal(L, name);
    lua_pushinteger(L, mode);
    lua_pushcclosure(L, load_text_only, 2);
    lua_setglobal(L, name);
}

static void adapt_globals(lua_State *L)
{
    lua_getglobal(L, "error");
    host_of(L)->error = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    lua_pushcfunction(L, print_to_log);
    lua_setglobal(L, "print");
    lua_pushcfunction(L, warn_to_log);
    lua_setglobal(L, "warn");
    set_text_only(L, "load", 3);
    set_text_only(L, "loadfile", 2);
    lua_pushnil(L);
    lua_setglobal(L, "dofile");
    set_refusal(L, "os", "exit", "it would end the host; return an ActionStatusInfo, or raise an error");
    set_refusal(L, "os", "setlocale", "the locale belongs to the whole process");
    set_refusal(L, "debug", "debug", "it reads commands from standard input");
    set_refusal(L, "os", "execute", "it starts a shell; use bosun.process.run with a list of arguments");
    set_refusal(L, "io", "popen",
                "it starts a shell; use bosun.process.run or spawn with a list of arguments");
}

/* In a dry run, puts versions that change nothing in the place of Lua's own io.open, os.remove, … [-0, +0, e]
 */
static void hold_back_files(lua_State *L)
{
    host_push_library(L, "bosun.host.dry_files", "install");
    lua_call(L, 0, 0);
}

void host_state_open(lua_State *L)
{
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV"); /* ignore LUA_PATH and LUA_CPATH */
    luaL_openlibs(L);
    adapt_globals(L);
    host_open_finalizers(L);
    host_open_plugin_hooks(L);
    host_open_require(L);
    bind_preload(L);
    if (host_of(L)->options.dry_run)
        hold_back_files(L);
}
