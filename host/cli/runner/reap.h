/* Ending the processes that an action left behind. */
#ifndef BOSUN_CLI_RUNNER_REAP_H
#define BOSUN_CLI_RUNNER_REAP_H

#include <stddef.h>
#include <sys/types.h>

/* Children that are not the action's: the program that exec'd this one may have left some. */
typedef struct reap_spared {
    pid_t pids[64];
    size_t count;
} reap_spared;

/* Fills *spared with the children that this process has now. */
void reap_note_children(reap_spared *spared);

/* Sends SIGKILL to the children of this process and the process groups they lead, except the spared ones
 * (NULL: none). Returns their number, or -1 with errno set. Safe in a signal handler. */
int reap_kill_children(const reap_spared *spared);

/* Kills and reaps the children of this process, except the spared ones. The process must be a subreaper: it
 * then inherits the orphans of its descendants. Returns how many processes were killed, or -1 with errno set
 * if some are left after a second. */
int reap_descendants(const reap_spared *spared);

#endif
