/* bosun.process: from Lua's arguments to what the core wants. A secret may stand where the program alone
 * reads it: in its environment and standard input, never among its arguments, which every user of the machine
 * can see. */
#include "process.h"
#include <string.h>

#define MAX_OUTPUT ((lua_Integer)16 * 1024 * 1024)

static void check_argument(lua_State *L, lua_Integer i)
{
    size_t len;
    if (bind_text_or_secret(L, -1, NULL) && lua_type(L, -1) != LUA_TSTRING)
        luaL_argerror(
            L, 1,
            lua_pushfstring(L,
                            "item %I is a secret, and every user of this machine can see arguments: "
                            "pass it in stdin or env, or reveal it on purpose",
                            i));
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        luaL_argerror(L, 1,
                      lua_pushfstring(L, "item %I: expected a string, got %s", i, luaL_typename(L, -1)));
    const char *text = lua_tolstring(L, -1, &len);
    if (strlen(text) != len)
        luaL_argerror(L, 1, lua_pushfstring(L, "item %I contains a NUL byte, which an argument cannot", i));
    if (i == 1 && len == 0)
        luaL_argerror(L, 1, "the program name is empty");
}

/* The list at slot 1 as C wants it. Its strings are kept by a table. [-0, +2, e] */
static const char *const *check_argv(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count > 0, 1, "expected a program and its arguments, got an empty list");
    luaL_argcheck(L, count < 1000000, 1, "too many arguments");
    lua_createtable(L, (int)count, 0);
    const char **argv = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *argv, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        check_argument(L, i);
        argv[i - 1] = lua_tostring(L, -1);
        lua_rawseti(L, -3, i);
    }
    argv[count] = NULL;
    return argv;
}

/* The name at -2, the value at -1. */
static void check_variable(lua_State *L)
{
    size_t len;
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_argerror(L, 2, "option env: expected names and values");
    const char *name = lua_tolstring(L, -2, &len);
    if (len == 0 || strlen(name) != len || strchr(name, '='))
        luaL_argerror(L, 2, lua_pushfstring(L, "option env: \"%s\" cannot be the name of a variable", name));
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        return;
    if (lua_type(L, -1) == LUA_TNUMBER)
        lua_tolstring(L, -1, NULL); /* in place */
    const char *value = bind_text_or_secret(L, -1, &len);
    if (!value)
        luaL_argerror(L, 2,
                      lua_pushfstring(L, "option env: %s: expected a string, a secret or false, got %s", name,
                                      luaL_typename(L, -1)));
    if (value && strlen(value) != len)
        luaL_argerror(L, 2, lua_pushfstring(L, "option env: %s: the value contains a NUL byte", name));
}

static void add_variable(lua_State *L, bosun_buf *env)
{
    size_t len;
    check_variable(L);
    bosun_buf_puts(env, lua_tostring(L, -2));
    const char *value = bind_text_or_secret(L, -1, &len);
    if (value) {
        bosun_buf_putc(env, '=');
        bosun_buf_append(env, value, len);
    }
    bosun_buf_putc(env, '\0');
}

/* Option env as a block for the core. [-0, +1, e] */
static bosun_buf *check_env(lua_State *L)
{
    bosun_buf *env = bind_push_buf(L);
    if (lua_isnil(L, 2) || lua_getfield(L, 2, "env") == LUA_TNIL)
        return env;
    if (!lua_istable(L, -1))
        luaL_argerror(L, 2, lua_pushfstring(L, "option env: expected a table, got %s", luaL_typename(L, -1)));
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        add_variable(L, env);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (env->failed)
        luaL_error(L, "out of memory while preparing the environment of a program");
    return env;
}

/* Option stdin, which stays on the stack. [-0, +1, e] */
static void check_stdin(lua_State *L, bosun_process_options *options)
{
    lua_pushnil(L);
    if (lua_isnil(L, 2) || lua_getfield(L, 2, "stdin") == LUA_TNIL)
        return;
    options->input = bind_text_or_secret(L, -1, &options->input_len);
    if (!options->input)
        luaL_argerror(
            L, 2,
            lua_pushfstring(L, "option stdin: expected a string or a secret, got %s", luaL_typename(L, -1)));
}

static const char *check_cwd(lua_State *L)
{
    size_t len;
    const char *cwd = bind_option_string(L, 2, "cwd", &len);
    if (cwd && (len == 0 || strlen(cwd) != len))
        luaL_argerror(L, 2, "option cwd: expected a path, not empty and without NUL bytes");
    return cwd;
}

