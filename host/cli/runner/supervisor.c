/* The supervisor: no Lua, no threads, and nothing that needs memory on the way to the status file. It writes
 * a failing status before anything else, starts the worker, stops it at the deadline or on a signal (SIGTERM,
 * a grace, SIGKILL), ends whatever processes are left, and replaces the status by the worker's record, or by
 * what became of the worker. */
#include "supervisor.h"
#include "cli/sink.h"
#include "core/base/wait.h"
#include "core/status.h"
#include "reap.h"
#include "record.h"
#include "status_file.h"
#include "worker.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE           BOSUN_SECOND       /* between asking a worker to stop and killing it */
#define LAST_WAIT       (5 * BOSUN_SECOND) /* for the end of a worker that was killed */
#define STDERR_PATIENCE 100                /* milliseconds that a stuck standard error may hold up the end */
#define STDOUT_PATIENCE 5000

typedef struct supervisor {
    const options *opt;
    sink log;
    status_file status;
    int64_t start;
    int64_t deadline;
    int64_t kill_at;   /* when the grace ends; BOSUN_NO_DEADLINE: the worker has not been asked to stop */
    int64_t give_up;   /* when a killed worker that does not end is left alone */
    int cancel_signal; /* what this process was sent, 0: nothing */
    bool hurried;      /* it was sent a second one */
    bool timed_out;
    bool killed; /* by this process */

    reap_spared spared; /* children that were here first */
    int signal_fd;
    int record_fd;
    pid_t pid;
    pid_t worker;
    bool ended;
    int wait_status;
    record record;
    atomic_int *phase; /* shared with the worker, which writes it */
} supervisor;

static int write_first(const supervisor *s, bosun_err *err)
{
    char message[512];
    snprintf(
        message, sizeof message,
        "%s of plugin %.200s ended before reporting: it is still running, or it was killed together with its "
        "supervisor",
        s->opt->action->name, s->opt->plugin);
    return status_file_fail(&s->status, message, 0, false, err);
}

/* Blocks the signals that mean a cancel, but for those that are ignored (nohup), and reads them from a
 * descriptor. */
