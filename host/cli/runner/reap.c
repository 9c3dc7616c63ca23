/* Killing descendants: when one dies, this process (a subreaper) inherits its children, so children are
 * killed and reaped until none are left. The kernel lists them in /proc (CONFIG_PROC_CHILDREN). */
#include "reap.h"
#include "core/base/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE (BOSUN_SECOND / 100)

/* Reads the next number and moves *at past it; 0: no more. */
static pid_t next_pid(const char **at)
{
    pid_t pid = 0;
    while (**at == ' ')
        (*at)++;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        pid = pid * 10 + (**at - '0');
    return pid;
}

/* The list of children, as the kernel writes it; children that do not fit appear in a later list. -1 with
 * errno set. */
static ssize_t read_children(char *list, size_t size)
{
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t len = read(fd, list, size - 1);
    close(fd);
    list[len > 0 ? len : 0] = '\0';
    return len;
}

/* SIGKILL to the children and the process groups that they lead. Returns their number, or -1 with errno set.
 */
static int kill_children(void)
{
    char list[4096];
    const char *at = list;
    int count = 0;
    if (read_children(list, sizeof list) < 0)
        return -1;
    for (pid_t pid = next_pid(&at); pid > 1; pid = next_pid(&at)) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
        count++;
    }
    return count;
}

/* Reaps the children that have ended. 1: others are left · 0: none are left · -1: failed. */
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

/* Waits for a child to end, or a little while: a grandchild's end brings children, and no signal. */
static void pause_for_child(void)
{
    const struct timespec time = {.tv_nsec = PAUSE};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &time);
}

int reap_descendants(int64_t patience)
{
    int killed = 0;
    int64_t end = bosun_wait_after(patience);
    for (;;) {
        int left = reap_ended();
        if (left <= 0)
            return left < 0 ? -1 : killed;
        int now = kill_children();
        if (now <= 0)
            return now < 0 ? -1 : killed;
        killed = now > killed ? now : killed;
        if (bosun_monotonic() > end) {
            errno = ETIMEDOUT;
            return -1;
        }
        pause_for_child();
    }
}
