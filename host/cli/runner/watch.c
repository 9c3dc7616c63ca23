/* Waiting for the worker: signals, deadlines and the record, in one poll loop. */
#include "watch.h"
#include "core/base/wait.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE     BOSUN_SECOND       /* between asking a worker to stop and killing it */
#define LAST_WAIT (5 * BOSUN_SECOND) /* for a killed worker to end */

watch watch_new(int64_t deadline)
{
    return (watch){
        .signal_fd = -1,
        .record_fd = -1,
        .deadline = deadline,
        .kill_at = BOSUN_NO_DEADLINE,
        .give_up = BOSUN_NO_DEADLINE,
    };
}

void watch_close_fds(watch *w)
{
    if (w->signal_fd >= 0)
        close(w->signal_fd);
    if (w->record_fd >= 0)
        close(w->record_fd);
    w->signal_fd = -1;
    w->record_fd = -1;
}

void watch_free(watch *w)
{
    watch_close_fds(w);
    record_free(&w->record);
}

/* SIGCHLD, and the signals that cancel an action unless they are ignored (nohup). */
static sigset_t watched_signals(void)
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
    return set;
}

int watch_open_signals(watch *w, bosun_err *err)
{
    sigset_t set = watched_signals();
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return bosun_err_errno(err, errno, "block", "signals");
    w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return w->signal_fd < 0 ? bosun_err_errno(err, errno, "open", "a signalfd") : 0;
}

void watch_kill_worker(watch *w)
{
    w->killed = true;
    w->kill_at = BOSUN_NO_DEADLINE;
    w->give_up = bosun_wait_after(LAST_WAIT);
    kill(w->worker, SIGKILL);
}

static void ask_to_stop(watch *w, int number)
{
    kill(w->worker, number);
    w->kill_at = bosun_wait_after(GRACE);
}

/* Reaps every child that has ended: as a subreaper, this process inherits the worker's orphans, too. */
static void reap_children(watch *w)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == w->worker) {
            w->ended = true;
            w->wait_status = status;
        }
}

static void cancel(watch *w, int number)
{
    if (w->cancel_signal) { /* whoever signals twice does not want to wait for the grace period */
        w->hurried = true;
        watch_kill_worker(w);
        return;
    }
    w->cancel_signal = number;
    ask_to_stop(w, number);
}

static void read_signals(watch *w)
{
    struct signalfd_siginfo info;
    while (read(w->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGCHLD)
            reap_children(w);
        else
            cancel(w, (int)info.ssi_signo);
}

/* Stops or kills the worker if it is time to; returns when to check again. */
static int64_t enforce_deadlines(watch *w)
{
    int64_t now = bosun_monotonic();
    if (!w->timed_out && now >= w->deadline) {
        w->timed_out = true;
        if (!w->cancel_signal)
            ask_to_stop(w, SIGTERM);
    }
    if (now >= w->kill_at)
        watch_kill_worker(w);
    int64_t next = w->timed_out ? BOSUN_NO_DEADLINE : w->deadline;
    next = w->kill_at < next ? w->kill_at : next;
    return w->give_up < next ? w->give_up : next;
}

static int poll_until(struct pollfd *set, nfds_t count, int64_t end)
{
    int64_t left = end - bosun_monotonic();
    const struct timespec time = {.tv_sec = left > 0 ? left / BOSUN_SECOND : 0,
                                  .tv_nsec = left > 0 ? left % BOSUN_SECOND : 0};
    return ppoll(set, count, end == BOSUN_NO_DEADLINE ? NULL : &time, NULL) < 0 && errno != EINTR ? -1 : 0;
}

int watch_worker(watch *w, bosun_err *err)
{
    struct pollfd set[2] = {{.fd = w->signal_fd, .events = POLLIN}, {.fd = w->record_fd, .events = POLLIN}};
    while (!w->ended) {
        if (bosun_monotonic() >= w->give_up)
            return bosun_err_set(
                err, BOSUN_ERR_TIMEOUT, "end",
                "the worker process was killed but does not end: it is blocked in the kernel, "
                "perhaps by a dead disk or network file system");
        if (poll_until(set, 2, enforce_deadlines(w)) < 0)
            return bosun_err_errno(err, errno, "watch", "the worker process");
        /* The record is read while the worker runs: a full socket would block the worker. */
        if (set[1].revents && record_receive(&w->record, w->record_fd) <= 0)
            set[1].fd = -1;
        if (set[0].revents)
            read_signals(w);
    }
    if (set[1].fd >= 0 && record_receive(&w->record, w->record_fd) < 0)
        return bosun_err_errno(err, errno, "read", "the worker's record");
    return 0;
}

void watch_describe_end(const watch *w, const char *phase, double timeout, char *out, size_t size)
{
    const char *how =
        w->hurried ? "it was killed at the second signal" : "it did not stop when asked to and was killed";
    bool has_record = w->record.bytes.len > 0 || w->record.too_long;
    if (w->timed_out && w->killed)
        snprintf(out, size, "timed out after %g s while %s; %s", timeout, phase, how);
    else if (w->cancel_signal && w->killed)
        snprintf(out, size, "cancelled by SIG%s while %s; %s", sigabbrev_np(w->cancel_signal), phase, how);
    else if (WIFSIGNALED(w->wait_status))
        snprintf(out, size, "the worker process was killed by signal %d (%s) while %s",
                 WTERMSIG(w->wait_status), sigdescr_np(WTERMSIG(w->wait_status)), phase);
    else
        snprintf(out, size, "internal error: the worker process ended with exit status %d while %s, %s",
                 WEXITSTATUS(w->wait_status), phase,
                 has_record ? "and its record is invalid" : "without a record");
}
