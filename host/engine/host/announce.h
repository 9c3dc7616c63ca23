/* What a host does before its action starts a process. The library starts programs and loads C modules, which
 * can start any; nothing else that a plugin can reach makes a process. */
#ifndef BOSUN_ENGINE_HOST_ANNOUNCE_H
#define BOSUN_ENGINE_HOST_ANNOUNCE_H

#include "bosun.h"
#include "core/base/err.h"

/* Called before the first process. It may fork, and return in the child. Returns 0, or -1 with *err filled:
 * the process is not started, and the next one calls again. */
typedef int host_process_function(void *data, bosun_err *err);

/* For the runner alone: sets that function. A host has none. */
void host_on_first_process(bosun_host *host, host_process_function *function, void *data);

/* Call this before anything that can start a process: `what`, such as a program's name, for the error.
 * Returns 0, or -1 with *err filled. */
int host_announce_process(bosun_host *host, const char *what, bosun_err *err);

#endif
