/* bosun.native.http: WebSockets over a connection that has switched to one. */
#include "core/http/websocket.h"
#include "http.h"

#define WEBSOCKET_METATABLE "bosun.http.websocket"

typedef struct websocket_box {
    bosun_websocket *ws; /* NULL: closed */
} websocket_box;

/* native.websocket_accept(key) -> what the server has to answer */
static int http_websocket_accept(lua_State *L)
{
    char accept[BOSUN_WEBSOCKET_ACCEPT_SIZE];
    bosun_websocket_accept(accept, luaL_checkstring(L, 1));
    lua_pushstring(L, accept);
    return 1;
}

/* native.websocket(connection, max) -> websocket | nil, err. The connection is closed for everybody else. */
static int http_websocket(lua_State *L)
{
    bind_http_connection_box *from = luaL_checkudata(L, 1, BIND_HTTP_CONNECTION);
    lua_Integer max = luaL_optinteger(L, 2, (lua_Integer)BOSUN_WEBSOCKET_MESSAGE_MAX);
    luaL_argcheck(L, from->connection, 1, "the connection is closed");
    luaL_argcheck(L, max > 0, 2, "expected more than 0 bytes");
    websocket_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (websocket_box){0};
    luaL_setmetatable(L, WEBSOCKET_METATABLE);
    bosun_err err = {0};
    box->ws = bosun_websocket_new(from->connection, (size_t)max, &err);
    if (!box->ws)
        return bind_push_failure(L, &err);
    from->connection = NULL;
    return 1;
}

static bosun_websocket *check_open(lua_State *L)
{
    websocket_box *box = luaL_checkudata(L, 1, WEBSOCKET_METATABLE);
    luaL_argcheck(L, box->ws, 1, "the WebSocket is closed");
    return box->ws;
}

/* websocket:send(bytes, is_text) -> true | nil, err. What cannot be sent at once, recv sends. */
static int websocket_send(lua_State *L)
{
    size_t len;
    bosun_websocket *ws = check_open(L);
    const char *bytes = luaL_checklstring(L, 2, &len);
    bosun_websocket_kind kind = lua_toboolean(L, 3) ? BOSUN_WEBSOCKET_TEXT : BOSUN_WEBSOCKET_BINARY;
    bosun_err err = {0};
    return bind_push_done(L, bosun_websocket_send(ws, kind, bytes, len, &err), &err);
}

static int push_message(lua_State *L, const bosun_websocket_message *message)
{
    bool closed = message->kind == BOSUN_WEBSOCKET_CLOSE;
    lua_pushstring(L, closed ? "close" : message->kind == BOSUN_WEBSOCKET_TEXT ? "text" : "binary");
    lua_pushlstring(L, message->len > 0 ? message->bytes : "", message->len);
    if (!closed)
        return 2;
    lua_pushinteger(L, message->code);
    return 3;
}

/* websocket:recv([seconds [, sent]]) -> "text"|"binary", bytes | "close", reason, code | "late" | "sent" |
 * nil, err. sent: come back as soon as everything is sent */
static int websocket_recv(lua_State *L)
{
    bosun_websocket *ws = check_open(L);
    int64_t until = bosun_wait_after(bind_check_seconds(L, 2, "limit", BOSUN_NO_DEADLINE));
    bosun_websocket_message message;
    bosun_err err = {0};
    switch (bosun_websocket_step(ws, lua_toboolean(L, 3), until, bind_wait(L), &message, &err)) {
    case BOSUN_WEBSOCKET_RECEIVED: return push_message(L, &message);
    case BOSUN_WEBSOCKET_SENT: lua_pushliteral(L, "sent"); return 1;
    case BOSUN_WEBSOCKET_LATE: lua_pushliteral(L, "late"); return 1;
    default: return bind_push_failure(L, &err);
    }
}

/* websocket:close(), __close and __gc */
static int websocket_close(lua_State *L)
{
    websocket_box *box = luaL_checkudata(L, 1, WEBSOCKET_METATABLE);
    bosun_websocket_free(box->ws);
    box->ws = NULL;
    return 0;
}

void bind_http_add_websocket(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"send", websocket_send}, {"recv", websocket_recv}, {"close", websocket_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", websocket_close}, {"__close", websocket_close}, {NULL, NULL}};
    bind_push_class(L, WEBSOCKET_METATABLE, methods, metamethods);
    lua_pop(L, 1);
    lua_pushcfunction(L, http_websocket);
    lua_setfield(L, -2, "websocket");
    lua_pushcfunction(L, http_websocket_accept);
    lua_setfield(L, -2, "websocket_accept");
}
