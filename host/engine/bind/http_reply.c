/* bosun.native.http: a reply as a table. */
#include "core/base/buf.h"
#include "http.h"

#define RESPONSE_FIELDS 11 /* including those that response.lua adds */

void bind_http_push_reply(lua_State *L, const bosun_http_reply *reply)
{
    lua_createtable(L, 0, RESPONSE_FIELDS);
    bind_set_text(L, "headers", bosun_buf_text(&reply->headers), reply->headers.len);
    bind_set_text(L, "body", bosun_buf_text(&reply->body), reply->body.len);
    bind_set_integer(L, "status", reply->status);
    bind_set_integer(L, "received", (lua_Integer)reply->received);
    bind_set_integer(L, "retry_after", (lua_Integer)reply->retry_after);
    lua_pushnumber(L, reply->seconds);
    lua_setfield(L, -2, "elapsed");
}
