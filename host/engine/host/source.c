/* Lua source files: read under the limits, as text only. */
#include "core/fs/fs.h"
#include "engine/bind/bind.h"
#include "host.h"
#include <string.h>

#define SOURCE_MAX ((size_t)16 * 1024 * 1024)

/* Returns where the Lua code begins: after a byte order mark and a first line that starts with '#'. */
static size_t text_start(const char *text, size_t len)
{
    size_t at = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (at < len && text[at] == '#')
        while (at < len && text[at] != '\n')
            at++;
    return at;
}

void host_load_text(lua_State *L, const char *text, size_t len, const char *name)
{
    size_t start = len > 0 ? text_start(text, len) : 0;
    const char *chunk = lua_pushfstring(L, "@%s", name);
    if (luaL_loadbufferx(L, text + start, len - start, chunk, "t") != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
}

void host_load_memory(lua_State *L, const char *text, size_t len, const char *name)
{
    size_t size = strlen(name);
    bool whole = size > 4 && strcmp(name + size - 4, ".lua") == 0;
    host_load_text(L, text, len, lua_pushfstring(L, whole ? "%s" : "%s.lua", name));
}

void host_load_file(lua_State *L, const char *path)
{
    bosun_buf *source = bind_push_buf(L);
    bosun_err err = {0};
    if (bosun_fs_read(path, SOURCE_MAX, source, bind_wait(L), &err) < 0)
        luaL_error(L, "%s", err.message);
    host_load_text(L, bosun_buf_text(source), source->len, path);
    bosun_buf_free(source);
    lua_remove(L, -2);
}
