/* Ending the descendants of a process. */
#ifndef BOSUN_CLI_RUNNER_REAP_H
#define BOSUN_CLI_RUNNER_REAP_H

#include <stdint.h>

/* Kills and reaps the children of this process, and those that it inherits meanwhile: a subreaper gets the
 * orphans of its descendants. SIGCHLD has to be blocked. Returns how many processes were killed, or -1 with
 * errno set; ETIMEDOUT: some did not end within `patience` nanoseconds. */
int reap_descendants(int64_t patience);

#endif
