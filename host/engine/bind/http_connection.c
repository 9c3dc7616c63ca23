/* bosun.native.http: connections that switch from HTTP to another protocol. */
#include "core/base/buf.h"
#include "http.h"

#define RECEIVE_MAX   ((lua_Integer)64 * 1024) /* default of recv's option max */
#define RECEIVE_LIMIT ((lua_Integer)64 * 1024 * 1024)

/* native.connect(request) -> connection, reply | nil, err [, reply that refused the switch] */
static int http_connect(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    bosun_http_request request;
    bind_http_read_request(L, 1, &request);
    bind_http_connection_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (bind_http_connection_box){0};
    luaL_setmetatable(L, BIND_HTTP_CONNECTION);
    bosun_err err = {0};
    if (bind_http_check_network(L, &err) == 0)
        box->connection = bosun_http_connect(&request, bind_wait(L), &box->refusal, &err);
    if (box->connection) {
        bind_http_push_reply(L, bosun_http_connection_reply(box->connection));
        return 2;
    }
    bind_push_failure(L, &err);
    if (box->refusal.status == 0)
        return 2;
    bind_http_push_reply(L, &box->refusal);
    return 3;
}

static bind_http_connection_box *check_box(lua_State *L)
{
    return luaL_checkudata(L, 1, BIND_HTTP_CONNECTION);
}

static bosun_http_connection *check_open(lua_State *L)
{
    bind_http_connection_box *box = check_box(L);
    luaL_argcheck(L, box->connection, 1, "the connection is closed");
    return box->connection;
}

/* connection:send(bytes) -> true | nil, err */
static int connection_send(lua_State *L)
{
    size_t len;
    bosun_http_connection *connection = check_open(L);
    const char *bytes = luaL_checklstring(L, 2, &len);
    bosun_err err = {0};
    int rc = bosun_http_connection_send(connection, bytes, len, bind_wait(L), &err);
    return bind_push_done(L, rc, &err);
}

/* connection:recv({max=, timeout=}) -> bytes | nothing at the end of the stream | nil, err */
static int connection_recv(lua_State *L)
{
    static const char *const known[] = {"max", "timeout", NULL};
    bosun_http_connection *connection = check_open(L);
    bind_check_options(L, 2, known);
    lua_Integer max = bind_option_integer(L, 2, "max", RECEIVE_MAX);
    luaL_argcheck(L, max > 0 && max <= RECEIVE_LIMIT, 2, "option max: expected 1 to 64 MiB");
    int64_t until = bosun_wait_after(bind_option_seconds(L, 2, "timeout", "limit", BOSUN_NO_DEADLINE));
    luaL_Buffer buffer;
    char *to = luaL_buffinitsize(L, &buffer, (size_t)max);
    bosun_err err = {0};
    ptrdiff_t n = bosun_http_connection_recv(connection, to, (size_t)max, until, bind_wait(L), &err);
    if (n < 0)
        return bind_push_failure(L, &err);
    if (n == 0)
        return 0;
    luaL_pushresultsize(&buffer, (size_t)n);
    return 1;
}

/* connection:close(), __close and __gc */
static int connection_close(lua_State *L)
{
    bind_http_connection_box *box = check_box(L);
    bosun_http_connection_free(box->connection);
    box->connection = NULL;
    bosun_buf_free(&box->refusal.headers);
    bosun_buf_free(&box->refusal.body);
    return 0;
}

void bind_http_add_connection(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"send", connection_send}, {"recv", connection_recv}, {"close", connection_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", connection_close}, {"__close", connection_close}, {NULL, NULL}};
    bind_push_class(L, BIND_HTTP_CONNECTION, methods, metamethods);
    lua_pop(L, 1);
    lua_pushcfunction(L, http_connect);
    lua_setfield(L, -2, "connect");
}
