/* Shared by the files of this room only. */
#ifndef BOSUN_CORE_PROCESS_INTERNAL_H
#define BOSUN_CORE_PROCESS_INTERNAL_H

#include "process.h"

/* The environment of a child: a NULL-terminated list of pointers into one text, which can contain secrets
 * and is wiped. */
typedef struct bosun_process_env {
    bosun_buf text;
    char **list;
} bosun_process_env;

/* -1: out of memory. */
int bosun_process_env_make(bosun_process_env *env, const bosun_process_options *options, const char *marker);
void bosun_process_env_free(bosun_process_env *env);

/* The value of a name in the list, or NULL. */
const char *bosun_process_env_get(const bosun_process_env *env, const char *name);

/* One round of the poll loop: waits for input, output, the end of the process or `until`, and handles it. 1:
 * something happened · 0: `until` has passed · -1: the work has to stop, or memory ran out. wait may be
 * NULL. */
int bosun_process_step(bosun_process *p, int64_t until, const bosun_wait *wait, bosun_err *err);

/* 0, or -1 if some output did not fit in memory. */
int bosun_process_check_output(const bosun_process *p, bosun_err *err);

/* Reads what is in the pipes now, at most one pipeful each, without waiting. */
void bosun_process_drain(bosun_process *p);

/* Records how the process ended, and sets `exited`. Call it once the pidfd is readable. The zombie stays,
 * which keeps its pid from being reused. */
void bosun_process_note_exit(bosun_process *p);

/* Notes that the process has exited, if it has. */
void bosun_process_look(bosun_process *p);

void bosun_process_shut(int *fd); /* closes and sets -1 */
void bosun_process_shut_all(bosun_process *p);

/* Closes and frees everything in `p`, whose process is not running. */
void bosun_process_release(bosun_process *p);

/* kill(2) on its process group, unless the id may already belong to another. -1 with errno. */
int bosun_process_kill_group(const bosun_process *p, int number);

/* Sends SIGKILL to the process and all its descendants, and waits a bounded time for their end. */
void bosun_process_kill_tree(bosun_process *p);

/* Can any process have been started since this one? False is certain. */
bool bosun_process_may_have_left(const bosun_process *p);

#endif
