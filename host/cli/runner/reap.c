/* Killing descendants. The tree below this process is stopped from the top, again and again until nothing new
 * appears in it, and then killed from the bottom: nothing gets away by forking. Then, and as long as there
 * are children, once more: this process is a subreaper, so it inherits whatever was missed.
 *
 * The kernel lists the children of a thread in /proc (CONFIG_PROC_CHILDREN). */
#include "reap.h"
#include "core/base/wait.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE     (BOSUN_SECOND / 100) /* at first; it doubles while nothing ends */
#define PAUSE_MAX (BOSUN_SECOND / 2)
#define TREE_MAX  16384 /* processes at once; the rest follows when these have ended */
#define STOPS_MAX 100   /* rounds of stopping; what forks faster meets the kill */

typedef struct node {
    pid_t pid;
    pid_t parent;
} node;

/* Every process of the tree after its parent. Static: memory may be what is lacking. */
static node tree[TREE_MAX];
static size_t tree_size;

static void add_child(pid_t pid, pid_t parent)
{
    if (pid > 1 && tree_size < TREE_MAX)
        tree[tree_size++] = (node){pid, parent};
}

/* Adds the children of a thread. -1 with errno set. */
static int add_children_of(pid_t process, const char *thread)
{
    char path[64];
    char list[4096];
    pid_t pid = 0;
    ssize_t len;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", (int)process, thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((len = read(fd, list, sizeof list)) > 0)
        for (ssize_t i = 0; i < len; i++)
            if (list[i] >= '0' && list[i] <= '9') {
                pid = pid * 10 + (list[i] - '0');
            } else {
                add_child(pid, process);
                pid = 0;
            }
    close(fd);
    return len < 0 ? -1 : 0;
}

/* Adds the children of all threads, or of the first where memory is lacking. */
static int add_children(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    const struct dirent *thread;
    if (!threads) {
        snprintf(path, sizeof path, "%d", (int)process);
        return add_children_of(process, path);
    }
    int rc = 0;
    while ((thread = readdir(threads)))
        if (thread->d_name[0] != '.')
            rc = add_children_of(process, thread->d_name);
    closedir(threads);
    return rc;
}

/* Is it still what was listed, and not another one with the same number? A process whose parent has ended is
 * this one's child. */
static bool is_listed(const node *n, bool *ended)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)n->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    const char *after_name = strrchr(text, ')'); /* the name can contain any character: proc(5) */
    if (!after_name || after_name[1] == '\0' || after_name[2] == '\0')
        return false;
    pid_t parent = (pid_t)strtol(after_name + 3, NULL, 10);
    *ended = after_name[2] == 'Z' || after_name[2] == 'X';
    return parent == n->parent || parent == getpid();
}

/* Sends a signal to a process of the tree and, where its session is not this one's, to its process group:
 * such a session is made of descendants alone. A group gets a signal at once, its newest member included.
 * Returns 1 if the process was running, else 0. */
static int signal_process(const node *n, int number)
{
    bool ended = true;
    int fd = pidfd_open(n->pid, 0);
    if (fd < 0)
        return 0;
    bool listed = is_listed(n, &ended);
    if (listed) {
        pid_t group = getpgid(n->pid);
        if (group > 1 && getsid(n->pid) != getsid(0))
            kill(-group, number);
        pidfd_send_signal(fd, number, NULL, 0);
    }
    close(fd);
    return listed && !ended;
}

/* Lists the tree and stops what is in it, a parent before its children are listed. Returns how many processes
 * were running, or -1 with errno set. */
static int stop_tree(void)
{
    int running = 0;
    tree_size = 0;
    if (add_children(getpid()) < 0)
        return -1;
    for (size_t i = 0; i < tree_size; i++) {
        running += signal_process(&tree[i], SIGSTOP);
        add_children(tree[i].pid);
    }
    return running;
}

/* Children first: the end of a stopped process's parent can make the kernel continue it. */
static int kill_tree(void)
{
    int running = stop_tree();
    int before = 0;
    for (int i = 0; i < STOPS_MAX && running > before; i++) {
        before = running;
        running = stop_tree();
    }
    for (size_t i = tree_size; i > 0; i--)
        signal_process(&tree[i - 1], SIGKILL);
    return running;
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
static void pause_for_child(int64_t nanoseconds)
{
    const struct timespec time = {.tv_nsec = nanoseconds};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &time);
}

int reap_descendants(int64_t patience)
{
    int killed = 0;
    int before = 0;
    int64_t pause = PAUSE;
    int64_t end = bosun_wait_after(patience);
    for (;;) {
        int left = reap_ended();
        if (left <= 0)
            return left < 0 ? -1 : killed;
        int now = kill_tree();
        if (now < 0)
            return -1;
        killed = now > killed ? now : killed;
        if (bosun_monotonic() > end) {
            errno = ETIMEDOUT;
            return -1;
        }
        pause = now != before ? PAUSE : pause < PAUSE_MAX / 2 ? pause * 2 : PAUSE_MAX;
        before = now;
        pause_for_child(pause);
    }
}
