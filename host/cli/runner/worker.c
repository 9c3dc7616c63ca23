/* The worker: a host, one action, one record. It uses libbosun as any program does, and the supervisor
 * reports whatever happens to it. The record is written after the host is freed, because an action whose
 * plugin crashes in a finalizer has failed. */
#include "worker.h"
#include "cli/repl/repl.h"
#include "cli/sink.h"
#include "core/base/wait.h"
#include "core/status.h"
#include "engine/debug/debug.h"
#include "engine/host/announce.h"
#include "engine/host/context.h"
#include "engine/host/stopped.h"
#include "keeper.h"
#include "run_id.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { WORKER_FAILED = 70 }; /* exit status if not even a record could be written */

/* For the signal handler: the host to cancel, the last signal (it may arrive before there is a host), and the
 * deadline, after which SIGTERM means a timeout. */
static _Atomic(bosun_host *) running;
static atomic_int pending_signal;
static int64_t deadline = BOSUN_NO_DEADLINE;
static record_shared *shared_words;
static bool at_terminal;
static bosun_host *running_host;
static char timed_out[64];

static const char *reason(int number)
{
    if (number == SIGINT)
        return "cancelled by SIGINT";
    return number == SIGHUP ? "cancelled by SIGHUP" : "cancelled by SIGTERM";
}

/* Ctrl-C, where a person debugs at the terminal: for the prompt, or to stop the action there. */
static bool is_for_debugger(bosun_host *host, int number)
{
    if (number != SIGINT || !shared_words)
        return false;
    if (atomic_load(&shared_words->at_prompt))
        repl_on_interrupt(number);
    else if (!at_terminal || !host || !host_debug_interrupt(host))
        return false;
    return true;
}

static bool is_late(void)
{
    return deadline != BOSUN_NO_DEADLINE && bosun_monotonic() >= deadline + record_stood(shared_words);
}

static void stop_host(bosun_host *host, int number)
{
    if (number == SIGTERM && is_late())
        host_expire(host, timed_out);
    else
        bosun_host_cancel(host, reason(number));
}

static void on_signal(int number)
{
    bosun_host *host = atomic_load(&running);
    if (is_for_debugger(host, number))
        return;
    atomic_store(&pending_signal, number);
    if (host)
        stop_host(host, number);
    repl_end(); /* nobody may be there to leave a prompt */
}

static void set_running(bosun_host *host)
{
    atomic_store(&running, host);
    int number = atomic_load(&pending_signal);
    if (host && number)
        stop_host(host, number);
}

/* Leaves an ignored signal ignored (nohup). */
static int handle_signal(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) < 0)
        return -1;
    if (action.sa_handler == SIG_IGN)
        return 0;
    action = (struct sigaction){.sa_handler = on_signal}; /* no SA_RESTART: a signal interrupts waits */
    return sigaction(number, &action, NULL);
}

static int handle_signals(const worker_start *start)
{
    deadline = start->deadline;
    shared_words = start->record.shared;
    at_terminal = start->options->debug;
    snprintf(timed_out, sizeof timed_out, "timed out after %g s", start->options->timeout);
    sigset_t none;
    if (handle_signal(SIGTERM) < 0 || handle_signal(SIGINT) < 0 || handle_signal(SIGHUP) < 0 ||
        sigemptyset(&none) < 0)
        return -1;
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Makes this process end with its parent, whatever signals are ignored, redirects standard output to standard
 * error, and handles signals. The plugin sees the run's ids in the environment. */
static int set_up_process(const worker_start *start)
{
    char traceparent[BOSUN_TRACEPARENT_SIZE];
    bosun_trace_write(&start->run->trace, start->run->trace.span, traceparent);
    if (setenv(RUN_ID_VARIABLE, start->run->text, 1) < 0 || setenv(BOSUN_TRACE_VARIABLE, traceparent, 1) < 0)
        return -1;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != start->supervisor)
        return -1; /* the parent died before prctl */
    return dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? -1 : handle_signals(start);
}

static int open_trace(sink *log, const worker_start *start, bosun_err *err)
{
    if (!start->options->trace_file)
        return 0;
    log->trace_fd = sink_open_trace(start->options->trace_file, err);
    log->trace = start->options->trace_format == TRACE_OTLP_JSON ? &start->run->trace : NULL;
    return log->trace_fd < 0 ? -1 : 0;
}

/* Lets the supervisor know what it may have to report. */
static void store_phase(void *data, bosun_phase phase)
{
    const worker_start *start = data;
    record_shared *shared = start->record.shared;
    const bosun_host *host = atomic_load(&running);
    const char *deployment = host ? host_deployment(host) : NULL;
    if (deployment && !shared->deployment[0])
        snprintf(shared->deployment, sizeof shared->deployment, "%s", deployment);
    atomic_store(&shared->phase, (int)phase);
    if (host && phase == BOSUN_PHASE_ACTION) /* now the plugin has read its config */
        keep_configs(start->keep, start->options, host);
}

/* The supervisor's deadline stands still with the host's. */
static void store_stopped(void *data, bool stopped)
{
    const worker_start *start = data;
    record_shared *shared = start->record.shared;
    int64_t since = atomic_load(&shared->stopped_since);
    int64_t now = bosun_monotonic();
    if (!stopped && since)
        atomic_fetch_add(&shared->stood, now - since);
    atomic_store(&shared->stopped_since, stopped ? now : 0);
}

