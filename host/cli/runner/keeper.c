/* Keeping the worker. When it has ended, all children of the keeper are processes that the action left
 * behind: the kernel gives a subreaper the orphans of its descendants. */
#include "keeper.h"
#include "core/base/wait.h"
#include "reap.h"
#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE BOSUN_SECOND /* for what was killed to end, while a supervisor waits */

enum { KEEPER_FAILED = 70 };

static int set_up_process(pid_t supervisor)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_PDEATHSIG, KEEPER_KILL) < 0)
        return -1;
    return getppid() == supervisor ? 0 : -1; /* else the supervisor died before prctl */
}

/* A blocked signal arrives even when it is ignored, as by nohup. */
static sigset_t watched_signals(void)
{
    static const int watched[] = {SIGCHLD, KEEPER_KILL, SIGTERM, SIGINT, SIGHUP};
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

/* Passes signals on to the worker until it has ended. The supervisor's death is a KEEPER_KILL. */
static int await_worker(pid_t worker)
{
    const sigset_t set = watched_signals();
    int wait_status = 0;
    for (;;) {
        int number = sigwaitinfo(&set, NULL);
        if (number == SIGCHLD && reap_worker(worker, &wait_status))
            return wait_status;
        if (number > 0 && number != SIGCHLD)
            kill(worker, number == KEEPER_KILL ? SIGKILL : number);
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

_Noreturn void keeper_run(worker_start *start)
{
    record_end *end = &start->record.shared->end;
    pid_t supervisor = start->parent;
    if (set_up_process(supervisor) < 0)
        _exit(KEEPER_FAILED);
    start->parent = getpid();
    pid_t worker = fork();
    if (worker == 0)
        worker_run(start);
    end->start_errno = worker < 0 ? errno : 0;
    if (worker < 0)
        _exit(0);
    setpgid(0, 0);
    close_range(0, ~0U, 0);
    int wait_status = await_worker(worker);
    kill_descendants(supervisor, end);
    end->wait_status = wait_status; /* last: the worker could write to this memory, too */
    _exit(0);
}
