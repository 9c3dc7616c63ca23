/* bosun.native.http: clients, and what bosun.http needs from the host: dry runs, the trace. */
#include "http.h"
#include "engine/host/host.h"

#define CLIENT_METATABLE "bosun.http.client"

/* native.client() -> client. It opens nothing before the first request. */
static int http_client(lua_State *L)
{
    bind_http_client_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (bind_http_client_box){0};
    luaL_setmetatable(L, CLIENT_METATABLE);
    return 1;
}

static bind_http_client_box *check_client(lua_State *L)
{
    return luaL_checkudata(L, 1, CLIENT_METATABLE);
}

/* client:start(request) -> transfer | nil, err */
static int client_start(lua_State *L)
{
    bind_http_client_box *box = check_client(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_argcheck(L, !box->closed, 1, "the client is closed");
    bosun_err err = {0};
    if (!box->client)
        box->client = bosun_http_client_new(&err);
    if (!box->client)
        return bind_push_failure(L, &err);
    return bind_http_push_transfer(L, 1, 2, box->client);
}

/* client:step([seconds]) -> true | nil, err. Waits until a transfer makes progress, at most `seconds`. */
static int client_step(lua_State *L)
{
    bind_http_client_box *box = check_client(L);
    int64_t until = bosun_wait_after(bind_check_seconds(L, 2, "limit", BOSUN_NO_DEADLINE));
    luaL_argcheck(L, box->client, 1, "the client is closed or has no transfer");
    bosun_err err = {0};
    int rc = bosun_http_step(box->client, bind_wait(L), until, &err);
    return bind_push_done(L, rc, &err);
}

/* client:close(), __close and __gc. Ends the transfers of the client. */
static int client_close(lua_State *L)
{
    bind_http_client_box *box = check_client(L);
    bosun_http_client_free(box->client);
    *box = (bind_http_client_box){.closed = true};
    return 0;
}

/* native.effect(op, text) -> true: make the change | false: a dry run, which has added it to its plan */
static int http_effect(lua_State *L)
{
    const char *op = luaL_checkstring(L, 1);
    lua_pushboolean(L, host_effect_begin(L, &(host_change){.op = op, .target = luaL_checkstring(L, 2)}));
    return 1;
}

/* native.reveal(value) -> text of a string or secret | nil */
static int http_reveal(lua_State *L)
{
    size_t len = 0;
    const char *text = bind_text_or_secret(L, 1, &len);
    if (text)
        lua_pushlstring(L, text, len);
    else
        lua_pushnil(L);
    return 1;
}

/* native.traces() -> boolean: whether the host logs the trace */
static int http_traces(lua_State *L)
{
    lua_pushboolean(L, host_traces(host_of(L)));
    return 1;
}

/* native.span() -> id, traceparent: of a request that is to come */
static int http_span(lua_State *L)
{
    char id[BOSUN_SPAN_ID_SIZE];
    char traceparent[BOSUN_TRACEPARENT_SIZE];
    host_begin_span(host_of(L), id, traceparent);
    lua_pushstring(L, id);
    lua_pushstring(L, traceparent);
    return 2;
}

/* Returns the detail whose name and value are at `index` of the list at the top of the stack, which keeps
 * them. [-0, +0, e] */
static bosun_log_field detail_at(lua_State *L, lua_Integer index)
{
    bosun_log_field field = {.name = ""};
    lua_rawgeti(L, -1, index);
    lua_rawgeti(L, -2, index + 1);
    field.name = luaL_checkstring(L, -2);
    field.bare = lua_type(L, -1) == LUA_TNUMBER;
    if (field.bare) {
        lua_tolstring(L, -1, NULL);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -4, index + 1);
    }
    field.text = luaL_checklstring(L, -1, &field.len);
    lua_pop(L, 2);
    return field;
}

/* native.trace(op, args, start, outcome, id, code|nil, {name, value, …}): logs one event. start: a
 * time.monotonic(); id: from native.span; code: of the failure; the list: details */
static int http_trace(lua_State *L)
{
    bosun_log_field details[HOST_SPAN_DETAILS];
    host_span span = {.op = luaL_checkstring(L, 1), .details = details};
    lua_settop(L, 7);
    span.args = luaL_checklstring(L, 2, &span.args_len);
    span.start = bosun_nanoseconds(luaL_checknumber(L, 3));
    span.outcome = luaL_checklstring(L, 4, &span.outcome_len);
    span.id = luaL_optstring(L, 5, NULL);
    span.error = luaL_optstring(L, 6, NULL);
    luaL_checktype(L, 7, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 7);
    for (lua_Integer i = 1; i < count && span.detail_count < HOST_SPAN_DETAILS; i += 2)
        details[span.detail_count++] = detail_at(L, i);
    host_trace(host_of(L), &span);
    return 0;
}

static void add_client(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"start", client_start}, {"step", client_step}, {"close", client_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", client_close}, {"__close", client_close}, {NULL, NULL}};
    bind_push_class(L, CLIENT_METATABLE, methods, metamethods);
    lua_pop(L, 1);
}

int bind_http_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"client", http_client},
        {"effect", http_effect},
        {"reveal", http_reveal},
        {"traces", http_traces},
        {"trace", http_trace},
        {"span", http_span},
        {NULL, NULL},
    };
    add_client(L);
    bind_http_add_transfer(L);
    luaL_newlib(L, functions);
    bind_http_add_program(L);
    bind_http_add_connection(L);
    bind_http_add_websocket(L);
    return 1;
}
