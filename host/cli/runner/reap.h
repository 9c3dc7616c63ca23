/* Ending what an action started and left behind. */
#ifndef BOSUN_CLI_RUNNER_REAP_H
#define BOSUN_CLI_RUNNER_REAP_H

#include <stddef.h>
#include <sys/types.h>

/* Children that are not the action's: whoever executed this program may have left it some. */
typedef struct reap_spared {
    pid_t pids[64];
    size_t count;
} reap_spared;

/* Notes the children that this process has now. */
void reap_note_children(reap_spared *spared);

/* Sends SIGKILL to the children of this process, and to the process groups that they lead, but for those
 * that are spared (NULL: none). Returns how many there were, or -1 with errno set. Safe in a signal handler.
 */
int reap_kill_children(const reap_spared *spared);

/* Kills and reaps the children of this process, which as a subreaper gets the orphans of its descendants too,
 * but for those that are spared. Returns how many processes were killed, or -1 with errno set when some are
 * left after a second. */
int reap_descendants(const reap_spared *spared);

#endif
