/* The keeper: the ancestor of all that an action starts and of nothing else. It kills exactly what is left of
 * the action, whatever ends first, worker or supervisor. An action that starts no process needs none. */
#ifndef BOSUN_CLI_RUNNER_KEEPER_H
#define BOSUN_CLI_RUNNER_KEEPER_H

#include "core/base/err.h"
#include "record.h"
#include <sys/types.h>

/* Call this in the worker before the action's first process. It forks: this process becomes the keeper, and
 * the call returns 0 in its child, which goes on as the worker. -1 with *err filled: nothing has changed. */
int keeper_step_back(record_shared *shared, pid_t supervisor, bosun_err *err);

/* For the supervisor: kills the worker, by way of its keeper if there is one. child: the process that the
 * supervisor has forked, which may be becoming the keeper right now. */
void keeper_kill_worker(record_shared *shared, pid_t child);

#endif
