/* The names of plugins: those there are, their other names, and what to say about one that is not there. */
#ifndef BOSUN_ENGINE_HOST_PLUGIN_NAMES_H
#define BOSUN_ENGINE_HOST_PLUGIN_NAMES_H

#include "host.h"
#include <limits.h>

/* The name of the built-in plugin that the Python runner also calls `name`; NULL: it is no such name. */
const char *host_plugin_alias(const char *name);

/* Copies the next folder of a colon-separated list, and moves *rest past it. Returns false at the end. */
bool host_next_dir(const char **rest, char dir[PATH_MAX]);

/* Sets the error about a plugin that no folder has, with a suggestion. Returns -1. */
int host_plugin_not_found(const bosun_dirs *dirs, const char *plugin, bosun_err *err);

#endif
