/* Waiting for the worker: signals and deadlines, one at a time. */
#include "watch.h"
#include "core/base/wait.h"
#include "keeper.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define GRACE     BOSUN_SECOND /* between asking a worker to stop and killing it */
#define CLEAN_UP  (BOSUN_CLEAN_UP_SECONDS * BOSUN_SECOND + GRACE) /* that, when the plugin cleans up */
#define LAST_WAIT (5 * BOSUN_SECOND)                              /* for a killed worker to end */

watch watch_new(int64_t deadline)
{
    return (watch){
        .deadline = deadline,
        .kill_at = BOSUN_NO_DEADLINE,
        .give_up = BOSUN_NO_DEADLINE,
    };
}

int watch_block_signals(watch *w, bosun_err *err)
{
    static const int cancels[] = {SIGTERM, SIGINT, SIGHUP};
    sigemptyset(&w->signals);
    sigaddset(&w->signals, SIGCHLD);
    for (size_t i = 0; i < sizeof cancels / sizeof cancels[0]; i++) {
        struct sigaction action;
        if (sigaction(cancels[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&w->signals, cancels[i]);
    }
    return sigprocmask(SIG_BLOCK, &w->signals, NULL) < 0 ? bosun_err_errno(err, errno, "block", "signals")
                                                         : 0;
}

void watch_kill_worker(watch *w)
{
    w->killed = true;
    w->kill_at = BOSUN_NO_DEADLINE;
    w->give_up = bosun_wait_after(LAST_WAIT);
    keeper_kill_worker(w->shared, w->child);
}

static void ask_to_stop(watch *w, int number)
{
    kill(w->child, number);
    w->kill_at = bosun_wait_after(GRACE);
}

static void reap_child(watch *w)
{
    if (waitpid(w->child, &w->wait_status, WNOHANG) != w->child)
        return; /* another child: one that was there before */
    w->ended = true;
    w->keeper = (keeper_state)atomic_load(&w->shared->keeper);
    if (w->keeper == KEEPER_ENDED)
        w->wait_status = w->shared->end.wait_status;
}

static void cancel(watch *w, int number)
{
    if (number == SIGINT && (w->at_terminal || atomic_load(&w->shared->at_prompt)))
        return;
    if (w->cancel_signal) { /* whoever signals twice does not want to wait for the grace period */
        w->hurried = true;
        watch_kill_worker(w);
        return;
    }
    w->cancel_signal = number;
    ask_to_stop(w, number);
}

/* The grace period is over: kills the worker, unless the plugin cleans up, for which it has its own time. */
static void end_grace(watch *w)
{
    bool cleans_up = atomic_load(&w->shared->phase) == BOSUN_PHASE_CLEAN_UP;
    if (w->prolonged || !cleans_up) {
        watch_kill_worker(w);
        return;
    }
    w->prolonged = true;
    w->kill_at = bosun_wait_after(CLEAN_UP);
}

/* The deadline, later by the time for which it has stood still. It only ever moves away, so a wait until what
 * it was before is never too long. */
static int64_t deadline_of(const watch *w)
{
    return w->deadline == BOSUN_NO_DEADLINE ? BOSUN_NO_DEADLINE : w->deadline + record_stood(w->shared);
}

/* Stops or kills the worker if it is time to; returns when to check again. */
static int64_t enforce_deadlines(watch *w)
{
    int64_t now = bosun_monotonic();
    int64_t deadline = deadline_of(w);
    if (!w->timed_out && now >= deadline) {
        w->timed_out = true;
        if (!w->cancel_signal)
            ask_to_stop(w, SIGTERM);
    }
    if (now >= w->kill_at)
        end_grace(w);
    int64_t next = w->timed_out ? BOSUN_NO_DEADLINE : deadline;
    next = w->kill_at < next ? w->kill_at : next;
    return w->give_up < next ? w->give_up : next;
}

/* The next signal · 0: `end` has passed first · -1: failed, errno is set. */
static int next_signal(const watch *w, int64_t end)
{
    int64_t left = end - bosun_monotonic();
    const struct timespec time = {.tv_sec = left > 0 ? left / BOSUN_SECOND : 0,
                                  .tv_nsec = left > 0 ? left % BOSUN_SECOND : 0};
    int number = sigtimedwait(&w->signals, NULL, end == BOSUN_NO_DEADLINE ? NULL : &time);
    return number < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : number;
}

int watch_worker(watch *w, bosun_err *err)
{
    while (!w->ended) {
        if (bosun_monotonic() >= w->give_up)
            return bosun_err_set(
                err, BOSUN_ERR_TIMEOUT, "end",
                "the worker process was killed but does not end: it is blocked in the kernel, "
                "perhaps by a dead disk or network file system");
        int number = next_signal(w, enforce_deadlines(w));
        if (number < 0)
            return bosun_err_errno(err, errno, "watch", "the worker process");
        if (number == SIGCHLD)
            reap_child(w);
        else if (number > 0)
            cancel(w, number);
    }
    return 0;
}

/* A signal with which a program tells of a bug of its own. */
static bool is_crash(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGABRT || number == SIGILL ||
           number == SIGFPE || number == SIGTRAP || number == SIGSYS;
}

void watch_describe_end(const watch *w, const char *phase, double timeout, bool has_record, bosun_err *out)
{
    int number = WIFSIGNALED(w->wait_status) ? WTERMSIG(w->wait_status) : 0;
    const char *process = w->keeper == KEEPER_RUNS ? "keeper" : "worker";
    const char *how =
        w->hurried ? "it was killed at the second signal" : "it did not stop when asked to and was killed";
    if (w->timed_out && w->killed)
        bosun_err_set(out, BOSUN_ERR_DEADLINE, phase, "timed out after %g s while %s; %s", timeout, phase,
                      how);
    else if (w->cancel_signal && w->killed)
        bosun_err_set(out, BOSUN_ERR_CANCELLED, phase, "cancelled by SIG%s while %s; %s",
                      sigabbrev_np(w->cancel_signal), phase, how);
    else if (number)
        bosun_err_set(out, is_crash(number) ? BOSUN_ERR_CRASHED : BOSUN_ERR_KILLED, phase,
                      "the %s process was killed by signal %d (%s) while %s", process, number,
                      sigdescr_np(number), phase);
    else
        bosun_err_set(out, BOSUN_ERR_INTERNAL, phase,
                      "internal error: the %s process ended with exit status %d while %s, %s", process,
                      WEXITSTATUS(w->wait_status), phase,
                      has_record ? "and its record is invalid" : "without a record");
}
