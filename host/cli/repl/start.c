/* A session, from its beginning to its end. */
#include "cli/color.h"
#include "core/base/wait.h"
#include "history.h"
#include "internal.h"
#include "sources.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH 4 /* to which tables are shown at first */

static void write_console(void *data, const char *text, size_t len)
{
    repl_print(data, text, len);
}

static int width(void *data)
{
    (void)data;
    return line_columns();
}

static void greet(repl *session)
{
    if (session->terminal)
        repl_printf(
            session, "bosun %s: Lua, or a command; :help lists them, Ctrl-D leaves.\nChanges are %s.\n",
            BOSUN_VERSION, session->effects ? "made" : "held back and announced; :effects on makes them");
}

static void on_terminal(int number)
{
    (void)number;
    line_terminal_changed();
}

static void handle_signals(void)
{
    const struct sigaction interrupt = {.sa_handler = repl_on_interrupt}; /* no SA_RESTART: it ends waits */
    const struct sigaction terminal = {.sa_handler = on_terminal};
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGWINCH, &terminal, NULL);
    sigaction(SIGCONT, &terminal, NULL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
}

/* Repeats what a session that was ended had been told. */
static void repeat_kept(repl *session)
{
    char *text = strndup(session->shared->kept, session->shared->kept_len);
    watch_shared *shared = session->shared;
    session->shared = NULL; /* it is in `kept` already */
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            repl_line(session, line);
    session->shared = shared;
    free(text);
}

static void remember_former(repl *session)
{
    if (!session->terminal)
        return;
    history_read(&session->history);
    char *text = strdup(bosun_buf_text(&session->history));
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        line_remember(session->lines, line);
    free(text);
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static const repl_command *const tables[] = {repl_basic_commands, repl_plugin_commands, repl_run_commands,
                                             repl_debug_commands, NULL};

/* What :save writes first: the options as commands. */
static void note_options(repl *session, const repl_options *options)
{
    if (options->plugin)
        bosun_buf_printf(&session->session, ":load %s%s%s\n", options->plugin,
                         options->private_config ? " " : "",
                         options->private_config ? options->private_config : "");
    if (options->config)
        bosun_buf_printf(&session->session, ":config %s\n", options->config);
}

static void prepare(repl *session)
{
    session->tables = tables;
    session->attach = repl_debug_attach;
    session->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    session->console = (host_console){.write = write_console,
                                      .source = repl_source_at,
                                      .width = width,
                                      .data = session,
                                      .color = color_wanted(STDOUT_FILENO),
                                      .depth = DEPTH};
    session->log_color = color_wanted(STDERR_FILENO);
    session->lines = line_open(session->terminal, repl_complete, session);
}

repl *repl_around(bosun_host *host)
{
    static repl session;
    prepare(&session);
    session.host = host;
    if (session.lines)
        host_console_open(host, &session.console);
    return session.lines ? &session : NULL;
}

static int start(repl *session, const repl_options *options, bool again)
{
    prepare(session);
    note_options(session, options);
    session->private_config = copy(options->private_config);
    session->config = copy(options->config);
    session->timeout = options->timeout;
    session->echo = options->echo;
    session->effects = options->effects && !again;
    if (!session->lines || (repl_open_host(session, NULL, NULL) != REPL_OK))
        return -1;
    if (!options->plugin)
        return 0;
    session->plugin = copy(options->plugin);
    return repl_open_host(session, options->plugin, options->private_config) == REPL_OK ? 0 : -1;
}

static void finish(repl *session)
{
    bosun_host_free(session->host);
    line_close(session->lines);
    for (size_t i = 0; i < session->settings.count; i++)
        free(session->settings.items[i]);
    for (size_t i = 0; i < REPL_TRACED; i++)
        free(session->traced[i]);
    free(session->settings.items);
    free(session->plugin);
    free(session->private_config);
    free(session->config);
    bosun_buf_free(&session->status);
    bosun_buf_free(&session->chunk);
    bosun_buf_free(&session->session);
    bosun_buf_free(&session->history);
}

static int run_session(void *data, watch_shared *shared, int again)
{
    static repl session; /* in the process of its own */
    bool failed = false;
    session.shared = shared;
    handle_signals();
    int rc = start(&session, data, again);
    if (rc < 0 && !session.terminal)
        failed = true;
    if (session.host && session.lines && (rc == 0 || session.terminal)) {
        remember_former(&session);
        if (again)
            repeat_kept(&session);
        else
            greet(&session);
        repl_loop(&session, "bosun> ", &failed);
    }
    finish(&session);
    return failed && !session.terminal;
}

int repl_run(const repl_options *options)
{
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return watch_sessions(run_session, (void *)options);
    return run_session((void *)options, NULL, 0);
}
