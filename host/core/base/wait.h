/* Time and cancellation. Every function of the core that can block or take long takes a bosun_wait and obeys
 * it. */
#ifndef BOSUN_CORE_BASE_WAIT_H
#define BOSUN_CORE_BASE_WAIT_H

#include "err.h"
#include <stdatomic.h>
#include <stdint.h>

#define BOSUN_NO_DEADLINE INT64_MAX
#define BOSUN_SECOND      INT64_C(1000000000)

/* Why the work has to stop before its deadline. */
enum {
    BOSUN_STOP_CANCELLED = 1,
    BOSUN_STOP_EXPIRED = 2, /* whoever watches over the work says that its time is over */
};

typedef struct bosun_wait {
    const atomic_int *cancelled; /* not 0: stop, BOSUN_STOP_…; NULL: never cancelled */
    int cancel_fd;               /* becomes readable when `cancelled` is set; never read here; -1: none */
    atomic_int *cut;             /* set when a cancel or the deadline ends a wait; may be NULL */
    int64_t deadline;            /* on bosun_monotonic's clock, in nanoseconds; BOSUN_NO_DEADLINE: none */
    int64_t limit;               /* the same for a part of the action that has less time; 0: none */
} bosun_wait;

int64_t bosun_monotonic(void); /* CLOCK_MONOTONIC in nanoseconds */
int64_t bosun_realtime(void);  /* CLOCK_REALTIME in nanoseconds since the epoch */

/* 0, or -1 when the work has to stop: BOSUN_ERR_CANCELLED, BOSUN_ERR_DEADLINE, BOSUN_ERR_TIMEOUT (the limit).
 * wait may be NULL. */
int bosun_wait_check(const bosun_wait *wait, const char *op, bosun_err *err);

/* Waits until `fd` is ready for `events` (as in poll), `until` (monotonic ns) has passed, or the work has to
 * stop. 1: ready · 0: `until` has passed · -1: cancelled, past the deadline, or poll failed. With fd -1 it
 * only sleeps. */
int bosun_wait_fd(const bosun_wait *wait, int fd, short events, int64_t until, const char *op,
                  bosun_err *err);

/* When the work has to stop at the latest: the earlier of deadline and limit. wait may be NULL. */
int64_t bosun_wait_end(const bosun_wait *wait);

/* The point in time `nanoseconds` from now, saturating; negative counts as 0. */
int64_t bosun_wait_after(int64_t nanoseconds);

/* Converts seconds to nanoseconds, saturating at both ends; NaN becomes 0. */
int64_t bosun_nanoseconds(double seconds);

#endif
