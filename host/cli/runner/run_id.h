/* The id of a run, which its log events have in common. */
#ifndef BOSUN_CLI_RUNNER_RUN_ID_H
#define BOSUN_CLI_RUNNER_RUN_ID_H

#define RUN_ID_VARIABLE "BOSUN_RUN_ID"

enum { RUN_ID_MAX = 64 };

typedef struct run_id {
    char text[RUN_ID_MAX + 1];
} run_id;

/* That of the environment, if it consists of letters, digits and "._:-"; otherwise a random one. Allocates
 * nothing. */
run_id run_id_make(void);

#endif
