/* A program with modules of its own for plugins; what it prints tells which Lua each of its parts has found.
 * Built in several ways by test_other_lua.sh. argument: a plugin. */
#include <bosun.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static int answer(lua_State *L)
{
    lua_pushinteger(L, *(const int *)lua_touserdata(L, lua_upvalueindex(1)));
    return 1;
}

/* The arguments of an opener: the module's name, and the program's pointer. */
static int open_answer(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushcclosure(L, answer, 1);
    return 1;
}

static void run(bosun_host *host, const char *action)
{
    bosun_status *status = bosun_host_run(host, action, NULL);
    const char *message = bosun_status_message(status);
    printf("%s: %s: %s\n", action, bosun_outcome_name(bosun_status_outcome(status)), message ? message : "");
    bosun_status_free(status);
}

int main(int argc, char **argv)
{
    int number = 42;
    bosun_error error;
    bosun_host *host = argc == 2 ? bosun_host_new(NULL, &error) : NULL;
    if (!host) {
        printf("new: %s\n", error.message);
        return 0;
    }
    int rc = bosun_host_add_c_module(host, "answer", open_answer, &number, &error);
    printf("opener: %s\n", rc == 0 ? "added" : error.message);
    if (bosun_host_load(host, argv[1], NULL, &error) < 0)
        printf("load: %s\n", error.message);
    run(host, "pe_status");
    run(host, "plugin_start");
    run(host, "plugin_stop");
    bosun_host_free(host);
    return 0;
}
