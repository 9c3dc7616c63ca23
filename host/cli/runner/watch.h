/* The watch over a running worker: it stops the worker at the deadline or when this process is signalled (a
 * request to stop, a grace period, SIGKILL), and knows afterwards how the worker ended. */
#ifndef BOSUN_CLI_RUNNER_WATCH_H
#define BOSUN_CLI_RUNNER_WATCH_H

#include "core/base/err.h"
#include "record.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct watch {
    pid_t child; /* the worker, or its keeper */
    record_shared *shared;
    sigset_t signals; /* that this process waits for */

    bool at_terminal; /* Ctrl-C is for the debugger's prompt */
    int64_t deadline;
    int64_t kill_at;   /* when the grace period ends; BOSUN_NO_DEADLINE: the worker was not asked to stop */
    bool prolonged;    /* the grace period was, once: the plugin cleans up */
    int64_t give_up;   /* when to stop waiting for a killed worker */
    int cancel_signal; /* the signal that this process got; 0: none */
    bool hurried;      /* it got a second one */
    bool timed_out;
    bool killed; /* by this process */

    bool ended;
    keeper_state keeper; /* KEEPER_RUNS: it has ended before the worker */
    int wait_status;     /* of the worker, or of a keeper that ended first */
} watch;

/* A watch without a worker; deadline: monotonic ns, or BOSUN_NO_DEADLINE. */
watch watch_new(int64_t deadline);

/* Blocks the signals that the watch waits for: the end of a child, and those that cancel an action unless
 * they are ignored (nohup). Call it before the worker is started. 0, or -1 with *err filled. */
int watch_block_signals(watch *w, bosun_err *err);

/* Waits until the worker has ended. 0, or -1 with *err filled: the worker may still be running. */
int watch_worker(watch *w, bosun_err *err);

void watch_kill_worker(watch *w);

/* Fills the error that says why there is no valid record. phase: what the worker was doing; timeout: seconds;
 * has_record: there is an invalid one. */
void watch_describe_end(const watch *w, const char *phase, double timeout, bool has_record, bosun_err *out);

#endif