/* A host_prompt_function. Without --debug, there is a prompt only where a person sits. */
static bool prompt(void *data, struct lua_State *L, int env)
{
    const worker_start *start = data;
    static repl *session;
    if (!start->options->debug && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return false;
    if (!session)
        session = repl_around(running_host);
    if (!session)
        return false;
    atomic_store(&start->record.shared->at_prompt, L != NULL);
    bool shown = repl_debug_prompt(session, L, env);
    atomic_store(&start->record.shared->at_prompt, false);
    int number = atomic_load(&pending_signal);
    if (number) /* the prompt has ended because of it, or has put it aside */
        stop_host(running_host, number);
    return shown;
}

static int start_debugger(bosun_host *host, worker_start *start, bosun_err *err)
{
    const options *opt = start->options;
    host_on_stopped(host, store_stopped, start);
    host_debug_on_prompt(host, prompt, start, repl_source);
    running_host = host;
    bool at_prompt = opt->debug || (opt->repl_on_error && isatty(STDIN_FILENO) && isatty(STDERR_FILENO));
    if (!opt->debug_socket && !at_prompt)
        return 0;
    const host_debug_options debug = {.face = at_prompt ? "bosun.debug.terminal" : "bosun.debug.dap",
                                      .socket = opt->debug_socket,
                                      .wait = opt->debug_wait,
                                      .stop_on_entry = opt->debug};
    return host_debug_start(host, &debug, err);
}

static int step_back(void *data, bosun_err *err)
{
    const worker_start *start = data;
    return keeper_step_back(start->record.shared, start->supervisor, err);
}

static bosun_options host_options(worker_start *start, sink *log)
{
    bosun_options result;
    bosun_options_init(&result);
    result.plugin_path = getenv("BOSUN_PLUGIN_PATH");
    result.settings = start->options->settings;
    result.dry_run = start->options->dry_run;
    result.timeout = start->options->timeout;
    result.log_level = log->trace_fd >= 0 || log->copy_fd ? BOSUN_LOG_TRACE : log->level;
    result.log = sink_log;
    result.log_data = log;
    result.phase = store_phase;
    result.phase_data = start;
    result.run_id = start->run->text;
    return result;
}

/* The host is set up while the supervisor writes the first status; nothing may run before that is written. */
static void wait_for_release(int fd)
{
    char byte;
    ssize_t n;
    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(WORKER_FAILED); /* the supervisor gave up */
}

/* NULL: *err says why there is no host. */
static bosun_host *make_host(worker_start *start, sink *log, bosun_err *err)
{
    if (open_trace(log, start, err) < 0)
        return NULL;
    bosun_options for_host = host_options(start, log);
    bosun_error error;
    bosun_host *host = bosun_host_new(&for_host, &error);
    if (host) {
        host_on_first_process(host, step_back, start);
        host_set_trace(host, &start->run->trace);
    } else
        bosun_err_set(err, error.code, "start", "%s", error.message);
    return host;
}

/* The action's status, after the host is gone. NULL: *err says why there is none. */
static bosun_status *run_action(worker_start *start, sink *log, bosun_err *err)
{
    const options *opt = start->options;
    bosun_host *host = make_host(start, log, err);
    if (!host)
        return NULL;
    set_running(host);
    wait_for_release(start->release_fd);
    if (start_debugger(host, start, err) < 0) {
        set_running(NULL);
        bosun_host_free(host);
        return NULL;
    }
    int loaded = bosun_host_load(host, opt->plugin, opt->private_config, NULL); /* run reports its failure */
    bosun_status *status = bosun_host_run(host, opt->action->name, opt->config);
    if (loaded == 0)
        keep_configs(start->keep, opt, host);
    set_running(NULL);
    bosun_host_free(host);
    if (!status)
        bosun_err_nomem(err, "make a status");
    return status;
}

/* The last line of the log says what the status says. */
static int write_failure(const worker_start *start, const sink *log, const bosun_err *why, int64_t duration)
{
    char storage[BOSUN_STATUS_FAILING_MAX];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    record_text written = record_begin(&start->record);
    bosun_status_write_failing(&text, why, duration);
    sink_printf(log, BOSUN_LOG_ERROR, "%s: failing: %s", start->options->action->name, why->message);
    record_append(&written, text.data, text.len);
    record_message(&start->record, why->message);
    return record_finish(&written, BOSUN_FAILING, false, NULL);
}

/* -1: *err says why there is no record. */
static int write_outcome(const record *to, const bosun_status *status, bosun_err *err)
{
    const char *message = bosun_status_message(status);
    record_message(to, message ? message : "");
    record_text text = record_begin(to);
    bosun_outlet outlet = {.write = record_append, .data = &text};
    if (bosun_status_stream(status, &outlet, err) < 0 && text.error == 0)
        return -1;
    return record_finish(&text, bosun_status_outcome(status), status->planned, err);
}

_Noreturn void worker_run(worker_start *start)
{
    if (set_up_process(start) < 0)
        _exit(WORKER_FAILED);
    sink log = options_sink(start->options, start->run, start->log_fd, -1);
    log.copy_fd = start->keep->fds[KEEP_LOG] >= 0 ? &start->keep->fds[KEEP_LOG] : NULL;
    int64_t began = bosun_monotonic();
    bosun_err err = {0};
    bosun_status *status = run_action(start, &log, &err);
    fflush(stdout); /* a plugin's io.write may have left something there; it goes to standard error */
    int rc = status ? write_outcome(&start->record, status, &err) : -1;
    bosun_status_free(status);
    if (start->record.shared->deployment[0])
        log.deployment = start->record.shared->deployment;
    if (rc < 0)
        rc = write_failure(start, &log, &err, bosun_monotonic() - began);
    exit(rc < 0 ? WORKER_FAILED : 0); /* not _exit: the leak checker looks at this process, too */
}
