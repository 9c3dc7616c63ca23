/* The loop that reads and runs lines. */
#include "core/base/wait.h"
#include "engine/debug/debug.h"
#include "history.h"
#include "internal.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What :save writes: lines that worked. */
static void note(repl *session, const char *text)
{
    if (history_hides(text) || host_console_knows_secret(session->host, text, strlen(text)))
        text = "-- (a line with a secret is left out)";
    bosun_buf_printf(&session->session, "%s\n", text);
}

static repl_result run_lua(repl *session, const char *line)
{
    if (session->chunk.len > 0)
        bosun_buf_putc(&session->chunk, '\n');
    bosun_buf_puts(&session->chunk, line);
    repl_result result = repl_evaluate(session, bosun_buf_text(&session->chunk));
    if (result == REPL_INCOMPLETE)
        return result;
    if (result == REPL_OK)
        note(session, bosun_buf_text(&session->chunk));
    bosun_buf_clear(&session->chunk);
    return result;
}

repl_result repl_line(repl *session, const char *line)
{
    const char *text = line + strspn(line, " \t");
    if (!*text && session->scope && session->step && session->chunk.len == 0)
        return repl_command_line(session, session->step->name);
    if (*text != ':' || session->chunk.len > 0)
        return *text || session->chunk.len > 0 ? run_lua(session, line) : REPL_OK;
    const repl_command *command = repl_command_of(session, text);
    repl_result result = repl_command_line(session, text);
    if (result != REPL_OK || !command || !command->kept)
        return result;
    note(session, text);
    size_t len = strlen(text);
    watch_shared *shared = session->shared;
    if (shared && shared->kept_len + len + 1 < sizeof shared->kept) {
        memcpy(shared->kept + shared->kept_len, text, len);
        shared->kept[shared->kept_len + len] = '\n';
        shared->kept_len += len + 1;
    }
    return result;
}

/* After the line was run: only then is every secret in it known. */
static void remember(repl *session, const char *line)
{
    bosun_err err = {0};
    if (!session->terminal || !*line)
        return;
    line_remember(session->lines, line);
    if (*line == ' ' || history_hides(line) || host_console_knows_secret(session->host, line, strlen(line)))
        return;
    bosun_buf_printf(&session->history, "%s\n", line);
    static bool failed;
    if (!failed && history_add(line, &err) < 0) {
        failed = true;
        repl_printf(session, "the history is not kept: %s\n", err.message);
    }
}

/* Ctrl-D in the middle of a chunk gives the chunk up. */
static line_result next_line(repl *session, const char *prompt, bosun_buf *line)
{
    bool more = session->chunk.len > 0;
    char continued[64];
    snprintf(continued, sizeof continued, "%*s", (int)strlen(prompt), ">> ");
    fflush(stdout);
    line_result result = line_read(session->lines, more ? continued : prompt, line);
    if (result == LINE_READ && session->echo && !session->terminal)
        repl_printf(session, "%s%s\n", more ? continued : prompt, bosun_buf_text(line));
    if (result != LINE_READ)
        bosun_buf_clear(&session->chunk);
    if (result == LINE_END && more && session->terminal)
        return LINE_INTERRUPTED;
    return result;
}

/* Runs the chunk that the input's end has left. */
static repl_result unfinished(repl *session, const bosun_buf *chunk)
{
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%s\n", bosun_buf_text(chunk));
    repl_result result = repl_problem(session, "the input ends in the middle of Lua code:\n%s", text.data);
    bosun_buf_free(&text);
    return result;
}

repl_result repl_loop(repl *session, const char *prompt, bool *failed)
{
    for (;;) {
        bosun_buf line = {0};
        bosun_buf pending = {0};
        bosun_buf_append(&pending, session->chunk.data, session->chunk.len);
        line_result read = next_line(session, prompt, &line);
        if (session->shared)
            atomic_fetch_add(&session->shared->lines, 1);
        repl_result result = REPL_OK;
        if (read == LINE_READ && line.failed)
            result = repl_problem(session, "out of memory");
        else if (read == LINE_READ && (memchr(line.data ? line.data : "", 0, line.len)))
            result = repl_problem(session, "the line contains a NUL byte");
        else if (read == LINE_READ)
            result = repl_line(session, bosun_buf_text(&line));
        else if (read == LINE_END)
            result = pending.len > 0 ? unfinished(session, &pending) : REPL_QUIT;
        if (read == LINE_READ && !line.failed)
            remember(session, bosun_buf_text(&line));
        *failed = *failed || result == REPL_FAILED || (read == LINE_INTERRUPTED && !session->terminal);
        bosun_buf_free(&line);
        bosun_buf_free(&pending);
        if (session->quitting || read == LINE_END || (read == LINE_INTERRUPTED && !session->terminal))
            return REPL_QUIT;
        if (result == REPL_QUIT || result == REPL_RESUME)
            return result;
    }
}

void repl_stopped(repl *session, const char *prompt, const host_scope *scope)
{
    const host_scope *outer = session->scope;
    bosun_host *outer_running = repl_set_running(NULL);
    int64_t busy = session->shared ? atomic_exchange(&session->shared->busy, 0) : 0;
    int64_t deadline = session->shared ? atomic_exchange(&session->shared->deadline, 0) : 0;
    int64_t began = bosun_monotonic();
    bool failed = false;
    session->scope = scope;
    repl_result result = repl_loop(session, prompt, &failed);
    session->scope = outer;
    if (result == REPL_QUIT) {
        session->quitting = true;
        bosun_host_cancel(session->host, DEBUG_CANCELLED);
    }
    if (session->shared) {
        int64_t now = bosun_monotonic();
        atomic_store(&session->shared->deadline, deadline ? deadline + now - began : 0);
        atomic_store(&session->shared->busy, busy ? now : 0);
    }
    repl_set_running(outer_running);
}
