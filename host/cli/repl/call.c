/* Calls into the host, and the host itself. While one is under way, Ctrl-C stops it. */
#include "core/base/wait.h"
#include "internal.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic(bosun_host *) running; /* for the signal handler: what Ctrl-C stops */

void repl_on_interrupt(int number)
{
    (void)number;
    bosun_host *host = atomic_load(&running);
    if (host)
        bosun_host_cancel(host, "interrupted");
    else
        line_interrupt();
}

void repl_end(void)
{
    line_end();
}

bosun_host *repl_set_running(bosun_host *host)
{
    return atomic_exchange(&running, host);
}

void repl_begin_call(repl *session, double timeout)
{
    int64_t now = bosun_monotonic();
    if (session->shared) {
        atomic_store(&session->shared->deadline, timeout > 0 ? now + bosun_nanoseconds(timeout) : 0);
        atomic_store(&session->shared->busy, now);
        uint64_t one = 1;
        if (timeout > 0 && write(atomic_load(&session->shared->wake), &one, sizeof one) < 0)
            return; /* it looks again soon enough */
    }
    fflush(stdout);
    atomic_store(&running, session->host);
}

void repl_end_call(repl *session)
{
    atomic_store(&running, NULL);
    if (session->shared) {
        atomic_store(&session->shared->busy, 0);
        atomic_store(&session->shared->deadline, 0);
    }
    line_forget_interrupt();
}

repl_result repl_call(repl *session, const char *module, const char *function, const char *first,
                      const char *second, bosun_buf *text)
{
    static const repl_result results[] = {REPL_OK, REPL_FAILED, REPL_INCOMPLETE};
    const char *args[] = {first, second, NULL};
    repl_begin_call(session, 0);
    host_console_result result =
        host_console_call(session->host, session->scope, module, function, args, text);
    repl_end_call(session);
    return results[result];
}

void repl_apply(repl *session, bool dry_run, double timeout, const char *const *settings)
{
    session->console.config = session->config;
    host_console_set_run(session->host, dry_run, timeout,
                         settings ? settings : (const char *const *)session->settings.items);
}

/* With the source around the place. */
static void tell_failure(repl *session, const bosun_error *error)
{
    char line[16];
    repl_problem(session, "%s", error->message);
    snprintf(line, sizeof line, "%u", error->line);
    if (session->host && error->file[0] && error->line)
        repl_call(session, "bosun.repl.show", "excerpt", error->file, line, NULL);
}

static bosun_host *make_host(repl *session, const char *plugin, const char *private_config)
{
    bosun_options options;
    bosun_error error = {.code = ""};
    bosun_options_init(&options);
    options.plugin_path = getenv("BOSUN_PLUGIN_PATH");
    options.dry_run = true; /* Lua's own functions for files can be held back only from the start */
    options.log_level = BOSUN_LOG_TRACE;
    options.log = repl_log;
    options.log_data = session;
    bosun_host *host = bosun_host_new(&options, &error);
    int rc = host ? 0 : -1;
    if (host) {
        host_console_open(host, &session->console);
        session->attach(session, host);
        bosun_host *outer = repl_set_running(host);
        rc = plugin ? bosun_host_load(host, plugin, private_config, &error) : 0;
        repl_set_running(outer);
    }
    if (rc == 0)
        return host;
    session->silent = true; /* what is to be said is in the error */
    bosun_host_free(host);
    session->silent = false;
    tell_failure(session, &error);
    return NULL;
}

static void keep_variables(repl *session, bosun_host *to)
{
    bosun_arena *arena = bosun_arena_new();
    const bosun_value *variables = session->host && arena ? host_console_save(session->host, arena) : NULL;
    if (variables)
        host_console_restore(to, variables);
    bosun_arena_free(arena);
}

repl_result repl_open_host(repl *session, const char *plugin, const char *private_config)
{
    repl_begin_call(session, 0);
    bosun_host *host = make_host(session, plugin, private_config);
    repl_end_call(session);
    if (!host)
        return REPL_FAILED;
    keep_variables(session, host);
    bosun_host_free(session->host);
    session->host = host;
    repl_apply(session, !session->effects, 0, NULL);
    return REPL_OK;
}

repl_result repl_evaluate(repl *session, const char *text)
{
    return repl_call(session, "bosun.repl.evaluate", "line", text, NULL, NULL);
}
