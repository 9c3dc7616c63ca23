/* The poll loop of a process: its three pipes, its end, cancellation and time, all at once. */
#include "internal.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK       ((size_t)64 * 1024)
#define PIPE_MAX    ((size_t)1024 * 1024) /* a pipe holds no more, unless root changed the limit */
#define DRAIN_GRACE (BOSUN_SECOND / 10)

enum { IN, OUT, ERR, END, CANCEL, SOURCES };

void bosun_process_shut(int *fd)
{
    if (*fd >= 0)
        close(*fd); /* the pipe is abandoned: nothing can be lost */
    *fd = -1;
}

void bosun_process_shut_all(bosun_process *p)
{
    bosun_process_shut(&p->in);
    bosun_process_shut(&p->out.fd);
    bosun_process_shut(&p->err.fd);
    bosun_process_shut(&p->pidfd);
}

void bosun_process_release(bosun_process *p)
{
    bosun_process_shut_all(p);
    bosun_buf_free(&p->out.text);
    bosun_buf_free(&p->err.text);
    *p = BOSUN_NO_PROCESS;
}

/* write(2) that fails with EPIPE but never raises SIGPIPE, whatever the embedding program does about that
 * signal. SIGPIPE goes to the thread that writes, so it is enough to block it in this thread and to consume
 * it. */
static ssize_t write_quietly(int fd, const void *bytes, size_t len)
{
    sigset_t set;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    ssize_t n = write(fd, bytes, len);
    int errnum = errno;
    const struct timespec now = {0};
    if (n < 0 && errnum == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = errnum;
    return n;
}

static void feed(bosun_process *p)
{
    ssize_t n = write_quietly(p->in, p->input, p->input_len < CHUNK ? p->input_len : CHUNK);
    if (n > 0) {
        p->input += n;
        p->input_len -= (size_t)n;
    }
    bool stuck = n < 0 && errno != EAGAIN && errno != EINTR; /* nothing reads it any more */
    if (stuck || (p->input_len == 0 && !p->keep_stdin))
        bosun_process_shut(&p->in);
}

static void keep(bosun_process_output *output, const char *bytes, size_t len, size_t room)
{
    bosun_buf_append(&output->text, bytes, len < room ? len : room);
    output->truncated = output->truncated || len > room;
}

/* Reads once. False: there is nothing to read now, or the pipe is closed. */
static bool receive(bosun_process *p, bosun_process_output *output)
{
    char chunk[CHUNK];
    ssize_t n = read(output->fd, chunk, sizeof chunk);
    if (n > 0) {
        bool capped = output == &p->err || p->window == 0;
        size_t room = p->max_output > output->text.len ? p->max_output - output->text.len : 0;
        keep(output, chunk, (size_t)n, capped ? room : sizeof chunk);
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        bosun_process_shut(&output->fd);
    return false;
}

static void drain_one(bosun_process *p, bosun_process_output *output)
{
    for (size_t i = 0; i < PIPE_MAX / CHUNK && output->fd >= 0; i++)
        if (!receive(p, output))
            return;
}

void bosun_process_drain(bosun_process *p)
{
    drain_one(p, &p->out);
    drain_one(p, &p->err);
}

void bosun_process_note_exit(bosun_process *p)
{
    siginfo_t info = {0};
    int rc;
    do {
        rc = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOWAIT);
    } while (rc < 0 && errno == EINTR);
    p->exited = true;
    p->lost = rc < 0;
    if (rc == 0 && info.si_code == CLD_EXITED)
        p->code = info.si_status;
    else if (rc == 0)
        p->signal = info.si_status;
    p->drain_end = bosun_wait_after(DRAIN_GRACE);
}

void bosun_process_look(bosun_process *p)
{
    struct pollfd end = {.fd = p->exited ? -1 : p->pidfd, .events = POLLIN};
    if (poll(&end, 1, 0) > 0)
        bosun_process_note_exit(p);
}

/* Leaves out pipes that are not waited for: poll would report their hang-up again and again. */
static void choose(const bosun_process *p, const bosun_wait *wait, struct pollfd set[SOURCES])
{
    bool room = p->window == 0 || p->out.text.len < p->window;
    set[IN] = (struct pollfd){.fd = p->input_len > 0 ? p->in : -1, .events = POLLOUT};
    set[OUT] = (struct pollfd){.fd = room ? p->out.fd : -1, .events = POLLIN};
    set[ERR] = (struct pollfd){.fd = p->err.fd, .events = POLLIN};
    set[END] = (struct pollfd){.fd = p->exited ? -1 : p->pidfd, .events = POLLIN};
    set[CANCEL] = (struct pollfd){.fd = wait ? wait->cancel_fd : -1, .events = POLLIN};
}

static int poll_until(struct pollfd set[SOURCES], int64_t until)
{
    int64_t left = until == BOSUN_NO_DEADLINE ? 0 : until - bosun_monotonic();
    const struct timespec time = {.tv_sec = left > 0 ? (time_t)(left / BOSUN_SECOND) : 0,
                                  .tv_nsec = left > 0 ? (long)(left % BOSUN_SECOND) : 0};
    return ppoll(set, SOURCES, until == BOSUN_NO_DEADLINE ? NULL : &time, NULL);
}

static void serve(bosun_process *p, const struct pollfd set[SOURCES])
{
    if (set[IN].revents)
        feed(p);
    if (set[OUT].revents)
        receive(p, &p->out);
    if (set[ERR].revents)
        receive(p, &p->err);
    if (set[END].revents)
        bosun_process_note_exit(p);
}

static int check_wait(const bosun_process *p, const bosun_wait *wait, bosun_err *err)
{
    return bosun_wait_check(wait, "run", err) < 0 ? bosun_err_context(err, "%s: ", p->name) : 0;
}

int bosun_process_check_output(const bosun_process *p, bosun_err *err)
{
    if (!p->out.text.failed && !p->err.text.failed)
        return 0;
    return bosun_err_set(err, BOSUN_ERR_NOMEM, "read", "cannot read the output of %s: out of memory",
                         p->name);
}

int bosun_process_step(bosun_process *p, int64_t until, const bosun_wait *wait, bosun_err *err)
{
    struct pollfd set[SOURCES];
    if (check_wait(p, wait, err) < 0)
        return -1;
    choose(p, wait, set);
    int64_t last = bosun_wait_end(wait);
    int n = poll_until(set, until < last ? until : last);
    if (n < 0 && errno != EINTR)
        return bosun_err_errno(err, errno, "poll", p->name);
    if (n > 0)
        serve(p, set);
    if (bosun_process_check_output(p, err) < 0)
        return -1;
    return n != 0 || bosun_monotonic() < until;
}
