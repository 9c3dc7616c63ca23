/* Calls into the Lua side of the prompt. Idle, a call is like any other of the embedder. Where a thread
 * stands still, in a hook or a message handler, the line runs in a new thread: hooks, and with them Ctrl-C,
 * do not work in the one that is in a hook. */
#include "console.h"
#include "engine/bind/bind.h"
#include <string.h>

typedef struct console_call {
    const char *module;
    const char *function;
    const char *const *args;
    bosun_buf *text;
    host_console_result result;
} console_call;

void host_console_open(bosun_host *host, const host_console *console)
{
    host->console = console;
}

static void take_results(lua_State *L, console_call *call)
{
    static const char *const words[] = {"ok", "failed", "incomplete", NULL};
    call->result = (host_console_result)luaL_checkoption(L, -2, NULL, words);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (text && call->text)
        bosun_buf_append(call->text, text, len);
}

/* argument: the call, as a light userdata; then perhaps the frame's environment */
static int call_function(lua_State *L)
{
    console_call *call = lua_touserdata(L, 1);
    lua_settop(L, 2);
    host_push_library(L, call->module, call->function);
    lua_pushvalue(L, 2);
    int count = 1;
    for (const char *const *arg = call->args; *arg; arg++, count++) {
        luaL_checkstack(L, 2, NULL);
        lua_pushstring(L, *arg);
    }
    lua_call(L, count, 2);
    take_results(L, call);
    return 0;
}

static void print_problem(bosun_host *host, const char *text)
{
    host_print(host, text, strlen(text));
    host_print(host, "\n", 1);
}

static void print_error(bosun_host *host, const bosun_err *err)
{
    bosun_buf text = {0};
    bosun_err_text(&text, err);
    print_problem(host, text.failed ? "out of memory" : bosun_buf_text(&text));
    bosun_buf_free(&text);
}

/* A wait that Ctrl-C has ended returns an error, which the line may have dropped. */
static void note_interrupt(bosun_host *host, console_call *call, bool returned)
{
    if (!returned || !atomic_load(&host->limits.cancelled))
        return;
    print_problem(host, "interrupted");
    call->result = HOST_CONSOLE_FAILED;
}

static void call_idle(bosun_host *host, console_call *call)
{
    bosun_err err = {0};
    double timeout = host->options.timeout;
    host->options.timeout = 0;
    int rc = host_begin(host, "evaluating the line", &err);
    if (rc == 0)
        rc = host_call(host, call_function, call, "evaluating the line", &err);
    note_interrupt(host, call, rc == 0);
    bosun_buf_clear(&host->traceback);
    host_end(host);
    host_limits_clear(&host->limits); /* a cancel that came too late */
    host->limits.spent = 0;
    host->options.timeout = timeout;
    if (rc < 0)
        print_error(host, &err);
}

/* What the action under way is stopped by, put aside. */
typedef struct limits_aside {
    int64_t deadline;
    bosun_wait wait;
    bool cleaning_up;
    int cut;
    int cancelled;
    host_time_limit *time_limits;
} limits_aside;

static limits_aside put_limits_aside(bosun_host *host)
{
    bosun_limits *limits = &host->limits;
    limits_aside aside = {limits->deadline,
                          limits->wait,
                          limits->cleaning_up,
                          atomic_load(&limits->cut),
                          atomic_load(&limits->cancelled),
                          host->time_limits};
    host_limits_clear(limits);
    limits->deadline = BOSUN_NO_DEADLINE;
    limits->cleaning_up = false;
    limits->wait = (bosun_wait){.cancelled = &limits->cancelled,
                                .cancel_fd = limits->cancel_fd,
                                .cut = &limits->cut,
                                .deadline = BOSUN_NO_DEADLINE};
    host->time_limits = NULL;
    return aside;
}

