/* Kills everything that a process started. A scan of /proc finds
 * - every process in its session, whoever its parent is now;
 * - the children of everything found, and their children;
 * - every process with its marker in the environment, which survives setsid and double forks.
 * Whatever is found is stopped first, and the scan repeated until all of it stands still. So none can fork
 * and have its child orphaned between the scan and the kill.
 *
 * To escape, a process needs a new session, a parent that is already dead and a cleared environment (`env
 * -i`, or a program that overwrites it), all three; or another user's id; or a /proc that is missing or
 * hides processes (then only the process group is killed). The runner's supervisor, which adopts orphans,
 * ends those too when the action ends.
 *
 * Every function here does its best: there is nowhere to report an error. */
#include "internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define ROUNDS   32
#define LOOKS    10           /* looks at an empty environment, a millisecond apart */
#define PATIENCE BOSUN_SECOND /* for everything killed to die */
#define KTHREADD 2

typedef enum kind { UNKNOWN, STRANGER, FOUND } kind;

typedef struct entry {
    pid_t pid;
    pid_t parent;
    pid_t session;
    unsigned long long start; /* start time in ticks */
    bool ended;
    bool stopped;
    kind kind;
} entry;

/* Reads up to size - 1 bytes of a file of /proc/<pid> and adds a NUL. Returns their number, or -1. */
static ssize_t read_proc(pid_t pid, const char *name, char *into, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, into, size - 1);
    close(fd);
    into[n > 0 ? n : 0] = '\0';
    return n;
}

/* False: there is no such process. Format of /proc/<pid>/stat: proc(5). The name in it can contain any
 * character. */
static bool read_entry(pid_t pid, entry *e)
{
    char text[1024];
    if (read_proc(pid, "stat", text, sizeof text) <= 0)
        return false;
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ')
        return false;
    bool zombie = at[2] == 'Z' || at[2] == 'X';
    *e = (entry){.pid = pid, .stopped = at[2] == 'T' || at[2] == 't'};
    at += 3;
    for (int field = 4; field <= 22; field++) {
        unsigned long long value = strtoull(at, &at, 10);
        if (field == 4)
            e->parent = (pid_t)value;
        else if (field == 6)
            e->session = (pid_t)value;
        else if (field == 20)
            e->ended = zombie && value <= 1; /* its first thread can end before the others */
        else if (field == 22)
            e->start = value;
    }
    return true;
}

/* Looks for the marker in the environment of a process, in overlapping pieces because it can be long. An
 * empty environment says nothing: every execve has one for a moment. */
static kind look_for_marker(pid_t pid, const char *marker)
{
    char path[64];
    char piece[8192];
    size_t len = strlen(marker);
    size_t kept = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    kind result = fd < 0 ? STRANGER : UNKNOWN;
    ssize_t n = 0;
    while (fd >= 0 && result != FOUND && (n = read(fd, piece + kept, sizeof piece - kept)) > 0) {
        size_t total = kept + (size_t)n;
        result = memmem(piece, total, marker, len) ? FOUND : STRANGER;
        kept = total < len ? total : len - 1;
        memmove(piece, piece + total - kept, kept);
    }
    bosun_process_shut(&fd);
    return n < 0 ? STRANGER : result; /* not readable: another user's */
}

/* Lists the process and all started since, except this one and those that have ended. */
static void collect(bosun_buf *list, const bosun_process *p)
{
    entry first = {0};
    if (!p->lost && !read_entry(p->pid, &first))
        first.start = 0;
    DIR *proc = opendir("/proc");
    const struct dirent *name;
    while (proc && (name = readdir(proc))) {
        pid_t pid = (pid_t)strtol(name->d_name, NULL, 10);
        entry e;
        if (pid > 0 && pid != getpid() && read_entry(pid, &e) && e.start >= first.start && !e.ended)
            bosun_buf_append(list, &e, sizeof e);
    }
    if (proc)
        closedir(proc);
}

static bool is_kernel_thread(const entry *e)
{
    return e->pid == KTHREADD || e->parent == KTHREADD;
}

static void judge(entry *e, const bosun_process *p)
{
    bool kin = !p->lost && (e->session == p->pid || e->parent == p->pid); /* it leads its own session */
    e->kind = kin ? FOUND : is_kernel_thread(e) ? STRANGER : look_for_marker(e->pid, p->marker);
}

/* A process in the middle of an execve is looked at again until that is over. */
static void judge_all(entry *all, size_t count, const bosun_process *p)
{
    for (int look = 0; look < LOOKS; look++) {
        bool unknown = false;
        for (size_t i = 0; i < count; i++) {
            if (all[i].kind == UNKNOWN)
                judge(&all[i], p);
            unknown = unknown || all[i].kind == UNKNOWN;
        }
        if (!unknown)
            return;
        poll(NULL, 0, 1);
    }
}