static int open_signals(supervisor *s, bosun_err *err)
{
    static const int cancels[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof cancels / sizeof cancels[0]; i++) {
        struct sigaction action;
        if (sigaction(cancels[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, cancels[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return bosun_err_errno(err, errno, "block", "signals");
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd < 0 ? bosun_err_errno(err, errno, "open", "a signalfd") : 0;
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

/* The child's part of a fork. */
_Noreturn static void be_worker(supervisor *s, int fd)
{
    const worker_start start = {
        .options = s->opt, .fd = fd, .supervisor = s->pid, .phase = s->phase, .deadline = s->deadline};
    close(s->signal_fd);
    close(s->record_fd);
    status_file_close(&s->status);
    worker_run(&start);
}

/* The worker sets Lua up, and waits for the word to go on. */
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
    s->record_fd = ends[0];
    s->pid = getpid();
    s->worker = fork();
    if (s->worker == 0)
        be_worker(s, ends[1]);
    int forked = errno;
    close(ends[1]);
    return s->worker < 0 ? bosun_err_errno(err, forked, "start", "a worker process") : 0;
}

/* Lets the worker read and run what it is asked to. */
static int let_go(const supervisor *s, bosun_err *err)
{
    ssize_t n;
    do
        n = write(s->record_fd, "", 1);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EPIPE) /* a worker that is dead is seen soon enough */
        return bosun_err_errno(err, errno, "tell", "the worker process to go on");
    return fcntl(s->record_fd, F_SETFL, O_NONBLOCK) < 0 ? bosun_err_errno(err, errno, "set up", "a socket")
                                                        : 0;
}

static void kill_worker(supervisor *s)
{
    s->killed = true;
    s->kill_at = BOSUN_NO_DEADLINE;
    s->give_up = bosun_wait_after(LAST_WAIT);
    kill(s->worker, SIGKILL);
}

static void ask_to_stop(supervisor *s, int number)
{
    kill(s->worker, number);
    s->kill_at = bosun_wait_after(GRACE);
}

static void on_signal(supervisor *s, int number)
{
    if (number == SIGCHLD) {
        pid_t pid;
        int status;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            if (pid == s->worker) {
                s->ended = true;
                s->wait_status = status;
            }
        return;
    }
    if (s->cancel_signal) { /* the second one is an order */
        s->hurried = true;
        kill_worker(s);
        return;
    }
    s->cancel_signal = number;
    ask_to_stop(s, number);
}

static void read_signals(supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        on_signal(s, (int)info.ssi_signo);
}

/* Does what is due now and returns when the next thing is. */
static int64_t keep_time(supervisor *s)
{
    int64_t now = bosun_monotonic();
    if (!s->timed_out && now >= s->deadline) {
        s->timed_out = true;
        if (!s->cancel_signal)
            ask_to_stop(s, SIGTERM);
    }
    if (now >= s->kill_at)
        kill_worker(s);
    int64_t next = s->timed_out ? BOSUN_NO_DEADLINE : s->deadline;
    next = s->kill_at < next ? s->kill_at : next;
    return s->give_up < next ? s->give_up : next;
}

/* Until the worker has ended; its socket is read all the while, so that it never blocks on it. */
static int watch_worker(supervisor *s, bosun_err *err)
{
    struct pollfd set[2] = {{.fd = s->signal_fd, .events = POLLIN}, {.fd = s->record_fd, .events = POLLIN}};
    while (!s->ended) {
        if (bosun_monotonic() >= s->give_up)
            return bosun_err_set(err, BOSUN_ERR_TIMEOUT, "end",
                                 "the worker process was killed, and does not end: the "
                                 "kernel holds it (a dead disk or network file system?)");
        int64_t next = keep_time(s);
        int64_t left = next - bosun_monotonic();
        const struct timespec time = {.tv_sec = left > 0 ? left / BOSUN_SECOND : 0,
                                      .tv_nsec = left > 0 ? left % BOSUN_SECOND : 0};
        if (ppoll(set, 2, next == BOSUN_NO_DEADLINE ? NULL : &time, NULL) < 0 && errno != EINTR)
            return bosun_err_errno(err, errno, "watch", "the worker process");
        if (set[1].revents && record_receive(&s->record, s->record_fd) <= 0)
            set[1].fd = -1;
        if (set[0].revents)
            read_signals(s);
    }
    if (set[1].fd >= 0 && record_receive(&s->record, s->record_fd) < 0)
        return bosun_err_errno(err, errno, "read", "the worker's record");
    return 0;
}

static void end_descendants(const supervisor *s)
{
    int killed = reap_descendants(&s->spared);
    if (killed > 0)
        sink_say(&s->log, BOSUN_LOG_WARN, "killed %d process%s that the action left behind", killed,
                 killed == 1 ? "" : "es");
    if (killed < 0)
        sink_say(&s->log, BOSUN_LOG_ERROR,
                 "some processes that the action left behind could not be ended: %s", strerrordesc_np(errno));
}

/* What the worker was doing when it last said. */
static void describe_phase(const supervisor *s, char *out, size_t size)
{
    bosun_phase phase = (bosun_phase)atomic_load(s->phase);
    if (phase == BOSUN_PHASE_ACTION)
        snprintf(out, size, "running %s", s->opt->action->name);
    else
        snprintf(out, size, "%s", bosun_phase_name(phase));
}

/* Why there is no record to believe. */
static void describe_end(const supervisor *s, char *out, size_t size)
{
    const char *stubborn =
        s->hurried ? "it was killed at the second signal" : "it did not stop when told to, and was killed";
    char phase[80];
    describe_phase(s, phase, sizeof phase);
    if (s->timed_out && s->killed)
        snprintf(out, size, "timed out after %g s while %s; %s", s->opt->timeout, phase, stubborn);
    else if (s->cancel_signal && s->killed)
        snprintf(out, size, "cancelled by SIG%s while %s; %s", sigabbrev_np(s->cancel_signal), phase,
                 stubborn);
    else if (WIFSIGNALED(s->wait_status))
        snprintf(out, size, "the worker process was killed by signal %d (%s) while %s",
                 WTERMSIG(s->wait_status), sigdescr_np(WTERMSIG(s->wait_status)), phase);
    else
        snprintf(out, size, "internal: the worker process ended with exit status %d while %s, %s",
                 WEXITSTATUS(s->wait_status), phase,
                 s->record.bytes.len > 0 || s->record.too_long ? "and its record makes no sense"
                                                               : "without a record");
}

static int exit_status(const supervisor *s, bosun_outcome outcome)
{
    if (s->cancel_signal && outcome == BOSUN_FAILING)
        return 128 + s->cancel_signal;
    return (int)outcome;
}

/* What is left to do when the status file cannot be written. */
static int status_lost(const supervisor *s, const char *consequence, const bosun_err *err)
{
    sink_say(&s->log, BOSUN_LOG_ERROR, "%s; %s", err->message, consequence);
    return EXIT_STATUS_FILE;
}

/* When the outcome cannot be written whole and for good, the file goes back to what it said while the action
 * ran. */
static int publish(const supervisor *s, bosun_outcome outcome, const char *text, size_t len)
{
    bosun_err err = {0};
    if (status_file_write(&s->status, text, len, true, &err) < 0) {
        write_first(s, NULL); /* it is there already, unless only the folder's fsync failed */
        return status_lost(s, "the failing status that was there while the action ran stays", &err);
    }
    if (s->opt->show_status && sink_write(STDOUT_FILENO, text, len, STDOUT_PATIENCE) < 0)
        sink_say(&s->log, BOSUN_LOG_ERROR, "cannot write the status to standard output: %s",
                 strerrordesc_np(errno));
    return exit_status(s, outcome);
}

static int publish_failure(const supervisor *s, const char *message)
{
    char storage[BOSUN_STATUS_FAILING_MAX];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_status_write_failing(&text, message, bosun_monotonic() - s->start);
    int status = publish(s, BOSUN_FAILING, text.data, text.len);
    sink_say(&s->log, BOSUN_LOG_ERROR, "%s: failing: %s", s->opt->action->name, message);
    return status;
}

static int publish_outcome(const supervisor *s)
{
    bosun_outcome outcome;
    const char *text;
    size_t len;
    bool ended_well = WIFEXITED(s->wait_status) && WEXITSTATUS(s->wait_status) == 0;
    if (ended_well && record_check(&s->record, &outcome, &text, &len))
        return publish(s, outcome, text, len);
    char message[512];
    describe_end(s, message, sizeof message);
    return publish_failure(s, message);
}

static void close_fds(supervisor *s)
{
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    if (s->record_fd >= 0)
        close(s->record_fd);
    s->signal_fd = -1;
    s->record_fd = -1;
}

/* Until the worker has ended, and what it started. */
static int see_worker_through(supervisor *s, bosun_err *err)
{
    int rc = let_go(s, err) < 0 ? -1 : watch_worker(s, err);
    if (rc < 0)
        kill_worker(s);
    end_descendants(s);
    close_fds(s); /* so that writing the status file finds descriptors free */
    return rc;
}

/* The worker is started before the first status is written, because both take time; it does nothing until it
 * is let go, and when there is no first status it never is. */
static int run(supervisor *s)
{
    bosun_err err = {0};
    bosun_err no_worker = {0};
    if (open_signals(s, &err) < 0 || status_file_open(&s->status, s->opt->status_file, &err) < 0)
        return status_lost(s, "the action was not run", &err);
    bool started = start_worker(s, &no_worker) == 0;
    if (write_first(s, &err) < 0) {
        if (started)
            kill_worker(s);
        end_descendants(s);
        status_file_remove(&s->status);
        return status_lost(s, "the action was not run, and an earlier run's status is removed", &err);
    }
    if (!started)
        return publish_failure(s, no_worker.message);
    return see_worker_through(s, &err) < 0 ? publish_failure(s, err.message) : publish_outcome(s);
}

int supervisor_run(const options *opt)
{
    supervisor s = {
        .opt = opt,
        .log = {.level = opt->log_level,
                .format = opt->log_format,
                .trace_fd = -1,
                .patience = STDERR_PATIENCE},
        .status = STATUS_FILE_NONE,
        .start = bosun_monotonic(),
        .deadline = opt->timeout > 0 ? bosun_wait_after(bosun_nanoseconds(opt->timeout)) : BOSUN_NO_DEADLINE,
        .kill_at = BOSUN_NO_DEADLINE,
        .give_up = BOSUN_NO_DEADLINE,
        .signal_fd = -1,
        .record_fd = -1,
    };
    int status = run(&s);
    record_free(&s.record);
    status_file_close(&s.status);
    close_fds(&s);
    if (s.phase)
        munmap(s.phase, sizeof *s.phase);
    return status;
}

int supervisor_refuse(const char *path, const char *message)
{
    const sink log = {.trace_fd = -1, .patience = STDERR_PATIENCE};
    status_file file;
    bosun_err err = {0};
    if (status_file_open(&file, path, &err) < 0 || status_file_fail(&file, message, 0, true, &err) < 0)
        sink_say(&log, BOSUN_LOG_ERROR, "%s", err.message);
    status_file_close(&file);
    return EXIT_USAGE;
}
