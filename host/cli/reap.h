/* Ending what an action started and left behind. */
#ifndef BOSUN_CLI_REAP_H
#define BOSUN_CLI_REAP_H

/* Sends SIGKILL to the children of this process, and to the process groups that they lead. Returns how many
 * there were, or -1 with errno set. Safe in a signal handler. */
int reap_kill_children(void);

/* Kills and reaps every child of this process, which as a subreaper gets the orphans of its descendants too.
 * Returns how many processes were killed, or -1 with errno set when some are left after a second. */
int reap_descendants(void);

#endif
