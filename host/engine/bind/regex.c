/* bosun.regex: POSIX extended regular expressions. */
#include "core/base/regex.h"
#include "bind.h"

/* regex.check(pattern) -> true | nil, err */
static int regex_check(lua_State *L)
{
    size_t len;
    const char *pattern = luaL_checklstring(L, 1, &len);
    bosun_err err = {0};
    int rc = bosun_regex_check(pattern, len, &err);
    return bind_push_done(L, rc, &err);
}

/* regex.matches(text, pattern) -> boolean | nil, err */
static int regex_matches(lua_State *L)
{
    size_t len, pattern_len;
    const char *text = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    bool matches = false;
    bosun_err err = {0};
    if (bosun_regex_match(pattern, pattern_len, text, len, &matches, &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushboolean(L, matches);
    return 1;
}

int bind_regex_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"check", regex_check}, {"matches", regex_matches}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
