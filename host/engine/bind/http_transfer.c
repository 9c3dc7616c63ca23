/* bosun.native.http: requests, read from tables, and the transfers they become. */
#include "core/base/lines.h"
#include "http.h"
#include <string.h>

#define TRANSFER_METATABLE "bosun.http.transfer"

typedef struct transfer_box {
    bosun_http_transfer *transfer; /* NULL: closed */
    bosun_lines lines;
} transfer_box;

/* Returns the field's text, NULL if absent. Raises if it contains a NUL byte. */
static const char *text_field(lua_State *L, int index, const char *name)
{
    size_t len = 0;
    const char *text = bind_option_string(L, index, name, &len);
    if (text && strlen(text) != len)
        luaL_error(L, "%s cannot contain a NUL byte", name);
    return text;
}

/* Returns the field `headers`, a list {name, value, …}, as an array that ends with NULL. [-0, +2, e] */
static const char *const *header_field(lua_State *L, int index)
{
    lua_getfield(L, index, "headers");
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_Unsigned count = lua_rawlen(L, -1);
    luaL_argcheck(L, count % 2 == 0 && count < 100000, index, "expected pairs of a header name and a value");
    return bind_push_string_array(L, -1, &(size_t){0});
}

/* Where the request's body comes from. */
static void read_source(lua_State *L, int index, bosun_http_request *request)
{
    size_t len = 0;
    const char *path = text_field(L, index, "source_path");
    request->body = bind_option_string(L, index, "body", &len);
    request->length = bind_option_integer(L, index, "length", -1);
    if (request->body) {
        request->source = BOSUN_HTTP_FROM_MEMORY;
        request->length = (int64_t)len;
    } else if (path) {
        request->source = BOSUN_HTTP_FROM_FILE;
        request->body = path;
    } else if (bind_option_bool(L, index, "upload", false)) {
        request->source = BOSUN_HTTP_FROM_CALLER;
    }
}

/* Where the reply's body goes. */
static void read_sink(lua_State *L, int index, bosun_http_request *request)
{
    request->sink_path = text_field(L, index, "sink_path");
    if (request->sink_path)
        request->sink = BOSUN_HTTP_TO_FILE;
    else if (bind_option_bool(L, index, "streamed", false))
        request->sink = BOSUN_HTTP_TO_CALLER;
    request->sync = bind_option_bool(L, index, "sync", false);
    request->max_bytes = bind_option_integer(L, index, "max_bytes", 0);
}

void bind_http_read_request(lua_State *L, int index, bosun_http_request *request)
{
    *request = (bosun_http_request){
        .method = text_field(L, index, "method"),
        .url = text_field(L, index, "url"),
        .shown_url = text_field(L, index, "shown_url"),
        .timeout = bind_option_seconds(L, index, "timeout", "timeout", 0),
        .connect_timeout = bind_option_seconds(L, index, "connect_timeout", "timeout", 0),
        .stall = bind_option_seconds(L, index, "stall", "seconds", 0),
        .follow = (int)bind_option_integer(L, index, "follow", 0),
        .idempotent = bind_option_bool(L, index, "idempotent", false),
        .unix_socket = text_field(L, index, "unix_socket"),
        .proxy = text_field(L, index, "proxy"),
        .traceparent = text_field(L, index, "traceparent"),
        .ca = text_field(L, index, "ca"),
        .cert = text_field(L, index, "cert"),
        .key = text_field(L, index, "key"),
        .server_name = text_field(L, index, "server_name"),
        .insecure = bind_option_bool(L, index, "insecure", false),
    };
    luaL_argcheck(L, request->method && request->url, index, "a request needs a method and a URL");
    read_source(L, index, request);
    read_sink(L, index, request);
    request->headers = header_field(L, index);
}

int bind_http_push_transfer(lua_State *L, int client, int spec, bosun_http_client *http)
{
    bosun_http_request request;
    bind_http_read_request(L, spec, &request);
    lua_Integer max_line = bind_option_integer(L, spec, "max_line", 0);
    transfer_box *box = lua_newuserdatauv(L, sizeof *box, 2);
    *box = (transfer_box){.lines = {.max = (size_t)max_line}};
    luaL_setmetatable(L, TRANSFER_METATABLE);
    lua_pushvalue(L, client);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, spec); /* keeps the body that the transfer borrows */
    lua_setiuservalue(L, -2, 2);
    bosun_err err = {0};
    box->transfer = bosun_http_start(http, &request, &err);
    return box->transfer ? 1 : bind_push_failure(L, &err);
}

