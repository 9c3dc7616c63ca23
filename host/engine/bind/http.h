/* What the bind_http*.c files share: bosun.native.http, which lua/lib/bosun/http.lua stands on. libcurl's
 * callbacks are in the core and never reach Lua: Lua asks a transfer, between the steps of its client, what
 * came and what it wants. */
#ifndef BOSUN_ENGINE_BIND_HTTP_H
#define BOSUN_ENGINE_BIND_HTTP_H

#include "bind.h"
#include "core/http/http.h"

typedef struct bind_http_client_box {
    bosun_http_client *client; /* NULL: not used yet, or closed */
    bool closed;
} bind_http_client_box;

/* Reads the table at `index`, which lua/lib/bosun/http/request.lua has checked. The request borrows from the
 * table and from what this pushes. [-0, +n, e] */
void bind_http_read_request(lua_State *L, int index, bosun_http_request *request);

/* Starts the request in the table at `spec` with the client at `client`: a transfer, or nil and the error. */
int bind_http_push_transfer(lua_State *L, int client, int spec, bosun_http_client *http);

/* The reply as a table {status=, headers="name\0value\0…", body=, received=, elapsed=, retry_after=}, which
 * lua/lib/bosun/http/response.lua makes a response. [-0, +1, m] */
void bind_http_push_reply(lua_State *L, const bosun_http_reply *reply);

/* Makes the metatable `name` with these methods and metamethods. [-0, +0, m] */
void bind_http_new_class(lua_State *L, const char *name, const luaL_Reg *methods,
                         const luaL_Reg *metamethods);

void bind_http_add_transfer(lua_State *L);
void bind_http_add_connection(lua_State *L); /* and the function `connect` of the module at the top */

#endif
