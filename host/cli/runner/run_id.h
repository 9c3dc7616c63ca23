/* The ids of a run, which its log events have in common: its own, and that of the trace it is part of. */
#ifndef BOSUN_CLI_RUNNER_RUN_ID_H
#define BOSUN_CLI_RUNNER_RUN_ID_H

#include "core/base/trace_context.h"

#define RUN_ID_VARIABLE "BOSUN_RUN_ID"

enum { RUN_ID_MAX = 64 };

typedef struct run_id {
    char text[RUN_ID_MAX + 1];
    bosun_trace trace;
} run_id;

/* The id of the environment, if it consists of letters, digits and "._:-", and its trace, if that is valid;
 * otherwise random ones. Allocates nothing. */
run_id run_id_make(void);

#endif
