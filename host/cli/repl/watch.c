/* Watching a session. Both processes get the terminal's SIGINT. */
#include "watch.h"
#include "cli/runner/reap.h"
#include "core/base/wait.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define GRACE    (BOSUN_SECOND) /* for code to notice Ctrl-C or the deadline */
#define PATIENCE (5 * BOSUN_SECOND)

typedef struct watch {
    watch_shared *shared;
    struct termios terminal; /* as it was before */
    bool has_terminal;
    pid_t child;
    int64_t interrupted; /* the line, by when it began, that Ctrl-C was pressed in; 0: none */
    int64_t since;       /* when it was pressed */
    bool told;           /* that it goes on all the same */
} watch;

static volatile sig_atomic_t presses;
static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    if (number == SIGINT)
        presses++;
    else
        ending = number;
}

static void say(const char *text)
{
    ssize_t n = write(STDOUT_FILENO, text, strlen(text));
    (void)n; /* the terminal is gone, and nobody reads it */
}

static void take_press(watch *w, int64_t busy)
{
    if (presses == 0)
        return;
    presses = 0;
    if (w->told && busy == w->interrupted) {
        kill(w->child, SIGKILL);
    } else if (busy && busy != w->interrupted) {
        w->interrupted = busy;
        w->since = bosun_monotonic();
        w->told = false;
    }
}

/* Ends what does not end by itself. Returns in how many ns to look again; -1: there is nothing to wait for.
 */
static int64_t look(watch *w)
{
    int64_t now = bosun_monotonic();
    int64_t busy = atomic_load(&w->shared->busy);
    int64_t deadline = atomic_load(&w->shared->deadline);
    take_press(w, busy);
    if (ending)
        kill(w->child, SIGTERM);
    if (deadline && now >= deadline + GRACE) {
        say("\ntimed out, and the code does not stop\n");
        kill(w->child, SIGKILL);
        return -1;
    }
    int64_t next = deadline ? deadline + GRACE - now : -1;
    if (!busy || busy != w->interrupted || w->told)
        return next;
    if (now >= w->since + GRACE) {
        w->told = true;
        say("\nstill running: this code does not stop for Ctrl-C; press it again to end the session and "
            "begin a new "
            "session\n");
        return next;
    }
    int64_t tell = w->since + GRACE - now;
    return next < 0 || tell < next ? tell : next;
}

/* Waits for the child. Returns its status, as of waitpid. */
static int wait_for(watch *w, int pidfd, const sigset_t *unblocked)
{
    for (;;) {
        int64_t left = look(w);
        struct timespec time = {.tv_sec = (time_t)(left / BOSUN_SECOND),
                                .tv_nsec = (long)(left % BOSUN_SECOND)};
        struct pollfd set[2] = {{.fd = pidfd, .events = POLLIN},
                                {.fd = atomic_load(&w->shared->wake), .events = POLLIN}};
        int n = ppoll(set, 2, left < 0 ? NULL : &time, unblocked);
        uint64_t count;
        if (n > 0 && set[1].revents && read(set[1].fd, &count, sizeof count) < 0)
            continue;
        int status;
        if (n > 0 && set[0].revents && waitpid(w->child, &status, 0) == w->child)
            return status;
    }
}

static void clean_up(const watch *w)
{
    if (w->has_terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &w->terminal);
    if (reap_descendants(PATIENCE) < 0)
        say("some processes that the session started did not end\n");
}

static void tell_end(int status)
{
    char text[160];
    int number = WTERMSIG(status);
    if (number == SIGKILL)
        snprintf(text, sizeof text, "\nThe session was ended. ");
    else
        snprintf(text, sizeof text, "\nThe session crashed: signal %d (%s). ", number, strsignal(number));
    say(text);
}

/* Runs one session; returns its status. */
static int run_session(watch *w, int (*session)(void *, watch_shared *, int), void *data, int again,
                       const sigset_t *unblocked)
{
    pid_t parent = getpid();
    fflush(NULL);
    w->child = fork();
    if (w->child < 0) {
        perror("bosun: cannot start a process");
        return 71 << 8;
    }
    if (w->child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
            _exit(70);
        sigprocmask(SIG_SETMASK, unblocked, NULL);
        exit(session(data, w->shared, again));
    }
    int pidfd = pidfd_open(w->child, 0);
    int status = 0;
    if (pidfd >= 0)
        status = wait_for(w, pidfd, unblocked);
    else
        waitpid(w->child, &status, 0);
    if (pidfd >= 0)
        close(pidfd);
    clean_up(w);
    return status;
}

static void handle_signals(sigset_t *unblocked)
{
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&blocked, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, unblocked);
}

int watch_sessions(int (*session)(void *data, watch_shared *shared, int again), void *data)
{
    watch w = {0};
    sigset_t unblocked;
    w.shared = mmap(NULL, sizeof *w.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w.shared == MAP_FAILED || wake < 0) {
        perror("bosun: cannot set up the session");
        return 71;
    }
    atomic_store(&w.shared->wake, wake);
    w.has_terminal = tcgetattr(STDIN_FILENO, &w.terminal) == 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    handle_signals(&unblocked);
    int status = 0;
    for (int again = 0;; again = 1) {
        atomic_store(&w.shared->lines, 0);
        atomic_store(&w.shared->busy, 0);
        atomic_store(&w.shared->deadline, 0);
        w.interrupted = 0;
        w.told = false;
        status = run_session(&w, session, data, again, &unblocked);
        if (!WIFSIGNALED(status) || ending)
            break;
        tell_end(status);
        if (again && atomic_load(&w.shared->lines) == 0) {
            say("It ended like that before its first prompt.\n");
            break;
        }
        say("A new one begins, with the plugin, the configs and the settings; variables are gone.\n");
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
