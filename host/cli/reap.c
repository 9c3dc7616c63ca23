/* Killing descendants: each that dies hands its own children to this process (a subreaper), so children are
 * killed and reaped until there are none. */
#define _GNU_SOURCE
#include "reap.h"
#include "../core/wait.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE BOSUN_SECOND

/* Reaps what has ended. 1: children are left · 0: none are · -1: failed. */
static int reap_ended(void)
{
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid == 0)
            return 1;
        if (pid < 0 && errno == ECHILD)
            return 0;
        if (pid < 0 && errno != EINTR)
            return -1;
    }
}

/* Kills each child, and returns how many there were. The kernel lists them in /proc (CONFIG_PROC_CHILDREN).
 */
static int kill_children(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *list = fopen(path, "re");
    if (!list)
        return -1;
    int count = 0;
    int pid;
    while (fscanf(list, "%d", &pid) == 1)
        if (kill((pid_t)pid, SIGKILL) == 0)
            count++;
    fclose(list);
    return count;
}

int reap_descendants(void)
{
    int killed = 0;
    int64_t end = bosun_wait_after(PATIENCE);
    for (;;) {
        int left = reap_ended();
        if (left <= 0)
            return left < 0 ? -1 : killed;
        int now = kill_children();
        if (now < 0)
            return -1;
        killed = now > killed ? now : killed;
        if (bosun_monotonic() > end) {
            errno = ETIMEDOUT;
            return -1;
        }
        const struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
}
