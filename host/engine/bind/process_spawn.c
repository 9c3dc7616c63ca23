/* bosun.process: programs that run beside the plugin, as objects that `local p <close>` ends. In a dry run,
 * the object has no process, and its output is that of the option dry_run. */
#include "core/base/lines.h"
#include "process.h"
#include <signal.h>
#include <string.h>
#include <strings.h>

#define PROCESS_METATABLE "bosun.process"
#define LINE_MAX_BYTES    ((size_t)1024 * 1024)

static bosun_process_box *check_box(lua_State *L, int index)
{
    return luaL_checkudata(L, index, PROCESS_METATABLE);
}

static bosun_process_box *check_open(lua_State *L)
{
    bosun_process_box *box = check_box(L, 1);
    if (!box->dry && box->process.pid == 0)
        luaL_error(L, "the process is closed");
    return box;
}

/* process:write(bytes) -> true | nil, err */
static int process_write(lua_State *L)
{
    size_t len;
    bosun_process_box *box = check_open(L);
    const char *bytes = bind_text_or_secret(L, 2, &len);
    if (!bytes)
        return luaL_typeerror(L, 2, "string or secret");
    bosun_err err = {0};
    int rc = box->dry ? 0 : bosun_process_write(&box->process, bytes, len, bind_wait(L), &err);
    return bind_push_done(L, rc, &err);
}

/* process:close_stdin() */
static int process_close_stdin(lua_State *L)
{
    bosun_process_close_stdin(&check_open(L)->process);
    return 0;
}

/* Returns the number of bytes of output that Lua has not got yet. */
static size_t pending_len(const bosun_process_box *box)
{
    return box->process.out.text.len - box->taken;
}

static const char *pending_text(const bosun_process_box *box)
{
    return bosun_buf_text(&box->process.out.text) + box->taken;
}

/* Drops the output that Lua has already got from the buffer. */
static void drop_taken(bosun_process_box *box)
{
    bosun_buf *text = &box->process.out.text;
    if (box->taken == 0)
        return;
    memmove(text->data, text->data + box->taken, text->len - box->taken);
    text->len -= box->taken;
    box->taken = 0;
}

/* Pushes `len` bytes of the pending output, and marks them and the next `skipped` bytes as taken.
 * [-0, +1, m] */
static int push_pending(lua_State *L, bosun_process_box *box, size_t len, size_t skipped)
{
    lua_pushlstring(L, pending_text(box), len);
    box->taken += len + skipped;
    return 1;
}

/* Waits for more output. Returns 1: there is more · 0: the output has ended · -1: failed. */
static int receive_more(lua_State *L, bosun_process_box *box, bosun_err *err)
{
    drop_taken(box);
    return bosun_process_read(&box->process, pending_len(box) + 1, bind_wait(L), err);
}

/* process:read([max]) -> bytes | nil at the end of the output | nil, err */
static int process_read(lua_State *L)
{
    bosun_process_box *box = check_open(L);
    lua_Integer max = luaL_optinteger(L, 2, LUA_MAXINTEGER);
    luaL_argcheck(L, max > 0, 2, "expected more than 0 bytes");
    bosun_err err = {0};
    if (pending_len(box) == 0 && receive_more(L, box, &err) < 0)
        return bind_push_failure(L, &err);
    size_t len = pending_len(box);
    if (len > 0)
        return push_pending(L, box, len < (size_t)max ? len : (size_t)max, 0);
    lua_pushnil(L);
    return 1;
}

/* Pushes the pending line whose newline is at text[end], without its ending. [-0, +1, m] */
static int push_line(lua_State *L, bosun_process_box *box, const char *text, size_t end)
{
    size_t len = bosun_line_length(text, end);
    return push_pending(L, box, len, end - len + 1);
}

/* The iterator of lines(). Raises the errors that read returns. upvalue: the process */
static int next_line(lua_State *L)
{
    bosun_process_box *box = check_box(L, lua_upvalueindex(1));
    for (;;) {
        size_t len = pending_len(box);
        const char *text = pending_text(box);
        const char *newline = memchr(text, '\n', len);
        if (newline)
            return push_line(L, box, text, (size_t)(newline - text));
        if (len >= LINE_MAX_BYTES)
            return push_pending(L, box, len, 0);
        bosun_err err = {0};
        int rc = receive_more(L, box, &err);
        if (rc > 0)
            continue;
        if (rc == 0)
            return pending_len(box) > 0 ? push_pending(L, box, pending_len(box), 0) : 0;
        bind_push_failure(L, &err);
        return lua_error(L);
    }
}

/* process:lines() -> iterator */
static int process_lines(lua_State *L)
{
    check_open(L);
    lua_settop(L, 1);
    lua_pushcclosure(L, next_line, 1);
    return 1;
}

static int push_still_running(lua_State *L, const bosun_process *p, lua_Number seconds)
{
    bosun_err err = {0};
    bosun_err_set(&err, BOSUN_ERR_TIMEOUT, "wait", "%s is still running after %g s", p->name, seconds);
    return bind_push_failure(L, &err);
}

/* Logs to the trace, once, how the program ended. */
static void trace_end(lua_State *L, bosun_process_box *box)
{
    if (box->process.over)
        bind_process_trace(host_of(L), "process.end", box, NULL);
}