static transfer_box *check_box(lua_State *L)
{
    return luaL_checkudata(L, 1, TRANSFER_METATABLE);
}

static bosun_http_transfer *check_transfer(lua_State *L)
{
    transfer_box *box = check_box(L);
    luaL_argcheck(L, box->transfer, 1, "the transfer is closed");
    return box->transfer;
}

/* transfer:done() -> boolean */
static int transfer_done(lua_State *L)
{
    lua_pushboolean(L, bosun_http_done(check_transfer(L)));
    return 1;
}

/* transfer:ready() -> boolean: whether there is data to take, or the end to handle, without another step */
static int transfer_ready(lua_State *L)
{
    bosun_http_transfer *transfer = check_transfer(L);
    lua_pushboolean(L, bosun_http_done(transfer) || bosun_http_received(transfer)->len > 0);
    return 1;
}

/* transfer:reply() -> reply, as far as it has been received */
static int transfer_reply(lua_State *L)
{
    bind_http_push_reply(L, bosun_http_reply_of(check_transfer(L)));
    return 1;
}

/* transfer:finish() -> reply | nil, err. To be called once, when the transfer is done. */
static int transfer_finish(lua_State *L)
{
    bosun_http_transfer *transfer = check_transfer(L);
    bosun_err err = {0};
    if (bosun_http_finish(transfer, &err) < 0)
        return bind_push_failure(L, &err);
    bind_http_push_reply(L, bosun_http_reply_of(transfer));
    return 1;
}

/* transfer:take() -> bytes received since the last call | nothing if there are none */
static int transfer_take(lua_State *L)
{
    bosun_http_transfer *transfer = check_transfer(L);
    bosun_buf *received = bosun_http_received(transfer);
    if (received->len == 0)
        return 0;
    lua_pushlstring(L, bosun_buf_text(received), received->len);
    bosun_buf_clear(received);
    bosun_http_taken(transfer);
    return 1;
}

/* Finds the next line. Returns 1: found · 0: not complete yet · -1: the line is too long. */
static int find_line(transfer_box *box, bool last, const char **line, size_t *len, bosun_err *err)
{
    bosun_buf *received = bosun_http_received(box->transfer);
    int rc = bosun_lines_next(&box->lines, line, len, err);
    if (rc == 0 && received->len > 0) {
        rc = bosun_lines_feed(&box->lines, received->data, received->len, err);
        bosun_buf_clear(received);
        bosun_http_taken(box->transfer);
        if (rc == 0)
            rc = bosun_lines_next(&box->lines, line, len, err);
    }
    return rc == 0 && last ? bosun_lines_last(&box->lines, line, len, err) : rc;
}

/* transfer:line(last) -> line | nothing if none is complete | nil, err. last: the body is complete, so text
 * without a newline is a line too. */
static int transfer_line(lua_State *L)
{
    transfer_box *box = check_box(L);
    check_transfer(L);
    const char *line;
    size_t len;
    bosun_err err = {0};
    int rc = find_line(box, lua_toboolean(L, 2), &line, &len, &err);
    if (rc < 0)
        return bind_push_failure(L, &err);
    if (rc == 0)
        return 0;
    lua_pushlstring(L, line, len);
    return 1;
}

/* transfer:wants() -> boolean: whether it is time to give more of the body */
static int transfer_wants(lua_State *L)
{
    lua_pushboolean(L, bosun_http_wants(check_transfer(L)));
    return 1;
}

/* transfer:give(bytes) -> true | nil, err. No bytes end the body. */
static int transfer_give(lua_State *L)
{
    size_t len;
    bosun_http_transfer *transfer = check_transfer(L);
    const char *bytes = luaL_optlstring(L, 2, "", &len);
    bosun_err err = {0};
    int rc = bosun_http_send(transfer, bytes, len, &err);
    return bind_push_done(L, rc, &err);
}

/* transfer:close(), __close and __gc */
static int transfer_close(lua_State *L)
{
    transfer_box *box = check_box(L);
    bosun_http_free(box->transfer);
    box->transfer = NULL;
    bosun_lines_free(&box->lines);
    return 0;
}

void bind_http_add_transfer(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"done", transfer_done},   {"ready", transfer_ready},
        {"reply", transfer_reply}, {"finish", transfer_finish},
        {"take", transfer_take},   {"line", transfer_line},
        {"wants", transfer_wants}, {"give", transfer_give},
        {"close", transfer_close}, {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", transfer_close}, {"__close", transfer_close}, {NULL, NULL}};
    bind_push_class(L, TRANSFER_METATABLE, methods, metamethods);
    lua_pop(L, 1);
}
