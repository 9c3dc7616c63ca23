/* The watch over a running worker: it reads the worker's record, stops the worker at the deadline or when
 * this process is signalled (a request to stop, a grace period, SIGKILL), and knows afterwards how the worker
 * ended. */
#ifndef BOSUN_CLI_RUNNER_WATCH_H
#define BOSUN_CLI_RUNNER_WATCH_H

#include "core/base/err.h"
#include "record.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct watch {
    pid_t worker;
    int signal_fd;
    int record_fd;
    record record;

    int64_t deadline;
    int64_t kill_at;   /* when the grace period ends; BOSUN_NO_DEADLINE: the worker was not asked to stop */
    int64_t give_up;   /* when to stop waiting for a killed worker */
    int cancel_signal; /* the signal that this process got; 0: none */
    bool hurried;      /* it got a second one */
    bool timed_out;
    bool killed; /* by this process */

    bool ended;
    int wait_status;
} watch;

/* A watch with nothing open and no worker; deadline: monotonic ns, or BOSUN_NO_DEADLINE. */
watch watch_new(int64_t deadline);

/* Blocks the signals that cancel an action and receives them through a descriptor; call it before the worker
 * is started. 0, or -1 with *err filled. */
int watch_open_signals(watch *w, bosun_err *err);

/* Waits until the worker has ended. 0, or -1 with *err filled: the worker may still be running. */
int watch_worker(watch *w, bosun_err *err);

void watch_kill_worker(watch *w);

/* Describes why there is no valid record. phase: what the worker was doing; timeout: seconds. */
void watch_describe_end(const watch *w, const char *phase, double timeout, char *out, size_t size);

/* Closes the descriptors; the record stays. */
void watch_close_fds(watch *w);
void watch_free(watch *w);

#endif
