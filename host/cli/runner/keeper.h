/* The keeper: a small process between supervisor and worker, the ancestor of all that the action starts and
 * of nothing else. Whatever ends first, worker or supervisor, it kills exactly what is left of the action. */
#ifndef BOSUN_CLI_RUNNER_KEEPER_H
#define BOSUN_CLI_RUNNER_KEEPER_H

#include "worker.h"
#include <signal.h>

/* The keeper kills the worker at this signal. SIGTERM, SIGINT and SIGHUP it passes on to the worker. */
#define KEEPER_KILL SIGUSR1

/* Runs the worker in a child of this process and never returns. All signals have to be blocked. This
 * process becomes a subreaper, closes all descriptors and moves to a process group of its own: a SIGKILL to
 * the runner's group does not reach it. */
_Noreturn void keeper_run(worker_start *start);

#endif