static bool is_found(const entry *all, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].pid == pid)
            return all[i].kind == FOUND;
    return false;
}

/* Marks the descendants of the process and returns their number. */
static size_t mark(entry *all, size_t count, const bosun_process *p)
{
    judge_all(all, count, p);
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < count; i++)
            if (all[i].kind != FOUND && is_found(all, count, all[i].parent)) {
                all[i].kind = FOUND;
                more = true;
            }
    }
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += all[i].kind == FOUND;
    return found;
}

/* Sends a signal, unless the pid has been reused. */
static void signal_entry(const entry *e, int number)
{
    entry now;
    int fd = pidfd_open(e->pid, 0);
    bool same = read_entry(e->pid, &now) && now.start == e->start;
    if (same && fd >= 0)
        pidfd_send_signal(fd, number, NULL, 0);
    else if (same) /* out of descriptors */
        kill(e->pid, number);
    bosun_process_shut(&fd);
}

static void await_end(int pidfd, int64_t end)
{
    int64_t left;
    struct pollfd set = {.fd = pidfd, .events = POLLIN};
    while ((left = end - bosun_monotonic()) > 0) {
        const struct timespec time = {.tv_sec = (time_t)(left / BOSUN_SECOND),
                                      .tv_nsec = (long)(left % BOSUN_SECOND)};
        if (ppoll(&set, 1, &time, NULL) != -1 || errno != EINTR)
            return;
    }
}

static void await_entry(const entry *e, int64_t end)
{
    int fd = pidfd_open(e->pid, 0);
    if (fd >= 0)
        await_end(fd, end);
    bosun_process_shut(&fd);
}

/* Scans once; the list then contains only what was found. */
static void look(bosun_buf *list, const bosun_process *p)
{
    bosun_buf_clear(list);
    collect(list, p);
    entry *all = (entry *)(void *)list->data; /* from malloc: aligned */
    size_t count = list->len / sizeof *all;
    size_t found = mark(all, count, p);
    for (size_t i = 0, to = 0; to < found; i++)
        if (all[i].kind == FOUND)
            all[to++] = all[i];
    list->len = found * sizeof *all;
}

/* Stops everything in the list that is still running, and returns how many that were. */
static size_t stop_all(const bosun_buf *list)
{
    const entry *all = (const entry *)(const void *)list->data;
    size_t moving = 0;
    for (size_t i = 0; i < list->len / sizeof *all; i++)
        if (!all[i].stopped) {
            signal_entry(&all[i], SIGSTOP);
            moving++;
        }
    return moving;
}

static void kill_all(const bosun_buf *list, int64_t end)
{
    const entry *all = (const entry *)(const void *)list->data;
    size_t count = list->len / sizeof *all;
    for (size_t i = 0; i < count; i++)
        signal_entry(&all[i], SIGKILL);
    for (size_t i = 0; i < count; i++)
        await_entry(&all[i], end);
}

/* Scans and stops until two scans in a row find nothing running: whatever one scan stopped shows all its
 * children in the next. */
static void freeze(bosun_buf *list, const bosun_process *p)
{
    int still = 0;
    for (int i = 0; i < ROUNDS && still < 2; i++) {
        look(list, p);
        still = stop_all(list) > 0 ? 0 : list->len == 0 ? 2 : still + 1;
    }
}

void bosun_process_kill_tree(bosun_process *p)
{
    bosun_buf list = {0};
    int64_t end = bosun_wait_after(PATIENCE);
    for (size_t left = 1; left > 0 && bosun_monotonic() < end;) {
        freeze(&list, p);
        bosun_process_kill_group(p, SIGKILL);
        kill_all(&list, end);
        left = list.len;
    }
    bosun_buf_free(&list);
    if (p->exited)
        return;
    await_end(p->pidfd, end);
    struct pollfd set = {.fd = p->pidfd, .events = POLLIN};
    if (poll(&set, 1, 0) > 0)
        bosun_process_note_exit(p);
}

int bosun_process_kill_group(const bosun_process *p, int number)
{
    errno = ESRCH;
    return p->lost || p->over ? -1 : kill(-p->pid, number);
}

/* /proc/loadavg ends with the pid assigned last. As long as that is this process's own (a zombie keeps it),
 * nothing younger exists that could descend from it. */
bool bosun_process_may_have_left(const bosun_process *p)
{
    char text[128];
    int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    bosun_process_shut(&fd);
    if (n <= 0 || p->lost)
        return true;
    text[n] = '\0';
    const char *last = strrchr(text, ' ');
    return !last || strtol(last, NULL, 10) != (long)p->pid;
}
