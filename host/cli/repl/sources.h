/* The source texts of the embedded Lua files, for :doc and for places in them. Made by tools/embed.c. */
#ifndef BOSUN_CLI_REPL_SOURCES_H
#define BOSUN_CLI_REPL_SOURCES_H

#include <stddef.h>

typedef struct repl_source_file {
    const char *name; /* "bosun/fs.lua" */
    const unsigned char *bytes;
    size_t size;
} repl_source_file;

/* Sorted by name. The runner, whose worker has a prompt, too, is linked without them. */
extern const repl_source_file repl_source_files[] __attribute__((weak));
extern const size_t repl_source_count __attribute__((weak));

/* host_console's function. */
const char *repl_source_at(const char *name, size_t index, const char **found, size_t *len);

#endif
