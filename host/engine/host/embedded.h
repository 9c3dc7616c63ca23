/* The Lua files embedded in the library, compiled when it is built (tools/embed.c): "bosun/….lua" from
 * lua/lib and "plugins/….lua" from lua/plugins. */
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

/* Returns the file of that name, or NULL. */
const bosun_embedded *host_embedded_find(const char *name);

/* Pushes the file's chunk. [-0, +1, e] */
void host_embedded_load(lua_State *L, const bosun_embedded *file);

#endif
