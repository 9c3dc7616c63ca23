/* The process that runs the plugin. */
#ifndef BOSUN_CLI_RUNNER_WORKER_H
#define BOSUN_CLI_RUNNER_WORKER_H

#include "cli/options.h"
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct worker_start {
    const options *options;
    int fd; /* to the supervisor, which sends a byte once the first status is written: nothing is read or run
             * before that. The record goes the other way */
    pid_t supervisor;  /* the worker does not outlive it */
    atomic_int *phase; /* shared with the supervisor: the bosun_phase that the worker is in */
    int64_t deadline;  /* monotonic ns; BOSUN_NO_DEADLINE: none */
} worker_start;

/* Runs the action in the forked child and sends the record; never returns. */
_Noreturn void worker_run(const worker_start *start);

#endif
