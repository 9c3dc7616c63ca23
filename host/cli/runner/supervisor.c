/* The supervisor: no Lua, no threads, and no memory allocated on the way to the status file. It writes a
 * failing status before anything else, starts the worker and watches it, kills the processes that are left,
 * and replaces the status with the worker's record, or with how the worker ended. */
#include "supervisor.h"
#include "cli/sink.h"
#include "core/base/wait.h"
#include "core/status.h"
#include "reap.h"
#include "status_file.h"
#include "watch.h"
#include "worker.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STDERR_PATIENCE 100 /* milliseconds that a blocked standard error may delay the end */
#define STDOUT_PATIENCE 5000

typedef struct supervisor {
    const options *opt;
    sink log;
    status_file status;
    int64_t start;
    pid_t pid;
    reap_spared spared; /* children that were here before the worker */
    watch watch;
    atomic_int *phase; /* shared with the worker, which writes it */
} supervisor;

static int write_first_status(const supervisor *s, bosun_err *err)
{
    char message[512];
    snprintf(
        message, sizeof message,
        "%s of plugin %.200s has no outcome yet: it is still running, or it was killed together with its "
        "supervisor",
        s->opt->action->name, s->opt->plugin);
    return status_file_fail(&s->status, message, 0, false, err);
}

/* A page that stays readable when the worker is gone. */
static int share_phase(supervisor *s, bosun_err *err)
{
    void *page = mmap(NULL, sizeof *s->phase, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return bosun_err_errno(err, errno, "share", "memory with the worker");
    s->phase = page;
    return 0;
}

/* The child's side of the fork. */
_Noreturn static void become_worker(supervisor *s, int fd)
{
    const worker_start start = {
        .options = s->opt, .fd = fd, .supervisor = s->pid, .phase = s->phase, .deadline = s->watch.deadline};
    watch_close_fds(&s->watch);
    status_file_close(&s->status);
    worker_run(&start);
}

/* The worker sets up Lua and then waits until it is released. */
static int start_worker(supervisor *s, bosun_err *err)
{
    int ends[2];
    if (share_phase(s, err) < 0)
        return -1;
    reap_note_children(&s->spared);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return bosun_err_errno(err, errno, "become", "a subreaper");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return bosun_err_errno(err, errno, "create", "a socket");
    s->watch.record_fd = ends[0];
    s->pid = getpid();
    s->watch.worker = fork();
    if (s->watch.worker == 0)
        become_worker(s, ends[1]);
    int fork_errno = errno;
    close(ends[1]);
    return s->watch.worker < 0 ? bosun_err_errno(err, fork_errno, "start", "a worker process") : 0;
}

/* Lets the worker read the configs and run the action. */
static int release_worker(const supervisor *s, bosun_err *err)
{
    int fd = s->watch.record_fd;
    ssize_t n;
    do
        n = write(fd, "", 1);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EPIPE) /* EPIPE: the worker is dead, which the watch notices */
        return bosun_err_errno(err, errno, "release", "the worker process");
    return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? bosun_err_errno(err, errno, "set up", "a socket") : 0;
}

static void kill_descendants(const supervisor *s)
{
    int killed = reap_descendants(&s->spared);
    if (killed > 0)
        sink_printf(&s->log, BOSUN_LOG_WARN, "killed %d process%s that the action left behind", killed,
                    killed == 1 ? "" : "es");
    if (killed < 0)
        sink_printf(&s->log, BOSUN_LOG_ERROR, "cannot end some processes that the action left behind: %s",
                    strerrordesc_np(errno));
}

/* What the worker was doing last. */
static void describe_phase(const supervisor *s, char *out, size_t size)
{
    bosun_phase phase = (bosun_phase)atomic_load(s->phase);
    if (phase == BOSUN_PHASE_ACTION)
        snprintf(out, size, "running %s", s->opt->action->name);
    else
        snprintf(out, size, "%s", bosun_phase_name(phase));
}

static int exit_status(const supervisor *s, bosun_outcome outcome)
{
    if (s->watch.cancel_signal && outcome == BOSUN_FAILING)
        return 128 + s->watch.cancel_signal;
    return (int)outcome;
}

/* Logs why the status file could not be written, and what follows; returns the exit status. */
static int log_unwritten(const supervisor *s, const char *consequence, const bosun_err *err)
{
    sink_printf(&s->log, BOSUN_LOG_ERROR, "%s; %s", err->message, consequence);
    return EXIT_STATUS_FILE;
}

