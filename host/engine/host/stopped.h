/* What the runner is told when a debugger stops an action, and lets it go on: its own deadline stands still,
 * too. */
#ifndef BOSUN_ENGINE_HOST_STOPPED_H
#define BOSUN_ENGINE_HOST_STOPPED_H

#include "bosun.h"
#include <stdbool.h>

typedef void host_stopped_function(void *data, bool stopped);

/* For the runner alone: sets that function. */
void host_on_stopped(bosun_host *host, host_stopped_function *function, void *data);

#endif
