/* `require`. It searches, in this order: package.preload with the library's modules in C, the embedded
 * modules, those that the embedder gives, the plugin's folder, and package.path and package.cpath, which have
 * the system's folders. The plugin's folder is not in package.path, where ';', '?' and '%' in its name would
 * mean something. The working directory is never searched, and binary chunks are rejected. */
#include "engine/bind/bind.h"
#include "host.h"
#include <string.h>
#include <sys/stat.h>

/* Returns the embedded file of a module, <prefix>NAME.lua or <prefix>NAME/init.lua, or NULL. Cuts the stack
 * to one value. */
static const bosun_embedded *find_embedded(lua_State *L, const char *prefix, const char *module)
{
    const char *path = luaL_gsub(L, module, ".", "/");
    const bosun_embedded *file = host_embedded_find(lua_pushfstring(L, "%s%s.lua", prefix, path));
    if (!file)
        file = host_embedded_find(lua_pushfstring(L, "%s%s/init.lua", prefix, path));
    lua_settop(L, 1);
    return file;
}

static bool is_library(const char *module)
{
    return strncmp(module, "bosun", 5) == 0 && (module[5] == '.' || module[5] == '\0');
}

/* A searcher for the modules of the library, for those of the built-in plugin that is loaded, and for those
 * of the embedder. */
static int search_embedded(lua_State *L)
{
    lua_settop(L, 1);
    const char *module = luaL_checkstring(L, 1);
    const bosun_embedded *file = is_library(module) ? find_embedded(L, "", module) : NULL;
    if (!file && lua_getfield(L, LUA_REGISTRYINDEX, BOSUN_EMBEDDED_DIR) == LUA_TSTRING) {
        const char *prefix = lua_pushfstring(L, "%s/", lua_tostring(L, -1));
        file = find_embedded(L, prefix, module);
    }
    lua_settop(L, 1);
    if (!file)
        return host_search_given(L);
    host_embedded_load(L, file);
    lua_pushstring(L, file->name);
    return 2;
}

/* Returns whether the path at the top of the stack is a file. Otherwise, replaces it with what `require` says
 * about a place where it has looked. [-1, +1, m] */
static bool check_candidate(lua_State *L)
{
    const char *path = lua_tostring(L, -1);
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        return true;
    lua_pushfstring(L, "no file '%s'", path);
    lua_remove(L, -2);
    return false;
}

/* Pushes the chunk of the file at the top of the stack, and its path. Returns 2. [-0, +2, e] */
static int load_file(lua_State *L)
{
    host_load_file(L, lua_tostring(L, -1));
    lua_pushvalue(L, -2);
    return 2;
}

/* A searcher for the plugin's folder, NAME.lua and NAME/init.lua. */
static int search_plugin_dir(lua_State *L)
{
    const char *name = luaL_gsub(L, luaL_checkstring(L, 1), ".", "/");
    if (lua_getfield(L, LUA_REGISTRYINDEX, BOSUN_PLUGIN_DIR) != LUA_TSTRING)
        return 0;
    const char *dir = lua_tostring(L, -1);
    lua_pushfstring(L, "%s/%s.lua", dir, name);
    if (check_candidate(L))
        return load_file(L);
    lua_pushfstring(L, "%s/%s/init.lua", dir, name);
    if (check_candidate(L))
        return load_file(L);
    lua_pushfstring(L, "%s\n\t%s", lua_tostring(L, -2), lua_tostring(L, -1));
    return 1;
}

/* A searcher like Lua's own for package.path, except that it loads with host_load_file. upvalue: package */
static int search_path(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_getfield(L, lua_upvalueindex(1), "searchpath");
    lua_pushvalue(L, 1);
    lua_getfield(L, lua_upvalueindex(1), "path");
    lua_call(L, 2, 2); /* path, or nil and the places searched */
    if (lua_isnil(L, -2))
        return 1;
    lua_pop(L, 1);
    return load_file(L);
}

/* A C module has to find this Lua, and can start any process. [-0, +0, e] */
static void announce_process(lua_State *L, const char *module)
{
    bosun_err err = {0};
    if (host_check_c_module(module, &err) < 0 || host_announce_process(host_of(L), module, &err) < 0)
        luaL_error(L, "%s", err.message);
}