/* process:wait([timeout]) -> result | nil, err */
static int process_wait(lua_State *L)
{
    bosun_process_box *box = check_open(L);
    int64_t timeout = bind_check_seconds(L, 2, "limit", BOSUN_NO_DEADLINE);
    if (box->dry)
        return bind_process_push_result(L, box, 1);
    bosun_err err = {0};
    drop_taken(box);
    if (timeout == BOSUN_NO_DEADLINE) /* a program that waits for more input would never end */
        bosun_process_close_stdin(&box->process);
    int rc = bosun_process_wait(&box->process, bosun_wait_after(timeout), bind_wait(L), &err);
    trace_end(L, box);
    if (rc < 0)
        return bind_push_failure(L, &err);
    return rc == 0 ? push_still_running(L, &box->process, lua_tonumber(L, 2))
                   : bind_process_push_result(L, box, 1);
}

static int check_signal(lua_State *L, int arg)
{
    if (lua_type(L, arg) == LUA_TNUMBER) {
        lua_Integer number = luaL_checkinteger(L, arg);
        luaL_argcheck(L, number > 0 && number < NSIG, arg, "expected a signal number");
        return (int)number;
    }
    const char *name = luaL_optstring(L, arg, "TERM");
    const char *bare = strncasecmp(name, "SIG", 3) == 0 ? name + 3 : name;
    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (known && strcasecmp(known, bare) == 0)
            return number;
    }
    return luaL_argerror(L, arg, lua_pushfstring(L, "no signal named \"%s\"", name));
}

/* process:kill(signal = "TERM") -> true | nil, err */
static int process_kill(lua_State *L)
{
    bosun_process_box *box = check_open(L);
    int number = check_signal(L, 2);
    bosun_err err = {0};
    int rc = box->dry ? 0 : bosun_process_signal(&box->process, number, &err);
    return bind_push_done(L, rc, &err);
}

/* process:pid() -> integer | nil in a dry run */
static int process_pid(lua_State *L)
{
    const bosun_process_box *box = check_open(L);
    if (box->dry)
        lua_pushnil(L);
    else
        lua_pushinteger(L, box->process.pid);
    return 1;
}

/* process:close() and __close: terminates the program and everything it started, and kills what is left. */
static int process_close(lua_State *L)
{
    bosun_process_box *box = check_box(L, 1);
    bosun_process_stop(&box->process, bind_wait(L));
    trace_end(L, box);
    bosun_process_close(&box->process);
    bosun_buf_free(&box->command);
    return 0;
}

/* __gc: kills at once. A finalizer must not wait for a program to end. */
static int process_gc(lua_State *L)
{
    bosun_process_box *box = check_box(L, 1);
    bosun_process_close(&box->process);
    bosun_buf_free(&box->command);
    return 0;
}

static int process_tostring(lua_State *L)
{
    const bosun_process_box *box = check_box(L, 1);
    const bosun_process *p = &box->process;
    if (box->dry)
        lua_pushliteral(L, "process (not started: dry run)");
    else if (p->pid == 0)
        lua_pushliteral(L, "process (closed)");
    else
        lua_pushfstring(L, "process %d (%s%s)", (int)p->pid, p->name, p->over ? ", ended" : "");
    return 1;
}

bosun_process_box *bind_process_push_box(lua_State *L, const bosun_process_request *request, bool closes)
{
    bosun_process_box *box = lua_newuserdatauv(L, sizeof *box, BOSUN_PROCESS_VALUES);
    *box = (bosun_process_box){.process = BOSUN_NO_PROCESS, .check = request->check};
    luaL_setmetatable(L, PROCESS_METATABLE);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, BOSUN_PROCESS_INPUT);
    if (closes)
        lua_toclose(L, -1);
    return box;
}

/* process.spawn(argv, options of process.run) -> process | nil, err */
static int process_spawn(lua_State *L)
{
    bosun_process_request request;
    bind_process_check_request(L, &request);
    request.options.keep_stdin = !request.options.input;
    bosun_process_box *box = bind_process_push_box(L, &request, false);
    if (!bind_process_begin(L, &request, "process.spawn"))
        return 1;
    bosun_err err = {0};
    int rc = bosun_wait_check(bind_wait(L), "spawn", &err);
    if (rc == 0)
        rc = host_announce_process(host_of(L), request.options.argv[0], &err);
    if (rc == 0)
        rc = bosun_process_start(&box->process, &request.options, &err);
    bind_process_wipe(&request);
    bind_process_trace(host_of(L), "process.spawn", box, rc < 0 ? &err : NULL);
    return rc < 0 ? bind_push_failure(L, &err) : 1;
}

void bind_process_add_spawn(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"write", process_write},
        {"close_stdin", process_close_stdin},
        {"read", process_read},
        {"lines", process_lines},
        {"wait", process_wait},
        {"kill", process_kill},
        {"pid", process_pid},
        {"close", process_close},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", process_gc},
        {"__close", process_close},
        {"__tostring", process_tostring},
        {NULL, NULL},
    };
    bind_push_class(L, PROCESS_METATABLE, methods, metamethods);
    lua_pop(L, 1);
    lua_pushcfunction(L, process_spawn);
    lua_setfield(L, -2, "spawn");
}
