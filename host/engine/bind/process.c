/* bosun.process: running a program to its end, finding programs, the environment. process_spawn.c has the
 * programs that a plugin talks to while they run. */
#include "process.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* process.run(argv, {cwd=, env=, clear_env=, whole_env=, stdin=, timeout=, max_output=, check=, dry_run=,
 * reads=}) -> result | nil, err */
static int process_run(lua_State *L)
{
    bosun_process_request request;
    bind_process_check_request(L, &request);
    bosun_process_box *box = bind_process_push_box(L, &request, true);
    int index = lua_gettop(L);
    if (!bind_process_begin(L, &request, "process.run"))
        return bind_process_push_result(L, box, index);
    bosun_err err = {0};
    int rc = host_announce_process(host_of(L), request.options.argv[0], &err);
    if (rc == 0)
        rc = bosun_process_run(&box->process, &request.options, bind_wait(L), &err);
    bind_process_wipe(&request);
    bind_process_trace(host_of(L), "process.run", box, rc < 0 ? &err : NULL);
    if (rc < 0)
        return bind_push_failure(L, &err);
    return bind_process_push_result(L, box, index);
}

static int push_not_found(lua_State *L, const char *name, int errnum)
{
    bosun_err err = {0};
    if (errnum == EACCES)
        bosun_err_set(&err, "EACCES", "which", "%s is not executable (EACCES)", name);
    else if (errnum == ENOENT)
        bosun_err_set(&err, "ENOENT", "which", "no program named %s%s (ENOENT)", name,
                      strchr(name, '/') ? "" : " in PATH");
    else
        bosun_err_nomem(&err, "find a program");
    return bind_push_failure(L, &err);
}

/* process.which(name) -> path | nil, err */
static int process_which(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, len > 0, 1, "expected a program name, got an empty string");
    luaL_argcheck(L, strlen(name) == len, 1, "a program name cannot contain a NUL byte");
    bosun_buf *path = bind_push_buf(L);
    int errnum = bosun_process_find(path, name, getenv("PATH"));
    if (errnum)
        return push_not_found(L, name, errnum);
    return bind_push_text(L, path);
}

/* process.env(name) -> value | nil */
static int process_env(lua_State *L)
{
    lua_pushstring(L, getenv(luaL_checkstring(L, 1))); /* nil when NULL */
    return 1;
}

int bind_process_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"run", process_run}, {"which", process_which}, {"env", process_env}, {NULL, NULL}};
    luaL_newlib(L, functions);
    bind_process_add_spawn(L);
    return 1;
}
