/* What the process*.c files share and nobody else needs. */
#ifndef BOSUN_CORE_PROCESS_INTERNAL_H
#define BOSUN_CORE_PROCESS_INTERNAL_H

#include "process.h"

/* The environment of a child: a NULL-terminated list into one text, which holds secrets and is wiped. */
typedef struct bosun_process_env {
    bosun_buf text;
    char **list;
} bosun_process_env;

/* -1: out of memory. */
int bosun_process_env_make(bosun_process_env *env, const bosun_process_options *options, const char *marker);
void bosun_process_env_free(bosun_process_env *env);

/* The value of a name in the list, or NULL. */
const char *bosun_process_env_get(const bosun_process_env *env, const char *name);

/* One round of the poll loop: waits for input, output, the end or `until`, and does what is due. 1: something
 * happened · 0: `until` has passed · -1: the work has to stop, or memory ran out. wait may be NULL. */
int bosun_process_step(bosun_process *p, int64_t until, const bosun_wait *wait, bosun_err *err);

/* -1 when some output did not fit in memory. */
int bosun_process_check_output(const bosun_process *p, bosun_err *err);

/* Reads what the pipes hold now, and no more than they can hold, without waiting. */
void bosun_process_drain(bosun_process *p);

/* Learns how it ended and sets `exited`; called once its pidfd is readable. The zombie stays, and keeps its
 * pid from being used again. */
void bosun_process_note_exit(bosun_process *p);

void bosun_process_shut(int *fd); /* closes and sets -1 */
void bosun_process_shut_all(bosun_process *p);

/* Closes and frees all that `p` holds of a process that does not run. */
void bosun_process_release(bosun_process *p);

/* kill(2) of its process group, as long as the id is known to be its own. -1 with errno. */
int bosun_process_kill_group(const bosun_process *p, int number);

/* SIGKILL to the process and everything that descends from it, and waits, a bounded time, for their end. */
void bosun_process_kill_tree(bosun_process *p);

/* Can anything have been started since the process was? False is certain. */
bool bosun_process_may_have_left(const bosun_process *p);

#endif
