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

void host_load_file(lua_State *L, const char *path)
{
    bosun_buf *source = bind_push_buf(L);
    bosun_err err = {0};
    if (bosun_fs_read(path, SOURCE_MAX, source, bind_wait(L), &err) < 0)
        luaL_error(L, "%s", err.message);
    const char *text = bosun_buf_text(source);
    size_t start = text_start(text, source->len);
    const char *name = lua_pushfstring(L, "@%s", path);
    if (luaL_loadbufferx(L, text + start, source->len - start, name, "t") != LUA_OK)
        lua_error(L);
    bosun_buf_free(source);
    lua_replace(L, -3); /* [buffer, name, chunk] -> [chunk, name] */
    lua_pop(L, 1);
}
