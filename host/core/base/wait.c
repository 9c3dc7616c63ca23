/* Clocks, cancellation and sleeping. */
#include "wait.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t); /* cannot fail for the two clocks used here */
    return (int64_t)t.tv_sec * BOSUN_SECOND + t.tv_nsec;
}

int64_t bosun_monotonic(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t bosun_realtime(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t bosun_nanoseconds(double seconds)
{
    if (isnan(seconds))
        return 0;
    double ns = seconds * (double)BOSUN_SECOND;
    if (ns >= (double)INT64_MAX)
        return INT64_MAX;
    return ns <= (double)INT64_MIN ? INT64_MIN : (int64_t)ns;
}

int64_t bosun_wait_after(int64_t nanoseconds)
{
    int64_t now = bosun_monotonic();
    if (nanoseconds <= 0)
        return now;
    return nanoseconds > INT64_MAX - now ? INT64_MAX : now + nanoseconds;
}

/* 0: it may go on. */
static int stop_asked(const bosun_wait *wait)
{
    return wait->cancelled ? atomic_load(wait->cancelled) : 0;
}

static bool is_past(int64_t end)
{
    return end != BOSUN_NO_DEADLINE && bosun_monotonic() >= end;
}

int64_t bosun_wait_end(const bosun_wait *wait)
{
    if (!wait)
        return BOSUN_NO_DEADLINE;
    return wait->limit && wait->limit < wait->deadline ? wait->limit : wait->deadline;
}

int bosun_wait_check(const bosun_wait *wait, const char *op, bosun_err *err)
{
    int stop = wait ? stop_asked(wait) : 0;
    if (!wait || (!stop && !is_past(bosun_wait_end(wait))))
        return 0;
    if (!stop && !is_past(wait->deadline))
        return bosun_err_set(err, BOSUN_ERR_TIMEOUT, op,
                             "%s timed out: the time limit of the call around it has passed", op);
    if (wait->cut)
        atomic_store(wait->cut, 1);
    if (stop == BOSUN_STOP_CANCELLED)
        return bosun_err_set(err, BOSUN_ERR_CANCELLED, op, "%s was interrupted: the action was cancelled",
                             op);
    return bosun_err_set(err, BOSUN_ERR_DEADLINE, op, "%s timed out: the action's deadline has passed", op);
}

int bosun_wait_fd(const bosun_wait *wait, int fd, short events, int64_t until, const char *op, bosun_err *err)
{
    int64_t last = bosun_wait_end(wait);
    int64_t end = until < last ? until : last;
    for (;;) {
        if (bosun_wait_check(wait, op, err) < 0)
            return -1;
        int64_t left = end == BOSUN_NO_DEADLINE ? INT64_MAX : end - bosun_monotonic();
        if (left <= 0 && end == until)
            return 0;
        if (left < 0)
            left = 0;
        struct timespec time = {.tv_sec = (time_t)(left / BOSUN_SECOND),
                                .tv_nsec = (long)(left % BOSUN_SECOND)};
        struct pollfd set[2] = {{.fd = fd, .events = events},
                                {.fd = wait ? wait->cancel_fd : -1, .events = POLLIN}};
        int n = ppoll(set, 2, end == BOSUN_NO_DEADLINE ? NULL : &time, NULL);
        if (n < 0 && errno != EINTR)
            return bosun_err_errno(err, errno, "poll", op);
        if (n > 0 && set[0].revents)
            return 1;
    }
}
