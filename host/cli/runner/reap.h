/* Ending the descendants of a process. */
#ifndef BOSUN_CLI_RUNNER_REAP_H
#define BOSUN_CLI_RUNNER_REAP_H

#include <stdint.h>

/* Kills and reaps the descendants of this process, which has to be a subreaper: it gets the orphans among
 * them. SIGCHLD has to be blocked. Returns how many were running, or -1 with errno set; ETIMEDOUT: some did
 * not end within `patience` nanoseconds. */
int reap_descendants(int64_t patience);

#endif
