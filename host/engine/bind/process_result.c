/* bosun.process: how a program ended, as a table, as an error and as a line of the trace. */
#include "engine/host/host.h"
#include "process.h"
#include <string.h>

#define SHOWN_LINES 5
#define SHOWN_BYTES 1000 /* of those lines */

static void set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const bosun_buf *text, size_t from)
{
    lua_pushlstring(L, bosun_buf_text(text) + from, text->len - from);
    lua_setfield(L, -2, name);
}

/* {code=, signal=, stdout=, stderr=, timed_out=, truncated=} [-0, +1, m] */
static void push_table(lua_State *L, const bosun_process_box *box)
{
    const bosun_process *p = &box->process;
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, p->signal ? p->signal : p->code);
    lua_setfield(L, -2, p->signal ? "signal" : "code");
    set_text(L, "stdout", &p->out.text, box->taken);
    set_text(L, "stderr", &p->err.text, 0);
    set_boolean(L, "timed_out", p->timed_out);
    set_boolean(L, "truncated", p->out.truncated || p->err.truncated);
}

/* The beginning of the last lines of a text, blank space at its end aside. */
static size_t last_lines(const char *text, size_t len)
{
    size_t at = len;
    for (int lines = 0; at > 0 && len - at < SHOWN_BYTES; at--)
        if (text[at - 1] == '\n' && ++lines == SHOWN_LINES)
            break;
    while (at < len && ((unsigned char)text[at] & 0xC0) == 0x80)
        at++;
    return at;
}

static size_t without_blanks(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    return len;
}

/* The end of standard error, for people. */
static void append_last_words(bosun_buf *out, const bosun_process *p)
{
    const char *text = bosun_buf_text(&p->err.text);
    size_t len = without_blanks(text, p->err.text.len);
    size_t from = last_lines(text, len);
    if (len == 0)
        return;
    bosun_buf_puts(out, memchr(text + from, '\n', len - from) ? ":\n" : ": ");
    if (from > 0 && text[from - 1] != '\n')
        bosun_buf_puts(out, "…");
    bosun_buf_append_utf8(out, text + from, len - from);
}

static const char *failure_code(const bosun_process *p)
{
    return p->timed_out ? BOSUN_ERR_TIMEOUT : p->signal ? "signal" : p->code ? "exit" : NULL;
}

static void describe_failure(const bosun_process *p, bosun_err *err)
{
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%s ", p->name);
    bosun_process_describe(&text, p);
    append_last_words(&text, p);
    if (text.failed)
        bosun_err_nomem(err, "run");
    else
        bosun_err_set(err, failure_code(p), "run", "%s", bosun_buf_text(&text));
    bosun_buf_free(&text);
}

int bind_process_push_result(lua_State *L, bosun_process_box *box, int box_index)
{
    if (box->dry) {
        lua_getiuservalue(L, box_index, BOSUN_PROCESS_DRY_RESULT);
        return 1;
    }
    push_table(L, box);
    if (!box->check || !failure_code(&box->process))
        return 1;
    bosun_err err = {0};
    describe_failure(&box->process, &err);
    bind_push_failure(L, &err); /* [result, nil, error] */
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "result");
    return 2;
}

static void describe_outcome(bosun_buf *out, const bosun_process *p)
{
    if (!p->over) {
        bosun_buf_printf(out, "runs as process %d", (int)p->pid);
        return;
    }
    bosun_process_describe(out, p);
    append_last_words(out, p);
}

void bind_process_trace(bosun_host *host, const char *op, bosun_process_box *box, const bosun_err *err)
{
    if (box->command.len == 0)
        return;
    bosun_buf outcome = {0};
    if (err)
        bosun_err_text(&outcome, err);
    else
        describe_outcome(&outcome, &box->process);
    host_trace(host, op, bosun_buf_text(&box->command), box->command.len, box->start,
               bosun_buf_text(&outcome), outcome.len);
    bosun_buf_free(&outcome);
    if (err || box->process.over)
        bosun_buf_free(&box->command);
}
