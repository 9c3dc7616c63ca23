/* From a value that Lua code raised to an error. */
#ifndef BOSUN_ENGINE_HOST_RAISED_H
#define BOSUN_ENGINE_HOST_RAISED_H

#include "core/base/err.h"
#include <lua.h>
#include <stdbool.h>

/* What a raised value says of itself. */
typedef struct bosun_raised {
    bosun_err *err;
    bool has_fields; /* it is an error value, and *err has its fields but for the message */
} bosun_raised;

/* Replaces the error value on the top of the stack by its message, whatever it is: nil when it has none. Only
 * plain strings are looked at when the host is stopped: nothing may run then. [-1, +1, -] */
void host_raised_read(lua_State *L, bool stopped, bosun_raised *raised);

/* Makes raised->err the error, from that message (NULL: it had none). what: was being done; file (NULL: not
 * known) and line: the plugin's place. */
void host_raised_set(const bosun_raised *raised, const char *what, const char *message, const char *file,
                     unsigned line);

#endif
