/* Converts a value that Lua code has raised to an error. */
#ifndef BOSUN_ENGINE_HOST_RAISED_H
#define BOSUN_ENGINE_HOST_RAISED_H

#include "core/base/err.h"
#include <lua.h>
#include <stdbool.h>

/* Returns whether the value at `index` is an ActionStatusInfo, which plugins raise to end an action in their
 * own words. [-0, +0, m] */
bool host_raised_is_status(lua_State *L, int index);

/* Splits "file.lua:12: message", as Lua formats string errors, and returns the message. NULL: the text does
 * not begin with a place. */
const char *host_raised_split(const char *text, size_t *file_len, unsigned *line);

/* The result of reading a raised value. */
typedef struct bosun_raised {
    bosun_err *err;
    bool has_fields; /* it is an error value; *err has its fields, except the message */
    bool expected;   /* it is a text that the plugin raised without a place, which is enough for people */
} bosun_raised;

/* Replaces the value at the top of the stack with its message, or nil if it has none. stopped: the action has
 * to stop, so no code may run and only plain strings are read. [-1, +1, -] */
void host_raised_read(lua_State *L, bool stopped, bosun_raised *raised);

/* Completes raised->err with the message from host_raised_read (NULL: none). what: "loading the plugin"; file
 * (NULL: unknown) and line: where the plugin raised the value. */
void host_raised_set(const bosun_raised *raised, const char *what, const char *message, const char *file,
                     unsigned line);

#endif
