/* The action that an editor launches: a program beside the adapter, whose output the editor gets. It outlives
 * the adapter if it is released. */
#include "core/process/process.h"
#include "engine/bind/bind.h"
#include "internal.h"
#include <signal.h>

#define METATABLE "bosun.debugger.child"

typedef struct child {
    bosun_process process;
    bool released;
} child;

static child *check_child(lua_State *L)
{
    return luaL_checkudata(L, 1, METATABLE);
}

/* spawn(argv) -> child, its output, its standard error | nil, err */
static int debugger_spawn(lua_State *L)
{
    size_t count;
    const char *const *argv = bind_push_string_array(L, 1, &count);
    child *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (child){.process = BOSUN_NO_PROCESS};
    luaL_setmetatable(L, METATABLE);
    const bosun_process_options options = {.argv = argv, .whole_env = true, .max_output = SIZE_MAX};
    bosun_err err = {0};
    if (bosun_process_start(&c->process, &options, &err) < 0)
        return bind_push_failure(L, &err);
    debug_channel_push(L, c->process.out.fd);
    debug_channel_push(L, c->process.err.fd);
    return 3;
}

/* child:code() -> exit status, 128 + n for signal n; waits for the end */
static int child_code(lua_State *L)
{
    child *c = check_child(L);
    bosun_err err = {0};
    if (!c->process.over && bosun_process_wait(&c->process, BOSUN_NO_DEADLINE, bind_wait(L), &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushinteger(L, c->process.signal ? 128 + c->process.signal : c->process.code);
    return 1;
}

/* child:terminate(): SIGTERM */
static int child_terminate(lua_State *L)
{
    bosun_err err = {0};
    bosun_process_signal(&check_child(L)->process, SIGTERM, &err);
    return 0;
}

/* child:release(): it goes on after this process */
static int child_release(lua_State *L)
{
    check_child(L)->released = true;
    return 0;
}

static int child_close(lua_State *L)
{
    child *c = check_child(L);
    if (!c->released)
        bosun_process_close(&c->process);
    return 0;
}

void debug_child_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"spawn", debugger_spawn}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"code", child_code}, {"terminate", child_terminate}, {"release", child_release}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", child_close}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    bind_push_class(L, METATABLE, methods, metamethods);
    lua_pop(L, 1);
}
