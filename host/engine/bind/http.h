/* What the files of bosun.native.http share, the base of lua/lib/bosun/http.lua. No callback of libcurl
 * reaches Lua. Between two steps of a client, Lua asks each transfer what it has received and whether it
 * needs more of the body. */
#ifndef BOSUN_ENGINE_BIND_HTTP_H
#define BOSUN_ENGINE_BIND_HTTP_H

#include "bind.h"
#include "core/http/http.h"

typedef struct bind_http_client_box {
    bosun_http_client *client; /* NULL: unused or closed */
    bool closed;
} bind_http_client_box;

#define BIND_HTTP_CONNECTION "bosun.http.connection" /* metatable of the following */

typedef struct bind_http_connection_box {
    bosun_http_connection *connection; /* NULL: closed, or it has become a WebSocket */
    bosun_http_reply refusal;          /* the reply of a server that did not switch; status 0: none */
} bind_http_connection_box;

/* Fills *request from the table at `index`, checked before by lua/lib/bosun/http/request.lua. The request
 * borrows from the table and from the values this function pushes. [-0, +n, e] */
void bind_http_read_request(lua_State *L, int index, bosun_http_request *request);

/* Starts the request in the table at index `spec`, using the client at index `client`. Pushes the transfer,
 * or nil and the error; returns how many values. [-0, +n, e] */
int bind_http_push_transfer(lua_State *L, int client, int spec, bosun_http_client *http);

/* Pushes the reply as a table {status=, headers="name\0value\0…", body=, received=, elapsed=, retry_after=},
 * for lua/lib/bosun/http/response.lua to turn into a response. [-0, +1, m] */
void bind_http_push_reply(lua_State *L, const bosun_http_reply *reply);

/* Creates the class of transfers. [-0, +0, m] */
void bind_http_add_transfer(lua_State *L);

/* Adds `transport` and `check` to the module at the top of the stack, if the program makes the requests: see
 * http_program.c. [-0, +0, m] */
void bind_http_add_program(lua_State *L);

/* Fails in such a program: there are no connections but its own. */
int bind_http_check_network(lua_State *L, bosun_err *err);

/* Creates the class of connections, and adds `connect` to the module at the top of the stack. [-0, +0, m] */
void bind_http_add_connection(lua_State *L);

/* Creates the class of WebSockets, and adds `websocket` and `websocket_accept` to the module at the top of
 * the stack. [-0, +0, m] */
void bind_http_add_websocket(lua_State *L);

#endif
