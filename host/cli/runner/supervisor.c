/* The supervisor: no Lua, no threads, and no memory allocated on the way to the status file. It writes a
 * failing status before anything else, starts the worker and watches over it, and replaces the status with
 * the worker's record, or with how the worker ended. */
#include "supervisor.h"
#include "action_span.h"
#include "cli/plan_text.h"
#include "cli/sink.h"
#include "core/base/wait.h"
#include "core/status.h"
#include "keep.h"
#include "reap.h"
#include "run_id.h"
#include "status_file.h"
#include "watch.h"
#include "worker.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define STDERR_PATIENCE 100 /* milliseconds that a blocked standard error may delay the end */
#define STDOUT_PATIENCE 5000
#define PATIENCE        (5 * BOSUN_SECOND) /* for what was killed to end */

typedef struct supervisor {
    const options *opt;
    run_id run;
    sink log;
    status_file status;
    int64_t start;
    bool alone; /* this process had no children, so all that it gets are the action's */
    watch watch;
    int release_fd; /* the worker reads from its other end */
    record record;
    action_end end;
    keep keep;
    bool published; /* the outcome is known, whether or not it could be written */
} supervisor;

static int write_first_status(supervisor *s, bosun_err *err)
{
    char operation[BOSUN_ERR_OP_MAX];
    bosun_err why;
    snprintf(operation, sizeof operation, "running %s", s->opt->action->name);
    bosun_err_set(
        &why, BOSUN_ERR_NO_OUTCOME, operation,
        "%s of plugin %.200s has no outcome yet: it is still running, or it was killed together with its "
        "supervisor",
        s->opt->action->name, s->opt->plugin);
    return status_file_fail(&s->status, &why, 0, false, err);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Inherits the orphans of a keeper that is killed: without earlier children, this process gets no others. */
static int become_subreaper(supervisor *s, bosun_err *err)
{
    s->alone = waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
    if (s->alone && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return bosun_err_errno(err, errno, "become", "a subreaper");
    return 0;
}

/* The child's side of the fork. */
_Noreturn static void become_worker(supervisor *s, pid_t pid, int release_fd)
{
    worker_start start = {.options = s->opt,
                          .run = &s->run,
                          .log_fd = s->log.log_fd,
                          .release_fd = release_fd,
                          .record = s->record,
                          .keep = &s->keep,
                          .supervisor = pid,
                          .deadline = s->watch.deadline};
    close_fd(&s->release_fd);
    status_file_close(&s->status);
    worker_run(&start);
}

/* The worker gets no signal before it handles them. */
static pid_t fork_blocked(void)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, &before) < 0)
        return -1;
    pid_t pid = fork();
    int fork_errno = errno;
    if (pid != 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
    errno = fork_errno;
    return pid;
}

/* The worker sets up Lua and then waits until it is released. */
static int start_worker(supervisor *s, bosun_err *err)
{
    int ends[2];
    if (record_create(&s->record, err) < 0 || become_subreaper(s, err) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return bosun_err_errno(err, errno, "create", "a pipe");
    s->release_fd = ends[1];
    pid_t pid = getpid();
    s->watch.shared = s->record.shared;
    s->watch.child = fork_blocked();
    if (s->watch.child == 0)
        become_worker(s, pid, ends[0]);
    int fork_errno = errno;
    close(ends[0]);
    return s->watch.child < 0 ? bosun_err_errno(err, fork_errno, "start", "a worker process") : 0;
}

/* Lets the worker read the configs and run the action. */
static int release_worker(supervisor *s, bosun_err *err)
{
    ssize_t n;
    do
        n = write(s->release_fd, "", 1);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EPIPE) /* EPIPE: the worker is dead, which the watch notices */
        return bosun_err_errno(err, errno, "release", "the worker process");
    return 0;
}

/* What the keeper ended. One that was killed itself ended nothing, so this process does it, if it can tell
 * whose its children are. A worker without a keeper has not started anything. */
static void end_descendants(const supervisor *s)
{
    record_end end = s->record.shared->end;
    bool lost = s->watch.keeper == KEEPER_RUNS;
    if (lost && s->alone) {
        end.killed = reap_descendants(PATIENCE);
        end.kill_errno = errno;
    }
    if (lost && !s->alone)
        sink_printf(&s->log, BOSUN_LOG_ERROR,
                    "the keeper process ended early: processes that the action started may be left");
    else if (end.killed > 0)
        sink_printf(&s->log, BOSUN_LOG_WARN, "killed %d process%s that the action left behind", end.killed,
                    end.killed == 1 ? "" : "es");
    else if (end.killed < 0)
        sink_printf(&s->log, BOSUN_LOG_ERROR, "cannot end some processes that the action left behind: %s",
                    strerrordesc_np(end.kill_errno));
}

