/* bosun.size: sizes in bytes as people write them, and back. */
#include "core/base/size.h"
#include "bind.h"

typedef int parse_function(const char *text, size_t len, int64_t *bytes, bosun_err *err);

static int push_parsed(lua_State *L, parse_function *parse)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int64_t bytes = 0;
    bosun_err err = {0};
    if (parse(text, len, &bytes, &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushinteger(L, bytes);
    return 1;
}

/* size.parse(text) -> bytes | nil, err */
static int size_parse(lua_State *L)
{
    return push_parsed(L, bosun_size_parse);
}

/* size.parse_docker(text) -> bytes | nil, err */
static int size_parse_docker(lua_State *L)
{
    return push_parsed(L, bosun_size_parse_docker);
}

/* size.show(bytes) -> text */
static int size_show(lua_State *L)
{
    lua_Integer bytes = luaL_checkinteger(L, 1);
    luaL_argcheck(L, bytes >= 0, 1, "expected 0 or more bytes");
    char text[16];
    bosun_size_show(text, sizeof text, (uint64_t)bytes);
    lua_pushstring(L, text);
    return 1;
}

int bind_size_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"parse", size_parse}, {"parse_docker", size_parse_docker}, {"show", size_show}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