static void check_numbers(lua_State *L, bosun_process_options *options)
{
    lua_Integer max = bind_option_integer(L, 2, "max_output", MAX_OUTPUT);
    luaL_argcheck(L, max >= 0, 2, "option max_output: expected 0 or more bytes");
    lua_Number seconds = bind_option_number(L, 2, "timeout", -1);
    luaL_argcheck(L, seconds == -1 || seconds > 0, 2, "option timeout: expected more than 0 seconds");
    options->max_output = (size_t)max;
    options->timeout = seconds > 0 ? bosun_nanoseconds(seconds) : 0;
}

static void check_dry_run(lua_State *L)
{
    if (lua_isnil(L, 2))
        return;
    int type = lua_getfield(L, 2, "dry_run");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_argerror(L, 2,
                      lua_pushfstring(L, "option dry_run: expected a table, got %s", lua_typename(L, type)));
    lua_pop(L, 1);
}

void bind_process_check_request(lua_State *L, bosun_process_request *request)
{
    static const char *const known[] = {"cwd",        "env",   "clear_env", "stdin", "timeout",
                                        "max_output", "check", "dry_run",   "reads", NULL};
    lua_settop(L, 2);
    bind_check_options(L, 2, known);
    *request = (bosun_process_request){.check = bind_option_bool(L, 2, "check", false),
                                       .reads = bind_option_bool(L, 2, "reads", false)};
    request->options.clear_env = bind_option_bool(L, 2, "clear_env", false);
    request->options.cwd = check_cwd(L);
    check_numbers(L, &request->options);
    check_dry_run(L);
    request->options.argv = check_argv(L);
    request->env = check_env(L);
    request->options.env = bosun_buf_text(request->env);
    request->options.env_len = request->env->len;
    check_stdin(L, &request->options); /* the last: bind_process_push_box looks for it at the top */
}

void bind_process_wipe(bosun_process_request *request)
{
    if (request->env->data)
        explicit_bzero(request->env->data, request->env->cap);
    bosun_buf_free(request->env);
}

/* Sets a field of the table at -2 to the value at -1, unless it has one. [-1, +0, e] */
static void set_default(lua_State *L, const char *name)
{
    if (lua_getfield(L, -2, name) == LUA_TNIL) {
        lua_pushvalue(L, -2);
        lua_setfield(L, -4, name);
    }
    lua_pop(L, 2);
}

/* A copy of option dry_run, made whole. [-0, +1, e] */
static void push_dry_result(lua_State *L)
{
    lua_createtable(L, 0, 6);
    if (!lua_isnil(L, 2) && lua_getfield(L, 2, "dry_run") != LUA_TNIL) {
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_settable(L, -5);
        }
    }
    if (!lua_isnil(L, 2))
        lua_pop(L, 1);
    lua_pushliteral(L, "");
    set_default(L, "stdout");
    lua_pushliteral(L, "");
    set_default(L, "stderr");
    lua_pushboolean(L, 0);
    set_default(L, "timed_out");
    lua_pushboolean(L, 0);
    set_default(L, "truncated");
    bool killed = lua_getfield(L, -1, "signal") != LUA_TNIL;
    lua_pop(L, 1);
    if (killed)
        return;
    lua_pushinteger(L, 0);
    set_default(L, "code");
}

static void push_command(lua_State *L, const bosun_process_options *options)
{
    bosun_buf *text = bind_push_buf(L);
    bosun_process_quote(text, options->argv);
    if (options->cwd)
        bosun_buf_printf(text, " (in %s)", options->cwd);
    if (text->failed)
        luaL_error(L, "out of memory while recording the plan of a dry run");
    lua_pushstring(L, bosun_buf_text(text));
    lua_replace(L, -2);
}

/* What reading from it gives. */
static void set_dry_output(lua_State *L, bosun_process_box *box)
{
    size_t len;
    lua_getiuservalue(L, -1, BOSUN_PROCESS_DRY_RESULT);
    lua_getfield(L, -1, "stdout");
    const char *text = luaL_tolstring(L, -1, &len);
    bosun_buf_append(&box->process.out.text, text, len);
    lua_pop(L, 3);
    if (box->process.out.text.failed)
        luaL_error(L, "out of memory in a dry run");
}

static void note_start(const bosun_host *host, const bosun_process_request *request, bosun_process_box *box)
{
    box->start = bosun_monotonic();
    if (host_traces(host))
        bosun_process_quote(&box->command, request->options.argv);
}

bool bind_process_begin(lua_State *L, const bosun_process_request *request, const char *op)
{
    const bosun_host *host = host_of(L);
    bosun_process_box *box = lua_touserdata(L, -1);
    if (request->reads || !host->options.dry_run) {
        note_start(host, request, box);
        return true;
    }
    push_dry_result(L);
    lua_setiuservalue(L, -2, BOSUN_PROCESS_DRY_RESULT);
    set_dry_output(L, box);
    push_command(L, &request->options);
    box->dry = !host_effect_begin(L, op, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    return !box->dry;
}
