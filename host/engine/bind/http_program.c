/* bosun.native.http: requests that the embedding program makes, bosun_options.transport. */
#include "core/base/buf.h"
#include "engine/host/host.h"
#include "http.h"
#include <stdio.h>
#include <string.h>

struct bosun_transport_reply {
    int status;
    size_t max_bytes; /* of the body; 0: no limit */
    bosun_buf *headers;
    bosun_buf *body;
    char code[BOSUN_ERR_CODE_MAX];
    char message[BOSUN_ERR_MESSAGE_MAX]; /* "": no failure */
};

void bosun_reply_set_status(bosun_transport_reply *reply, int status)
{
    if (reply)
        reply->status = status;
}

void bosun_reply_fail(bosun_transport_reply *reply, const char *code, const char *message)
{
    if (!reply)
        return;
    snprintf(reply->code, sizeof reply->code, "%s", code && *code ? code : BOSUN_HTTP_FAILED);
    snprintf(reply->message, sizeof reply->message, "%s",
             message && *message ? message : "no reason is given");
}

static int fail_nomem(bosun_transport_reply *reply)
{
    bosun_reply_fail(reply, BOSUN_ERR_NOMEM, "out of memory");
    return -1;
}

int bosun_reply_add_header(bosun_transport_reply *reply, const char *name, const char *value)
{
    if (!reply || !name || !value)
        return -1;
    bosun_buf_append(reply->headers, name, strlen(name) + 1);
    bosun_buf_append(reply->headers, value, strlen(value) + 1);
    return reply->headers->failed ? fail_nomem(reply) : 0;
}

int bosun_reply_append(bosun_transport_reply *reply, const char *bytes, size_t len)
{
    if (!reply || (!bytes && len > 0))
        return -1;
    if (reply->max_bytes > 0 && len > reply->max_bytes - reply->body->len) {
        char message[80];
        snprintf(message, sizeof message, "the body is larger than %zu bytes", reply->max_bytes);
        bosun_reply_fail(reply, BOSUN_ERR_TOO_LARGE, message);
        return -1;
    }
    bosun_buf_append(reply->body, bytes, len);
    return reply->body->failed ? fail_nomem(reply) : 0;
}

/* Seconds until the action has to stop, or the request's own timeout if that is less; 0: no limit. */
static double time_left(lua_State *L, int64_t timeout)
{
    int64_t end = bosun_wait_end(bind_wait(L));
    double own = (double)timeout / (double)BOSUN_SECOND;
    if (end == BOSUN_NO_DEADLINE)
        return own;
    int64_t left = end - bosun_monotonic();
    double seconds = left > 0 ? (double)left / (double)BOSUN_SECOND : 1e-9;
    return own > 0 && own < seconds ? own : seconds;
}

static void read_request(lua_State *L, bosun_transport_request *request)
{
    *request = (bosun_transport_request){0};
    request->method = bind_option_string(L, 1, "method", NULL);
    request->url = bind_option_string(L, 1, "url", NULL);
    request->body = bind_option_string(L, 1, "body", &request->body_len);
    request->timeout = time_left(L, bind_option_seconds(L, 1, "timeout", "timeout", 0));
    request->follow = (int)bind_option_integer(L, 1, "follow", 0);
    request->max_bytes = (size_t)bind_option_integer(L, 1, "max_bytes", 0);
    lua_getfield(L, 1, "headers");
    request->headers = bind_push_string_array(L, -1, &(size_t){0});
}

/* native.transport(request) -> reply | nil, message, code */
static int transport(lua_State *L)
{
    bosun_host *host = host_of(L);
    bosun_transport_request request;
    luaL_checktype(L, 1, LUA_TTABLE);
    read_request(L, &request);
    bosun_transport_reply reply = {.max_bytes = request.max_bytes};
    reply.headers = bind_push_buf(L);
    reply.body = bind_push_buf(L);
    int64_t start = bosun_monotonic();
    host_leave(host);
    int rc = host->options.transport(host->options.transport_data, &request, &reply);
    host_enter(host);
    if (rc == 0 && !*reply.message && (reply.status < 100 || reply.status > 599))
        bosun_reply_fail(&reply, BOSUN_HTTP_PROTOCOL, "the program's function has set no status");
    if (rc != 0 && !*reply.message)
        bosun_reply_fail(&reply, NULL, NULL);
    if (*reply.message) {
        lua_pushnil(L);
        lua_pushstring(L, reply.message);
        lua_pushstring(L, reply.code);
        return 3;
    }
    bosun_http_reply received = {.status = reply.status, .headers = *reply.headers, .body = *reply.body};
    received.received = (int64_t)reply.body->len;
    received.seconds = (double)(bosun_monotonic() - start) / (double)BOSUN_SECOND;
    bind_http_push_reply(L, &received);
    return 1;
}

/* native.check() -> true | nil, err: whether the action may go on */
static int check(lua_State *L)
{
    bosun_err err = {0};
    return bind_push_done(L, bosun_wait_check(bind_wait(L), "http.request", &err), &err);
}

void bind_http_add_program(lua_State *L)
{
    if (!host_of(L)->options.transport)
        return;
    lua_pushcfunction(L, transport);
    lua_setfield(L, -2, "transport");
    lua_pushcfunction(L, check);
    lua_setfield(L, -2, "check");
}

int bind_http_check_network(lua_State *L, bosun_err *err)
{
    if (!host_of(L)->options.transport)
        return 0;
    return bosun_err_set(err, BOSUN_ERR_INVALID, "http.request",
                         "the program that runs this plugin makes its HTTP requests, and has no connections "
                         "for other protocols");
}
