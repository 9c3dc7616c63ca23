/* Which lines of which chunk have breakpoints. Looked up at every call of a function, by the address of the
 * chunk's name first; the name is compared, because an address can be used again. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

bool debug_source_is_library(const char *name)
{
    return strncmp(name, "@bosun/", 7) == 0;
}

static debug_source *find_by_name(const debugger *d, const char *name)
{
    for (debug_source *s = d->sources; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static debug_source *add(debugger *d, const char *name)
{
    debug_source *s = calloc(1, sizeof *s);
    if (s)
        s->name = strdup(name);
    if (!s || !s->name) {
        free(s);
        return NULL;
    }
    s->library = debug_source_is_library(name);
    s->next = d->sources;
    d->sources = s;
    return s;
}

debug_source *debug_source_find(debugger *d, const char *name)
{
    debug_source **slot = &d->slots[((uintptr_t)name >> 4) % SOURCE_SLOTS];
    if (*slot && strcmp((*slot)->name, name) == 0)
        return *slot;
    debug_source *s = find_by_name(d, name);
    if (!s)
        s = add(d, name);
    if (s)
        *slot = s;
    return s;
}

void debug_source_set(debugger *d, debug_source *source, int *lines, size_t count)
{
    free(source->lines);
    source->lines = lines;
    source->count = count;
    d->filter = 0;
    for (const debug_source *s = d->sources; s; s = s->next)
        for (size_t i = 0; i < s->count; i++)
            d->filter |= UINT64_C(1) << ((unsigned)s->lines[i] % 64);
    d->stale = true;
}

bool debug_source_touches(const debug_source *source, int first, int last)
{
    for (size_t i = 0; i < source->count; i++)
        if (source->lines[i] >= first && source->lines[i] <= last)
            return true;
    return false;
}

void debug_sources_free(debugger *d)
{
    for (debug_source *s = d->sources; s;) {
        debug_source *next = s->next;
        free(s->name);
        free(s->lines);
        free(s);
        s = next;
    }
    d->sources = NULL;
    memset(d->slots, 0, sizeof d->slots);
}
