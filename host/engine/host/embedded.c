/* Finds and loads embedded files. */
#include "embedded.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *name, const void *file)
{
    return strcmp(name, ((const bosun_embedded *)file)->name);
}

const bosun_embedded *host_embedded_find(const char *name)
{
    return bsearch(name, bosun_embedded_files, bosun_embedded_count, sizeof(bosun_embedded), compare);
}

void host_embedded_load(lua_State *L, const bosun_embedded *file)
{
    if (luaL_loadbufferx(L, (const char *)file->bytes, file->size, file->name, "b") != LUA_OK)
        lua_error(L);
}
