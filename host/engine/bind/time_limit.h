/* What the files of bosun.time share. */
#ifndef BOSUN_ENGINE_BIND_TIME_LIMIT_H
#define BOSUN_ENGINE_BIND_TIME_LIMIT_H

#include <lua.h>
#include <stdint.h>

/* Pushes the seconds until `end`, a point in time of bosun_monotonic; 0 after that. [-0, +1, -] */
void bind_push_seconds_left(lua_State *L, int64_t end);

/* Creates the class of limits, and adds `limit` to the module at the top of the stack. [-0, +0, m] */
void bind_time_add_limit(lua_State *L);

#endif