/* Writes the final status. If that fails, also in making it durable, the file gets the first status again. */
static int publish(const supervisor *s, bosun_outcome outcome, const char *text, size_t len)
{
    bosun_err err = {0};
    if (status_file_write(&s->status, text, len, true, &err) < 0) {
        write_first_status(s, NULL); /* still there, unless only syncing the folder failed */
        return log_unwritten(s, "the file keeps the failing status from before the action", &err);
    }
    if (s->opt->show_status && sink_write(STDOUT_FILENO, text, len, STDOUT_PATIENCE) < 0)
        sink_printf(&s->log, BOSUN_LOG_ERROR, "cannot write the status to standard output: %s",
                    strerrordesc_np(errno));
    return exit_status(s, outcome);
}

static int publish_failure(const supervisor *s, const char *message)
{
    char storage[BOSUN_STATUS_FAILING_MAX];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_status_write_failing(&text, message, bosun_monotonic() - s->start);
    int status = publish(s, BOSUN_FAILING, text.data, text.len);
    sink_printf(&s->log, BOSUN_LOG_ERROR, "%s: failing: %s", s->opt->action->name, message);
    return status;
}

static int publish_outcome(const supervisor *s)
{
    bosun_outcome outcome;
    const char *text;
    size_t len;
    bool exited_well = WIFEXITED(s->watch.wait_status) && WEXITSTATUS(s->watch.wait_status) == 0;
    if (exited_well && record_check(&s->watch.record, &outcome, &text, &len))
        return publish(s, outcome, text, len);
    char phase[80];
    char message[512];
    describe_phase(s, phase, sizeof phase);
    watch_describe_end(&s->watch, phase, s->opt->timeout, message, sizeof message);
    return publish_failure(s, message);
}

/* Runs the worker to its end, and ends what it started. */
static int finish_worker(supervisor *s, bosun_err *err)
{
    int rc = release_worker(s, err) < 0 ? -1 : watch_worker(&s->watch, err);
    if (rc < 0)
        watch_kill_worker(&s->watch);
    kill_descendants(s);
    watch_close_fds(&s->watch); /* writing the status file needs free descriptors */
    return rc;
}

/* Starting the worker and writing the first status both take time, so the worker starts first; it does
 * nothing until it is released, and without a first status it never is. */
static int run(supervisor *s)
{
    bosun_err err = {0};
    bosun_err no_worker = {0};
    if (watch_open_signals(&s->watch, &err) < 0 ||
        status_file_open(&s->status, s->opt->status_file, &err) < 0)
        return log_unwritten(s, "the action was not run", &err);
    bool started = start_worker(s, &no_worker) == 0;
    if (write_first_status(s, &err) < 0) {
        if (started)
            watch_kill_worker(&s->watch);
        kill_descendants(s);
        status_file_remove(&s->status);
        return log_unwritten(s, "the action was not run, and the status of an earlier run was removed", &err);
    }
    if (!started)
        return publish_failure(s, no_worker.message);
    return finish_worker(s, &err) < 0 ? publish_failure(s, err.message) : publish_outcome(s);
}

int supervisor_run(const options *opt)
{
    int64_t deadline =
        opt->timeout > 0 ? bosun_wait_after(bosun_nanoseconds(opt->timeout)) : BOSUN_NO_DEADLINE;
    supervisor s = {
        .opt = opt,
        .log = {.level = opt->log_level,
                .format = opt->log_format,
                .trace_fd = -1,
                .patience = STDERR_PATIENCE},
        .status = STATUS_FILE_NONE,
        .start = bosun_monotonic(),
        .watch = watch_new(deadline),
    };
    int status = run(&s);
    watch_free(&s.watch);
    status_file_close(&s.status);
    if (s.phase)
        munmap(s.phase, sizeof *s.phase);
    return status;
}

int supervisor_report_usage(const char *path, const char *message)
{
    const sink log = {.trace_fd = -1, .patience = STDERR_PATIENCE};
    status_file file;
    bosun_err err = {0};
    if (status_file_open(&file, path, &err) < 0 || status_file_fail(&file, message, 0, true, &err) < 0)
        sink_printf(&log, BOSUN_LOG_ERROR, "%s", err.message);
    status_file_close(&file);
    return EXIT_USAGE;
}