/* A cancel that came meanwhile was for the line. */
static void give_limits_back(bosun_host *host, const limits_aside *aside)
{
    bosun_limits *limits = &host->limits;
    host_limits_clear(limits);
    limits->deadline = aside->deadline;
    limits->wait = aside->wait;
    limits->cleaning_up = aside->cleaning_up;
    host->time_limits = aside->time_limits;
    atomic_store(&limits->cut, aside->cut);
    host_limits_restore(limits, aside->cancelled);
}

static int make_thread(lua_State *L)
{
    lua_newthread(L);
    return 1;
}

static void call_in_thread(bosun_host *host, const host_scope *scope, console_call *call)
{
    lua_State *L = scope->L;
    lua_pushcfunction(L, make_thread); /* an error must not jump out of the prompt */
    if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
        print_problem(host, "out of memory");
        lua_pop(L, 1);
        return;
    }
    lua_State *thread = lua_tothread(L, -1);
    limits_aside aside = put_limits_aside(host);
    host_limits_arm(thread);
    lua_pushcfunction(thread, call_function);
    lua_pushlightuserdata(thread, call);
    lua_pushvalue(L, scope->env);
    lua_xmove(L, thread, 1);
    int status = lua_pcall(thread, 2, 0, 0);
    note_interrupt(host, call, status == LUA_OK);
    if (status != LUA_OK) {
        char why[128];
        bool stopped = host_limits_stopped(&host->limits, why, sizeof why) != NULL;
        const char *text = lua_type(thread, -1) == LUA_TSTRING ? lua_tostring(thread, -1) : "it failed";
        print_problem(host, stopped ? why : text);
    }
    host_limits_disarm(thread);
    give_limits_back(host, &aside);
    lua_pop(L, 1);
}

host_console_result host_console_call(bosun_host *host, const host_scope *scope, const char *module,
                                      const char *function, const char *const *args, bosun_buf *text)
{
    console_call call = {module, function, args, text, HOST_CONSOLE_FAILED};
    locale_t outer = host->callers_locale;
    host_enter(host);
    if (scope && scope->L)
        call_in_thread(host, scope, &call);
    else
        call_idle(host, &call);
    host_leave(host);
    host->callers_locale = outer;
    return call.result;
}

void host_console_set_run(bosun_host *host, bool dry_run, double timeout, const char *const *settings)
{
    host->options.dry_run = dry_run;
    host->options.timeout = timeout;
    host->options.settings = settings;
    host->limits.spent = 0;
    host_limits_clear(&host->limits);
}

bool host_console_knows_secret(bosun_host *host, const char *text, size_t len)
{
    bosun_buf clean = {0};
    bosun_redact(&clean, &host->secrets, text, len);
    bool same = !clean.failed && clean.len == len && (len == 0 || memcmp(clean.data, text, len) == 0);
    bosun_buf_free(&clean);
    return !same;
}

typedef struct variables {
    bosun_arena *arena;
    bosun_value *saved;
    const bosun_value *given;
} variables;

static int save_variables(lua_State *L)
{
    variables *v = lua_touserdata(L, 1);
    host_push_library(L, "bosun.repl.session", "plain_variables");
    lua_call(L, 0, 1);
    v->saved = bind_to_value(L, -1, "variables", v->arena);
    return 0;
}

static int restore_variables(lua_State *L)
{
    const variables *v = lua_touserdata(L, 1);
    host_push_library(L, "bosun.repl.session", "restore");
    bind_push_value(L, v->given);
    lua_call(L, 1, 0);
    return 0;
}

static int call_plain(bosun_host *host, lua_CFunction function, variables *v)
{
    bosun_err err = {0};
    host_enter(host);
    int rc = host_call(host, function, v, "keeping the variables", &err);
    bosun_buf_clear(&host->traceback);
    host_leave(host);
    return rc;
}

bosun_value *host_console_save(bosun_host *host, bosun_arena *arena)
{
    variables v = {.arena = arena};
    return call_plain(host, save_variables, &v) == 0 ? v.saved : NULL;
}

void host_console_restore(bosun_host *host, const bosun_value *given)
{
    variables v = {.given = given};
    call_plain(host, restore_variables, &v);
}
