/* bosun.process: converts Lua's arguments to a request to the core, and plans dry runs. A secret is allowed
 * in the environment and in standard input, which only the program can read, but not in the arguments, which
 * every user of the machine can see. */
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
                            "item %I is a secret, but every user of this machine can see arguments: "
                            "pass it in stdin or env, or call reveal() to expose it anyway",
                            i));
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        luaL_argerror(L, 1,
                      lua_pushfstring(L, "item %I: expected a string, got %s", i, luaL_typename(L, -1)));
    const char *text = lua_tolstring(L, -1, &len);
    if (strlen(text) != len)
        luaL_argerror(L, 1, lua_pushfstring(L, "item %I: an argument cannot contain a NUL byte", i));
    if (i == 1 && len == 0)
        luaL_argerror(L, 1, "the program name is empty");
}

/* Returns the list at slot 1 as an array for C. Pushes the table that keeps its strings, and the array.
 * [-0, +2, e] */
static const char *const *check_argv(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = bind_list_length(L, 1);
    if (count < 0)
        luaL_argerror(L, 1,
                      lua_pushfstring(L, "expected a list of a program and its arguments, but %s",
                                      bind_push_list_problem(L, 1)));
    luaL_argcheck(L, count > 0, 1, "expected a program and its arguments, got an empty list");
    luaL_argcheck(L, count < 1000000, 1, "too many arguments");
    lua_createtable(L, (int)count, 0);
    const char **argv = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *argv, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        check_argument(L, i);
        argv[i - 1] = lua_tostring(L, -1);
        lua_rawseti(L, -3, i);
    }
    argv[count] = NULL;
    return argv;
}

/* Checks an environment variable: its name is at -2, its value at -1. */
static void check_variable(lua_State *L)
{
    size_t len;
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_argerror(L, 2,
                      lua_pushfstring(L, "option env: expected names and values, but a name is a %s",
                                      luaL_typename(L, -2)));
    const char *name = lua_tolstring(L, -2, &len);
    if (len == 0 || strlen(name) != len || strchr(name, '='))
        luaL_argerror(L, 2,
                      lua_pushfstring(L, "option env: \"%s\" cannot be the name of a variable",
                                      bind_push_visible(L, -2)));
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
        luaL_argerror(L, 2, lua_pushfstring(L, "option env: %s: a value cannot contain a NUL byte", name));
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

/* Pushes the option env as a block for the core. [-0, +1, e] */
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

/* Reads the option stdin, and leaves its value at the top of the stack. [-0, +1, e] */
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

static void check_numbers(lua_State *L, bosun_process_options *options)
{
    lua_Integer max = bind_option_integer(L, 2, "max_output", MAX_OUTPUT);
    luaL_argcheck(L, max >= 0, 2, "option max_output: expected 0 or more bytes");
    options->max_output = (size_t)max;
    options->timeout = bind_option_seconds(L, 2, "timeout", "timeout", 0);
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
    static const char *const known[] = {"cwd",        "env",   "clear_env", "whole_env", "stdin", "timeout",
                                        "max_output", "check", "dry_run",   "reads",     NULL};
    lua_settop(L, 2);
    bind_check_options(L, 2, known);
    *request = (bosun_process_request){.check = bind_option_bool(L, 2, "check", false),
                                       .reads = bind_option_bool(L, 2, "reads", false)};
    request->options.clear_env = bind_option_bool(L, 2, "clear_env", false);
    request->options.whole_env = bind_option_bool(L, 2, "whole_env", false);
    luaL_argcheck(L, !request->options.clear_env || !request->options.whole_env, 2,
                  "options clear_env and whole_env exclude each other");
    request->options.cwd = bind_option_path(L, 2, "cwd");
    check_numbers(L, &request->options);
    check_dry_run(L);
    request->options.argv = check_argv(L);
    if (bosun_secrets_add_arguments(&host_of(L)->secrets, request->options.argv) < 0)
        luaL_error(L, "out of memory while reading the arguments of a program");
    request->env = check_env(L);
    request->options.env = bosun_buf_text(request->env);
    request->options.env_len = request->env->len;
    check_stdin(L, &request->options); /* last: bind_process_push_box takes the value from the top */
}

void bind_process_wipe(bosun_process_request *request)
{
    if (request->env->data)
        explicit_bzero(request->env->data, request->env->cap);
    bosun_buf_free(request->env);
}

/* Pushes a copy of the option dry_run, or an empty table. [-0, +1, e] */
static void push_dry_option(lua_State *L)
{
    lua_createtable(L, 0, 6);
    if (lua_isnil(L, 2))
        return;
    if (lua_getfield(L, 2, "dry_run") == LUA_TTABLE) {
        lua_insert(L, -2);
        bind_copy_fields(L, -2);
        lua_remove(L, -2);
    } else {
        lua_pop(L, 1);
    }
}

/* Pushes the result of a program that is not started: the option dry_run, completed with the fields of a
 * success. [-0, +1, e] */
static void push_dry_result(lua_State *L)
{
    push_dry_option(L);
    lua_pushliteral(L, "");
    bind_set_default(L, "stdout");
    lua_pushliteral(L, "");
    bind_set_default(L, "stderr");
    lua_pushboolean(L, 0);
    bind_set_default(L, "timed_out");
    lua_pushboolean(L, 0);
    bind_set_default(L, "truncated");
    bool killed = lua_getfield(L, -1, "signal") != LUA_TNIL;
    lua_pop(L, 1);
    if (killed)
        return;
    lua_pushinteger(L, 0);
    bind_set_default(L, "code");
}

/* Pushes the command line for the plan. [-0, +1, e] */
static void push_command(lua_State *L, const bosun_process_options *options)
{
    bosun_buf *text = bind_push_buf(L);
    bosun_process_quote(text, options->argv);
    if (options->cwd)
        bosun_buf_printf(text, " (in %s)", options->cwd);
    if (text->failed)
        luaL_error(L, "out of memory while recording the plan of a dry run");
    bind_push_text(L, text);
    lua_replace(L, -2);
}

/* Makes the stdout of the dry result what the plugin reads from the process. [-0, +0, e] */
static void set_dry_output(lua_State *L, bosun_process_box *box)
{
    size_t len;
    lua_getiuservalue(L, -1, BOSUN_PROCESS_DRY_RESULT);
    lua_getfield(L, -1, "stdout");
    const char *text = luaL_tolstring(L, -1, &len);
    bosun_buf_append(&box->process.out.text, text, len);
    lua_pop(L, 3);
    if (box->process.out.text.failed)
        luaL_error(L, "out of memory while preparing the output of a dry run");
}

/* Starts the clock of the trace, and tells the program its place in it. */
static void record_start(bosun_host *host, bosun_process_request *request, bosun_process_box *box)
{
    box->start = bosun_monotonic();
    host_begin_span(host, box->span, box->traceparent);
    request->options.traceparent = box->traceparent;
    if (host_traces(host))
        bosun_process_quote(&box->command, request->options.argv);
}

bool bind_process_begin(lua_State *L, bosun_process_request *request, const char *op)
{
    bosun_host *host = host_of(L);
    bosun_process_box *box = lua_touserdata(L, -1);
    if (request->reads || !host->options.dry_run) {
        record_start(host, request, box);
        return true;
    }
    push_dry_result(L);
    lua_setiuservalue(L, -2, BOSUN_PROCESS_DRY_RESULT);
    set_dry_output(L, box);
    push_command(L, &request->options);
    box->dry = !host_effect_begin(L, &(host_change){.op = op, .target = lua_tostring(L, -1)});
    lua_pop(L, 1);
    return !box->dry;
}
