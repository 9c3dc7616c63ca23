/* Killing descendants: when one dies, this process (a subreaper) inherits its children, so children are
 * killed and reaped until none are left. The kernel lists them in /proc (CONFIG_PROC_CHILDREN). */
#include "reap.h"
#include "core/base/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE BOSUN_SECOND

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

void reap_note_children(reap_spared *spared)
{
    char list[1024];
    const char *at = list;
    spared->count = 0;
    if (read_children(list, sizeof list) <= 0)
        return;
    for (pid_t pid = next_pid(&at); pid > 0 && spared->count < sizeof spared->pids / sizeof spared->pids[0];
         pid = next_pid(&at))
        spared->pids[spared->count++] = pid;
}

static bool is_spared(const reap_spared *spared, pid_t pid)
{
    for (size_t i = 0; spared && i < spared->count; i++)
        if (spared->pids[i] == pid)
            return true;
    return false;
}

int reap_kill_children(const reap_spared *spared)
{
    char list[4096];
    const char *at = list;
    int count = 0;
    if (read_children(list, sizeof list) < 0)
        return -1;
    for (pid_t pid = next_pid(&at); pid > 1; pid = next_pid(&at)) {
        if (is_spared(spared, pid))
            continue;
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

int reap_descendants(const reap_spared *spared)
{
    int killed = 0;
    int64_t end = bosun_wait_after(PATIENCE);
    for (;;) {
        int left = reap_ended();
        if (left <= 0)
            return left < 0 ? -1 : killed;
        int now = reap_kill_children(spared);
        if (now <= 0)
            return now < 0 ? -1 : killed;
        killed = now > killed ? now : killed;
        if (bosun_monotonic() > end) {
            errno = ETIMEDOUT;
            return -1;
        }
        const struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
}