/* What the worker was doing last. */
static void describe_phase(const supervisor *s, char *out, size_t size)
{
    bosun_phase phase = (bosun_phase)atomic_load(&s->record.shared->phase);
    if (phase == BOSUN_PHASE_ACTION)
        snprintf(out, size, "running %s", s->opt->action->name);
    else
        snprintf(out, size, "%s", bosun_phase_name(phase));
}

static int exit_status(const supervisor *s, const record_content *content)
{
    if (s->watch.cancel_signal && content->outcome == BOSUN_FAILING)
        return 128 + s->watch.cancel_signal;
    if (s->opt->detailed_exit_codes && content->planned && content->outcome == BOSUN_PASSING)
        return EXIT_PLANNED;
    return s->opt->exit_codes || s->opt->detailed_exit_codes ? (int)content->outcome : 0;
}

/* Logs why the status file could not be written, and what follows; returns the exit status. */
static int log_unwritten(const supervisor *s, const char *consequence, const bosun_err *err)
{
    sink_printf(&s->log, BOSUN_LOG_ERROR, "%s; %s", err->message, consequence);
    return EXIT_STATUS_FILE;
}

/* The same without a first status: the action is not run, and what an earlier one left must not be read. */
static void log_not_run(const sink *log, const status_file *file, const bosun_err *err)
{
    sink_printf(log, BOSUN_LOG_ERROR, "%s; the action was not run%s", err->message, status_file_remove(file));
}

/* What is in the file when the outcome could not be written, or not durably: the first status again. */
static const char *restore_first_status(supervisor *s)
{
    if (s->status.stream)
        return "the outcome is in the log only";
    if (s->status.target.changed && write_first_status(s, NULL) < 0)
        return "do not rely on what the file says";
    return "the file keeps the failing status from before the action";
}

/* Prints the status, and as a text for people what a dry run would change. */
static int show_status(const record_content *content)
{
    if (sink_write(STDOUT_FILENO, content->text, content->len, STDOUT_PATIENCE) < 0)
        return -1;
    bosun_buf plan = {0};
    if (content->planned)
        plan_text_add(&plan, content->text, content->len, color_wanted(STDOUT_FILENO));
    int rc = plan.failed ? 0 : sink_write(STDOUT_FILENO, bosun_buf_text(&plan), plan.len, STDOUT_PATIENCE);
    bosun_buf_free(&plan);
    return rc;
}

static int publish(supervisor *s, const record_content *content)
{
    bosun_err err = {0};
    s->end.outcome = content->outcome;
    s->published = true;
    keep_status(&s->keep, content->text, content->len);
    if (status_file_write(&s->status, content->text, content->len, true, &err) < 0)
        return log_unwritten(s, restore_first_status(s), &err);
    if (s->opt->show_status && show_status(content) < 0)
        sink_printf(&s->log, BOSUN_LOG_ERROR, "cannot write the status to standard output: %s",
                    strerrordesc_np(errno));
    return exit_status(s, content);
}

static int publish_failure(supervisor *s, const bosun_err *why)
{
    char storage[BOSUN_STATUS_FAILING_MAX];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_buf end = bosun_buf_fixed(s->end.message, sizeof s->end.message);
    bosun_buf_append_utf8(&end, why->message, strnlen(why->message, sizeof s->end.message - 1));
    bosun_status_write_failing(&text, why, bosun_monotonic() - s->start);
    const record_content content = {.outcome = BOSUN_FAILING, .text = text.data, .len = text.len};
    int status = publish(s, &content);
    sink_printf(&s->log, BOSUN_LOG_ERROR, "%s: failing: %s", s->opt->action->name, why->message);
    return status;
}

/* How the worker ended, when it left no valid record. */
static int publish_end(supervisor *s)
{
    char phase[80];
    bosun_err why;
    describe_phase(s, phase, sizeof phase);
    watch_describe_end(&s->watch, phase, s->opt->timeout, s->record.len > 0, &why);
    return publish_failure(s, &why);
}

static int publish_outcome(supervisor *s)
{
    record_content content;
    bosun_err err = {0};
    bool exited_well = WIFEXITED(s->watch.wait_status) && WEXITSTATUS(s->watch.wait_status) == 0;
    if (!exited_well || s->watch.keeper == KEEPER_RUNS)
        return publish_end(s);
    if (record_open(&s->record, &err) < 0)
        return publish_failure(s, &err);
    if (!record_check(&s->record, &content))
        return publish_end(s);
    snprintf(s->end.message, sizeof s->end.message, "%s", s->record.shared->message);
    return publish(s, &content);
}

/* Waits for the end of the worker and of what it started. -1: the worker does not end; a keeper then goes on
 * without this process. */
static int await_end(supervisor *s, bosun_err *err)
{
    if (watch_worker(&s->watch, err) < 0)
        return -1;
    if (s->record.shared->deployment[0])
        s->log.deployment = s->record.shared->deployment;
    end_descendants(s);
    return 0;
}

