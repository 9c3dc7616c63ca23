/* Ending what a worker left behind. */
#ifndef BOSUN_CLI_REAP_H
#define BOSUN_CLI_REAP_H

/* Kills and reaps every child of this process, which as a subreaper gets the orphans of its descendants too.
 * Returns how many processes were killed, or -1 with errno set when some are left after a second. */
int reap_descendants(void);

#endif