/* package.loadlib, announced. upvalue: Lua's own */
static int load_library(lua_State *L)
{
    announce_process(L, luaL_checkstring(L, 1));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Will the searchers find a C module of that name which is not the library's own? upvalues: those of
 * search_c. [-0, +0, e] */
static bool is_foreign(lua_State *L, const char *module)
{
    int top = lua_gettop(L);
    bool own = strcmp(module, "cjson") == 0 || strcmp(module, "cjson.safe") == 0;
    lua_getfield(L, lua_upvalueindex(2), "cpath");
    own = own && lua_rawequal(L, -1, lua_upvalueindex(3));
    bool found = false;
    for (int i = 0; i < 2 && !own && !found; i++) {
        lua_getfield(L, lua_upvalueindex(2), "searchpath");
        lua_pushlstring(L, module, i ? strcspn(module, ".") : strlen(module));
        lua_pushvalue(L, top + 1);
        lua_call(L, 2, 1);
        found = !lua_isnil(L, -1);
    }
    lua_settop(L, top);
    return found;
}

/* One of Lua's two searchers for C modules, announced. upvalues: the searcher, package, its first cpath */
static int search_c(lua_State *L)
{
    const char *module = luaL_checkstring(L, 1);
    lua_CFunction inside = bind_cjson_inside(module);
    if (inside) {
        lua_pushcfunction(L, inside);
        lua_pushliteral(L, "libbosun");
        return 2;
    }
    if (is_foreign(L, module))
        announce_process(L, module);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Pushes the search path without the entries that are relative to the working directory. [-0, +1, m] */
static void push_absolute_entries(lua_State *L, const char *path)
{
    luaL_Buffer kept;
    luaL_buffinit(L, &kept);
    while (*path) {
        size_t len = strcspn(path, ";");
        if (path[0] == '/') {
            if (luaL_bufflen(&kept) > 0)
                luaL_addchar(&kept, ';');
            luaL_addlstring(&kept, path, len);
        }
        path += len + (path[len] == ';');
    }
    luaL_pushresult(&kept);
}

/* Removes the entries that are relative from package.path or package.cpath; package is at the top of the
 * stack. [-0, +0, m] */
static void clean_search_path(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    push_absolute_entries(L, lua_tostring(L, -1));
    lua_setfield(L, -3, name);
    lua_pop(L, 1);
}

/* Puts search_c around a searcher of the table at the top of the stack, package.searchers above package.
 * [-0, +0, m] */
static void announce_searcher(lua_State *L, lua_Integer index)
{
    lua_rawgeti(L, -1, index);
    lua_pushvalue(L, -3);
    lua_getfield(L, -1, "cpath");
    lua_pushcclosure(L, search_c, 3);
    lua_rawseti(L, -2, index);
}

/* Makes package.searchers, which is at the top of the stack above package: preload, embedded, the plugin's
 * folder, package.path, then Lua's two for C modules. [-0, +0, m] */
static void set_searchers(lua_State *L)
{
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i > 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 2);
    }
    lua_pushcfunction(L, search_embedded);
    lua_rawseti(L, -2, 2);
    lua_pushcfunction(L, search_plugin_dir);
    lua_rawseti(L, -2, 3);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, search_path, 1);
    lua_rawseti(L, -2, 4);
    announce_searcher(L, 5);
    announce_searcher(L, 6);
}

/* Keeps a function of `package`, which is at the top of the stack, in the registry. [-0, +0, m] */
static void keep_function(lua_State *L, const char *name, const char *key)
{
    lua_getfield(L, -1, name);
    lua_setfield(L, LUA_REGISTRYINDEX, key);
}

void host_open_require(lua_State *L)
{
    lua_getglobal(L, "package");
    clean_search_path(L, "path");
    clean_search_path(L, "cpath");
    lua_getfield(L, -1, "cpath");
    lua_setfield(L, LUA_REGISTRYINDEX, BOSUN_SYSTEM_CPATH);
    keep_function(L, "searchpath", BOSUN_SYSTEM_SEARCHPATH);
    keep_function(L, "loadlib", BOSUN_SYSTEM_LOADLIB);
    lua_getfield(L, -1, "loadlib");
    lua_pushcclosure(L, load_library, 1);
    lua_setfield(L, -2, "loadlib");
    lua_getfield(L, -1, "searchers");
    set_searchers(L);
    lua_pop(L, 2);
}

void host_push_library(lua_State *L, const char *module, const char *function)
{
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, function);
    lua_remove(L, -2);
}
