/* Time and cancellation. Everything in the core that can wait or take long gets a bosun_wait and looks at it.
 */
#ifndef BOSUN_CORE_BASE_WAIT_H
#define BOSUN_CORE_BASE_WAIT_H

#include "err.h"
#include <stdatomic.h>
#include <stdint.h>

#define BOSUN_NO_DEADLINE INT64_MAX
#define BOSUN_SECOND      INT64_C(1000000000)

typedef struct bosun_wait {
    const atomic_int *cancelled; /* not 0: stop; NULL: never cancelled */
    int cancel_fd;               /* becomes readable with `cancelled` (and is never read here); -1: none */
    atomic_int *cut;             /* set when a wait ended for one of the two; NULL: nobody asks */
    int64_t deadline;            /* on bosun_monotonic's clock, in nanoseconds; BOSUN_NO_DEADLINE: none */
} bosun_wait;

int64_t bosun_monotonic(void); /* CLOCK_MONOTONIC in nanoseconds */
int64_t bosun_realtime(void);  /* CLOCK_REALTIME in nanoseconds since the epoch */

/* 0, or -1 when the work has to stop: BOSUN_ERR_CANCELLED, BOSUN_ERR_DEADLINE. wait may be NULL. */
int bosun_wait_check(const bosun_wait *wait, const char *op, bosun_err *err);

/* Waits until `fd` is ready for `events` (poll's), `until` (monotonic ns) has passed, or the work has to
 * stop. 1: ready · 0: `until` has passed · -1: cancelled, past the deadline, or poll failed. fd -1 only
 * sleeps. */
int bosun_wait_fd(const bosun_wait *wait, int fd, short events, int64_t until, const char *op,
                  bosun_err *err);

/* nanoseconds from now as a point in time, saturating; negative counts as 0. */
int64_t bosun_wait_after(int64_t nanoseconds);

/* Seconds as nanoseconds, saturating at both ends; NaN is 0. */
int64_t bosun_nanoseconds(double seconds);

#endif
