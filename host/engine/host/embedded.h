/* The Lua files that are part of the library, compiled when it is built (tools/embed.c): "bosun/….lua" of
 * lua/lib and "plugins/….lua" of lua/plugins. */
#ifndef BOSUN_ENGINE_HOST_EMBEDDED_H
#define BOSUN_ENGINE_HOST_EMBEDDED_H

#include <lua.h>
#include <stddef.h>

typedef struct bosun_embedded {
    const char *name;
    const unsigned char *bytes;
    size_t size;
} bosun_embedded;

extern const bosun_embedded bosun_embedded_files[]; /* sorted by name */
extern const size_t bosun_embedded_count;

/* The file of that name, or NULL. */
const bosun_embedded *host_embedded_find(const char *name);

/* Pushes the file's chunk, or raises. [-0, +1, e] */
void host_embedded_load(lua_State *L, const bosun_embedded *file);

#endif
