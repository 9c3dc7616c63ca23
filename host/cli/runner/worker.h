/* The process that runs the plugin. */
#ifndef BOSUN_CLI_RUNNER_WORKER_H
#define BOSUN_CLI_RUNNER_WORKER_H

#include "cli/options.h"
#include "keep.h"
#include "record.h"
#include "run_id.h"
#include <stdint.h>
#include <sys/types.h>

typedef struct worker_start {
    const options *options;
    const run_id *run;
    int log_fd;
    int release_fd; /* the supervisor sends a byte once the first status is written: nothing is read or run
                     * before that */
    record record;
    const keep *keep;
    pid_t supervisor; /* the worker does not outlive it */
    int64_t deadline; /* monotonic ns; BOSUN_NO_DEADLINE: none */
} worker_start;

/* Runs the action in the forked child and leaves the record; never returns. */
_Noreturn void worker_run(worker_start *start);

#endif