/* Runs the worker to its end, and ends what it started. */
static int finish_worker(supervisor *s, bosun_err *err)
{
    if (release_worker(s, err) == 0)
        return await_end(s, err);
    watch_kill_worker(&s->watch);
    await_end(s, NULL);
    return -1;
}

/* Starting the worker and writing the first status both take time, so the worker starts first; it does
 * nothing until it is released, and without a first status it never is. */
static int run(supervisor *s)
{
    bosun_err err = {0};
    bosun_err no_worker = {0};
    if (watch_block_signals(&s->watch, &err) < 0 ||
        status_file_open(&s->status, s->opt->status_file, &err) < 0)
        return log_unwritten(s, "the action was not run", &err);
    bool started = start_worker(s, &no_worker) == 0;
    if (write_first_status(s, &err) < 0) {
        if (started) {
            watch_kill_worker(&s->watch);
            await_end(s, NULL);
        }
        log_not_run(&s->log, &s->status, &err);
        return EXIT_STATUS_FILE;
    }
    if (!started)
        return publish_failure(s, &no_worker);
    return finish_worker(s, &err) < 0 ? publish_failure(s, &err) : publish_outcome(s);
}

static void begin_keeping(supervisor *s)
{
    bosun_err err = {0};
    if (keep_begin(&s->keep, s->opt, &err) < 0)
        sink_printf(&s->log, BOSUN_LOG_WARN, "%s; the run is not kept", err.message);
    if (s->keep.fds[KEEP_LOG] >= 0)
        s->log.copy_fd = &s->keep.fds[KEEP_LOG];
}

/* What is written beside the status file, when that is complete. */
static void leave_traces(supervisor *s)
{
    bosun_err err = {0};
    const keep_run run = {
        .options = s->opt, .ids = &s->run, .started = s->end.started, .exit_status = s->end.exit_status};
    action_span_write(s->opt, &s->run, &s->end, &s->log);
    if (keep_save(&s->keep, &run, &err) < 0)
        sink_printf(&s->log, BOSUN_LOG_WARN, "--keep-runs: %s; this run is not kept, and its outcome stands",
                    err.message);
}

/* A worker that was killed at its prompt has left the terminal as the editor of lines wants it. */
static void restore_terminal(const struct termios *before)
{
    sigset_t background;
    sigset_t mask;
    sigemptyset(&background);
    sigaddset(&background, SIGTTOU);
    sigprocmask(SIG_BLOCK, &background, &mask);
    tcsetattr(STDIN_FILENO, TCSANOW, before);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

int supervisor_run(const options *opt)
{
    struct termios terminal;
    bool has_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
    int64_t deadline =
        opt->timeout > 0 ? bosun_wait_after(bosun_nanoseconds(opt->timeout)) : BOSUN_NO_DEADLINE;
    supervisor s = {
        .opt = opt,
        .run = run_id_make(),
        .status = STATUS_FILE_NONE,
        .record = RECORD_NONE,
        .release_fd = -1,
        .start = bosun_monotonic(),
        .end = {.started = bosun_realtime()},
        .watch = watch_new(deadline),
    };
    s.watch.at_terminal = opt->debug;
    s.log = options_sink(opt, &s.run, STDERR_FILENO, STDERR_PATIENCE);
    sink_open_log(&s.log, opt->logfile);
    begin_keeping(&s);
    if (opt->log_config)
        sink_printf(
            &s.log, BOSUN_LOG_WARN,
            "--log-config %s has no meaning here: it configures Python's logging; the log is set with "
            "--log-level, --log-format and --logfile",
            opt->log_config);
    int status = run(&s);
    if (has_terminal && s.record.shared && atomic_load(&s.record.shared->at_prompt))
        restore_terminal(&terminal);
    s.end.exit_status = status;
    s.end.deployment = s.log.deployment ? s.log.deployment : "";
    if (s.published)
        leave_traces(&s);
    keep_end(&s.keep);
    record_close(&s.record);
    close_fd(&s.release_fd);
    status_file_close(&s.status);
    return status;
}

int supervisor_report_usage(const char *path, const bosun_err *why)
{
    const sink log = {.log_fd = STDERR_FILENO,
                      .color = color_wanted(STDERR_FILENO),
                      .trace_fd = -1,
                      .patience = STDERR_PATIENCE};
    status_file file;
    bosun_err err = {0};
    if (status_file_open(&file, path, &err) < 0)
        sink_printf(&log, BOSUN_LOG_ERROR, "%s; the action was not run", err.message);
    else if (status_file_fail(&file, why, 0, true, &err) < 0)
        log_not_run(&log, &file, &err);
    status_file_close(&file);
    return EXIT_USAGE;
}
