/* Keeping the worker. The process that ran the action so far, a child of the supervisor, becomes the keeper,
 * and a copy of it goes on, so the supervisor has the same child throughout. When the worker has ended, all
 * children of the keeper are processes that the action left behind: the kernel gives a subreaper the orphans
 * of its descendants. */
#include "keeper.h"
#include "core/base/wait.h"
#include "reap.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE (5 * BOSUN_SECOND) /* for what was killed to end, while a supervisor waits */
#define BELL     SIGCONT /* calls the keeper to look up; of all signals, it wakes one that was stopped, too */

enum { FAILED = 70 };

/* ---- the keeper
 * ------------------------------------------------------------------------------------------------- */

/* Leaves the runner's process group, so that a SIGKILL or SIGSTOP to that does not reach this process, and
 * becomes the supervisor's partner, unless that is about to kill it. */
static int set_up_keeper(record_shared *shared, pid_t supervisor)
{
    int none = KEEPER_NONE;
    if (prctl(PR_SET_NAME, "bosun-keeper") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
        prctl(PR_SET_PDEATHSIG, BELL) < 0 || setpgid(0, 0) < 0 || getppid() != supervisor)
        return -1;
    return atomic_compare_exchange_strong(&shared->keeper, &none, KEEPER_RUNS) ? 0 : -1;
}

/* A blocked signal arrives even when it is ignored, as by nohup. */
static sigset_t watched_signals(void)
{
    static const int watched[] = {SIGCHLD, BELL, SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
        sigaddset(&set, watched[i]);
    return set;
}

/* Reaps the children that have ended, the worker's orphans among them. True: the worker has ended. */
static bool reap_worker(pid_t worker, int *wait_status)
{
    bool ended = false;
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == worker) {
            ended = true;
            *wait_status = status;
        }
    return ended;
}

/* Passes signals on to the worker until it has ended, and kills it when that is wanted. */
static int await_worker(record_shared *shared, pid_t supervisor, pid_t worker)
{
    const sigset_t set = watched_signals();
    int wait_status = 0;
    for (;;) {
        int number = sigwaitinfo(&set, NULL);
        if (number == SIGCHLD && reap_worker(worker, &wait_status))
            return wait_status;
        if (number == BELL && (atomic_load(&shared->kill_worker) || getppid() != supervisor))
            kill(worker, SIGKILL);
        else if (number > 0 && number != BELL && number != SIGCHLD)
            kill(worker, number);
    }
}

/* Without a supervisor nobody waits for this process, so it stays until the last one has ended. */
static void kill_descendants(pid_t supervisor, record_end *end)
{
    do {
        end->killed = reap_descendants(PATIENCE);
        end->kill_errno = errno;
    } while (end->killed < 0 && errno == ETIMEDOUT && getppid() != supervisor);
}

/* Ends by _exit: what there is to flush or to free is the worker's. */
_Noreturn static void keep(record_shared *shared, pid_t supervisor, pid_t worker)
{
    if (set_up_keeper(shared, supervisor) < 0)
        _exit(FAILED); /* and the worker with it */
    closefrom(0);      /* the worker waits for the end of its pipe */
    int wait_status = await_worker(shared, supervisor, worker);
    kill_descendants(supervisor, &shared->end);
    shared->end.wait_status = wait_status; /* last: the worker could write to this memory, too */
    atomic_store(&shared->keeper, KEEPER_ENDED);
    _exit(0);
}

/* ---- the worker
 * ------------------------------------------------------------------------------------------------- */

/* Goes on when the keeper is ready. Until then, nothing could end what this process starts. */
static void set_up_worker(pid_t keeper, const int ready[2])
{
    char byte;
    close(ready[1]);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != keeper || read(ready[0], &byte, 1) != 0)
        _exit(FAILED);
}

/* All signals are blocked from before the fork: the keeper keeps what arrives from then on. */
static int fork_worker(record_shared *shared, pid_t supervisor, const int ready[2], bosun_err *err)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, &before) < 0)
        return bosun_err_errno(err, errno, "block", "signals");
    pid_t keeper = getpid();
    pid_t worker = fork();
    int fork_errno = errno;
    if (worker > 0)
        keep(shared, supervisor, worker);
    if (worker == 0)
        set_up_worker(keeper, ready);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return worker < 0 ? bosun_err_errno(err, fork_errno, "start", "a second process for the action") : 0;
}

static long count_threads(void)
{
    struct stat st;
    return stat("/proc/self/task", &st) < 0 ? 1 : (long)st.st_nlink - 2;
}

/* Threads do not survive a fork. libcurl has one while it looks up a name, and ends it by itself. */
static int await_threads(bosun_err *err)
{
    const struct timespec pause = {.tv_nsec = BOSUN_SECOND / 1000};
    int64_t end = bosun_wait_after(PATIENCE);
    while (count_threads() > 1) {
        if (bosun_monotonic() >= end)
            return bosun_err_set(err, "EAGAIN", "start",
                                 "cannot start a process: another thread of this one does not end");
        nanosleep(&pause, NULL);
    }
    return 0;
}

int keeper_step_back(record_shared *shared, pid_t supervisor, bosun_err *err)
{
    int ready[2];
    if (await_threads(err) < 0)
        return -1;
    if (pipe2(ready, O_CLOEXEC) < 0)
        return bosun_err_errno(err, errno, "create", "a pipe");
    int rc = fork_worker(shared, supervisor, ready, err);
    close(ready[0]);
    if (rc < 0)
        close(ready[1]);
    return rc;
}

/* ---- the supervisor
 * --------------------------------------------------------------------------------------------- */

void keeper_kill_worker(record_shared *shared, pid_t child)
{
    int state = KEEPER_NONE;
    bool alone = atomic_compare_exchange_strong(&shared->keeper, &state, KEEPER_PREVENTED);
    if (alone || state == KEEPER_PREVENTED) {
        kill(child, SIGKILL);
        return;
    }
    atomic_store(&shared->kill_worker, true);
    kill(child, BELL);
}
