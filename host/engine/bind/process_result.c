/* bosun.process: how a program ended, as a table, an error and an event of the trace. */
#include "engine/host/host.h"
#include "process.h"
#include <stdio.h>
#include <string.h>

#define SHOWN_LINES 5
#define SHOWN_BYTES 1000

/* Pushes {code= or signal=, stdout=, stderr=, timed_out=, truncated=}. [-0, +1, m] */
static void push_table(lua_State *L, const bosun_process_box *box)
{
    const bosun_process *p = &box->process;
    lua_createtable(L, 0, 6);
    bind_set_integer(L, p->signal ? "signal" : "code", p->signal ? p->signal : p->code);
    bind_set_text(L, "stdout", bosun_buf_text(&p->out.text) + box->taken, p->out.text.len - box->taken);
    bind_set_text(L, "stderr", bosun_buf_text(&p->err.text), p->err.text.len);
    bind_set_boolean(L, "timed_out", p->timed_out);
    bind_set_boolean(L, "truncated", p->out.truncated || p->err.truncated);
}

/* Returns where the last lines of a text begin, at a UTF-8 boundary. */
static size_t find_last_lines(const char *text, size_t len)
{
    size_t at = len;
    for (int lines = 0; at > 0 && len - at < SHOWN_BYTES; at--)
        if (text[at - 1] == '\n' && ++lines == SHOWN_LINES)
            break;
    while (at < len && ((unsigned char)text[at] & 0xC0) == 0x80)
        at++;
    return at;
}

/* Returns the length without blank space at the end. */
static size_t trimmed_len(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    return len;
}

/* Appends the end of standard error, which usually says why a program failed. */
static void append_stderr(bosun_buf *out, const bosun_process *p)
{
    const char *text = bosun_buf_text(&p->err.text);
    size_t len = trimmed_len(text, p->err.text.len);
    size_t from = find_last_lines(text, len);
    if (len == 0)
        return;
    bosun_buf_puts(out, memchr(text + from, '\n', len - from) ? ":\n" : ": ");
    if (from > 0 && text[from - 1] != '\n')
        bosun_buf_puts(out, "…");
    bosun_buf visible = {0};
    bosun_buf_append_visible(&visible, text + from, len - from);
    bosun_buf_append_utf8(out, bosun_buf_text(&visible), visible.len);
    out->failed = out->failed || visible.failed;
    bosun_buf_free(&visible);
}

/* Returns the code of the error, or NULL if the program succeeded. */
static const char *failure_code(const bosun_process *p)
{
    return p->timed_out ? BOSUN_ERR_TIMEOUT : p->signal ? "signal" : p->code ? "exit" : NULL;
}

static void describe_failure(const bosun_process *p, bosun_err *err)
{
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%s ", p->name);
    bosun_process_describe(&text, p);
    append_stderr(&text, p);
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
        bosun_buf_printf(out, "running as process %d", (int)p->pid);
        return;
    }
    bosun_process_describe(out, p);
    append_stderr(out, p);
}

/* The details that OpenTelemetry's conventions have for a program. Returns how many. */
static size_t add_details(bosun_log_field details[3], char numbers[2][16], const bosun_process *p)
{
    size_t count = 0;
    if (*p->name)
        details[count++] =
            (bosun_log_field){.name = "process.executable.name", .text = p->name, .len = strlen(p->name)};
    int pid = snprintf(numbers[0], sizeof numbers[0], "%d", (int)p->pid);
    if (p->pid > 0)
        details[count++] = (bosun_log_field){"process.pid", numbers[0], (size_t)pid, true};
    int code = snprintf(numbers[1], sizeof numbers[1], "%d", p->code);
    if (p->over && p->signal == 0)
        details[count++] = (bosun_log_field){"process.exit.code", numbers[1], (size_t)code, true};
    return count;
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
    bosun_log_field details[3];
    char numbers[2][16];
    host_span span = {.id = box->span, .op = op, .start = box->start, .details = details};
    span.args = bosun_buf_text(&box->command);
    span.args_len = box->command.len;
    span.outcome = bosun_buf_text(&outcome);
    span.outcome_len = outcome.len;
    span.error = err ? err->code : box->process.over ? failure_code(&box->process) : NULL;
    span.detail_count = add_details(details, numbers, &box->process);
    host_trace(host, &span);
    bosun_buf_free(&outcome);
    if (err || box->process.over)
        bosun_buf_free(&box->command);
}
