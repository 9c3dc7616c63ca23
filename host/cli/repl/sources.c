/* Finds the source text of an embedded Lua file. */
#include "sources.h"
#include "repl.h"
#include <stdlib.h>
#include <string.h>

static int compare(const void *name, const void *file)
{
    return strcmp(name, ((const repl_source_file *)file)->name);
}

const char *repl_source_at(const char *name, size_t index, const char **found, size_t *len)
{
    if (!&repl_source_count)
        return NULL;
    const repl_source_file *file = index < repl_source_count ? &repl_source_files[index] : NULL;
    if (name)
        file = bsearch(name, repl_source_files, repl_source_count, sizeof *file, compare);
    if (!file)
        return NULL;
    *found = file->name;
    *len = file->size;
    return (const char *)file->bytes;
}

const char *repl_source(const char *name, size_t *len)
{
    const char *found;
    return repl_source_at(name, 0, &found, len);
}
