/* The life of a process: waiting, reading, writing, stopping, and cleaning up after it. */
#include "process.h"
#include "internal.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* The time between SIGTERM and SIGKILL. The short one is for an action that has to stop: its supervisor
 * waits only a second in all. */
#define GRACE       BOSUN_SECOND
#define SHORT_GRACE (BOSUN_SECOND / 4)

/* Bytes of output buffered for the reader. */
#define WINDOW ((size_t)64 * 1024)

static bool is_closed(const bosun_process *p)
{
    return p->out.fd < 0 && p->err.fd < 0;
}

static void reap(bosun_process *p)
{
    siginfo_t info;
    while (p->exited && !p->lost && waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
}

/* Kills what is still running, and cleans up. A process stuck in the kernel cannot be killed: it counts as
 * lost. */
static void finish(bosun_process *p)
{
    if (!p->exited || bosun_process_may_have_left(p))
        bosun_process_kill_tree(p);
    bosun_process_drain(p);
    reap(p);
    bosun_process_shut_all(p);
    p->lost = p->lost || !p->exited;
    p->exited = true;
    p->over = true;
}

/* SIGTERM; then SIGKILL, once the process has ended and its output is closed, or the grace is over. */
static void terminate(bosun_process *p, int64_t grace, const bosun_wait *wait)
{
    bosun_process_kill_group(p, SIGTERM);
    bosun_process_kill_group(p, SIGCONT); /* a stopped process would not react */
    int64_t end = bosun_wait_after(grace);
    while (!(p->exited && is_closed(p)) && bosun_monotonic() < end) {
        if (bosun_process_step(p, end, wait, NULL) >= 0)
            continue;
        if (!wait)
            break;
        wait = NULL;
        int64_t sooner = bosun_wait_after(SHORT_GRACE);
        end = sooner < end ? sooner : end;
    }
    finish(p);
}

void bosun_process_stop(bosun_process *p, const bosun_wait *wait)
{
    if (p->pid && !p->over)
        terminate(p, GRACE, wait);
}

typedef bool condition(const bosun_process *p);

/* Serves the process until `enough`: 1, or until `until`: 0. -1: the work has to stop, or memory ran out. */
static int serve_until(bosun_process *p, condition *enough, int64_t until, const bosun_wait *wait,
                       bosun_err *err)
{
    while (!enough(p)) {
        int64_t now = bosun_monotonic();
        if (p->over)
            return 1;
        int64_t own = p->deadline < until ? p->deadline : until;
        if (now >= own)
            bosun_process_look(p); /* its time counts until its end, not until somebody waits for it */
        if (p->exited && (is_closed(p) || now >= p->drain_end)) {
            finish(p);
        } else if (!p->exited && now >= p->deadline) {
            p->timed_out = true;
            terminate(p, GRACE, wait);
        } else if (!p->exited && now >= until) {
            return 0;
        } else if (bosun_process_step(p, p->exited ? p->drain_end : own, wait, err) < 0) {
            return -1;
        }
    }
    return 1;
}

static bool is_over(const bosun_process *p)
{
    return p->over;
}

int bosun_process_wait(bosun_process *p, int64_t until, const bosun_wait *wait, bosun_err *err)
{
    p->window = 0;
    int rc = serve_until(p, is_over, until, wait, err);
    if (rc <= 0)
        return rc;
    if (p->lost)
        return bosun_err_set(
            err, "ECHILD", "wait",
            "the exit status of %s is not known: it cannot be killed, or this process ignores SIGCHLD or "
            "reaps children that it did not start",
            p->name);
    return bosun_process_check_output(p, err) < 0 ? -1 : 1;
}

static bool is_readable(const bosun_process *p)
{
    return p->out.text.len >= p->wanted || p->out.fd < 0;
}

int bosun_process_read(bosun_process *p, size_t wanted, const bosun_wait *wait, bosun_err *err)
{
    p->wanted = wanted;
    p->window = WINDOW + wanted;
    if (serve_until(p, is_readable, BOSUN_NO_DEADLINE, wait, err) < 0 ||
        bosun_process_check_output(p, err) < 0)
        return -1;
    return p->out.text.len >= wanted;
}

static bool is_written(const bosun_process *p)
{
    return p->input_len == 0 || p->in < 0 || (p->out.fd >= 0 && p->out.text.len >= p->window);
}

int bosun_process_write(bosun_process *p, const void *bytes, size_t len, const bosun_wait *wait,
                        bosun_err *err)
{
    if (p->in < 0 || !p->keep_stdin)
        return bosun_err_set(err, "EPIPE", "write", "cannot write to %s: its standard input is closed",
                             p->name);
    p->window = p->max_output > WINDOW ? p->max_output : WINDOW;
    p->input = bytes;
    p->input_len = len;
    int rc = serve_until(p, is_written, BOSUN_NO_DEADLINE, wait, err);
    size_t left = p->input_len;
    p->input = NULL;
    p->input_len = 0;
    if (rc < 0 || bosun_process_check_output(p, err) < 0)
        return -1;
    if (left > 0 && p->in >= 0)
        return bosun_err_set(err, BOSUN_ERR_TOO_LARGE, "write",
                             "cannot write to %s: %zu bytes of its output have to be read first", p->name,
                             p->out.text.len);
    if (left > 0)
        return bosun_err_set(err, "EPIPE", "write",
                             "cannot write to %s: it no longer reads its standard input", p->name);
    return 0;
}

void bosun_process_close_stdin(bosun_process *p)
{
    p->keep_stdin = false;
    if (p->input_len == 0)
        bosun_process_shut(&p->in);
}

int bosun_process_signal(bosun_process *p, int number, bosun_err *err)
{
    bosun_process_look(p);
    if (!p->exited && bosun_process_kill_group(p, number) == 0)
        return 0;
    if (p->exited || errno == ESRCH)
        return bosun_err_set(err, "ESRCH", "kill", "cannot send a signal to %s: it has already ended",
                             p->name);
    return bosun_err_errno_as(err, errno, "kill", "send a signal to", p->name);
}

void bosun_process_close(bosun_process *p)
{
    if (p->pid && !p->over)
        finish(p);
    bosun_process_release(p);
}

int bosun_process_run(bosun_process *p, const bosun_process_options *options, const bosun_wait *wait,
                      bosun_err *err)
{
    if (bosun_wait_check(wait, "run", err) < 0)
        return bosun_err_context(err, "%s: ", options->argv[0]);
    if (bosun_process_start(p, options, err) < 0)
        return -1;
    if (bosun_process_wait(p, BOSUN_NO_DEADLINE, wait, err) > 0)
        return 0;
    if (!p->over)
        terminate(p, SHORT_GRACE, NULL);
    return -1;
}

static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    return *word && word[strspn(word, plain)] == '\0';
}

static void quote_word(bosun_buf *out, const char *word)
{
    bosun_buf_putc(out, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            bosun_buf_puts(out, "'\\'");
        bosun_buf_putc(out, *word);
    }
    bosun_buf_putc(out, '\'');
}

void bosun_process_quote(bosun_buf *out, const char *const *argv)
{
    for (size_t i = 0; argv[i]; i++) {
        if (i > 0)
            bosun_buf_putc(out, ' ');
        if (is_plain(argv[i]))
            bosun_buf_puts(out, argv[i]);
        else
            quote_word(out, argv[i]);
    }
}

void bosun_process_describe(bosun_buf *out, const bosun_process *p)
{
    if (p->timed_out)
        bosun_buf_puts(out, "timed out and was stopped");
    else if (p->signal)
        bosun_buf_printf(out, "was killed by signal %d (%s)", p->signal, sigdescr_np(p->signal));
    else
        bosun_buf_printf(out, "ended with exit status %d", p->code);
}
