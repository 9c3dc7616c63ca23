/* bosun.lines: lines from bytes that arrive in pieces, for Lua. */
#include "core/base/lines.h"
#include "bind.h"

#define SPLITTER_METATABLE "bosun.lines.splitter"
#define LINE_MAX_BYTES     ((size_t)1024 * 1024) /* a longer line comes in parts */

typedef struct splitter {
    bosun_lines lines;
    bool stopped; /* the function has returned false */
} splitter;

typedef int next_line(bosun_lines *lines, const char **line, size_t *len, bosun_err *err);

/* Passes the lines that `next` finds to the function in upvalue 2. -> boolean: it accepts more */
static int pass_lines(lua_State *L, splitter *s, next_line *next)
{
    const char *line;
    size_t len;
    bosun_err err = {0};
    int rc = 0;
    while (!s->stopped && (rc = next(&s->lines, &line, &len, &err)) > 0) {
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_pushlstring(L, line, len);
        lua_call(L, 1, 1);
        s->stopped = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    if (rc < 0)
        return luaL_error(L, "%s", err.message);
    lua_pushboolean(L, !s->stopped);
    return 1;
}

/* add(bytes) -> boolean; upvalues: the splitter, the function */
static int splitter_add(lua_State *L)
{
    splitter *s = luaL_checkudata(L, lua_upvalueindex(1), SPLITTER_METATABLE);
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    bosun_err err = {0};
    if (!s->stopped && bosun_lines_feed(&s->lines, bytes, len, &err) < 0)
        return luaL_error(L, "%s", err.message);
    return pass_lines(L, s, bosun_lines_next);
}

/* finish() -> boolean; upvalues: the splitter, the function */
static int splitter_finish(lua_State *L)
{
    splitter *s = luaL_checkudata(L, lua_upvalueindex(1), SPLITTER_METATABLE);
    return pass_lines(L, s, bosun_lines_last);
}

static int splitter_gc(lua_State *L)
{
    splitter *s = luaL_checkudata(L, 1, SPLITTER_METATABLE);
    bosun_lines_free(&s->lines);
    return 0;
}

/* lines.splitter(on_line) -> add, finish */
static int lines_splitter(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    splitter *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (splitter){.lines = {.max = LINE_MAX_BYTES, .parts = true}};
    luaL_setmetatable(L, SPLITTER_METATABLE);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, splitter_add, 2);
    lua_insert(L, 1); /* [add, on_line, splitter] */
    lua_insert(L, 2); /* [add, splitter, on_line] */
    lua_pushcclosure(L, splitter_finish, 2);
    return 2;
}

int bind_lines_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"splitter", lines_splitter}, {NULL, NULL}};
    luaL_newmetatable(L, SPLITTER_METATABLE);
    lua_pushcfunction(L, splitter_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
