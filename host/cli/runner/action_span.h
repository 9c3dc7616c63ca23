/* The span of the action as a whole, which the supervisor adds to a trace in OpenTelemetry's format once the
 * outcome is known: so it is there and true however the worker ended. */
#ifndef BOSUN_CLI_RUNNER_ACTION_SPAN_H
#define BOSUN_CLI_RUNNER_ACTION_SPAN_H

#include "cli/options.h"
#include "cli/sink.h"

typedef struct action_end {
    int64_t started; /* nanoseconds since the epoch */
    bosun_outcome outcome;
    char message[512];      /* the beginning of the status's; "": none */
    const char *deployment; /* "": none, or not known */
    int exit_status;
} action_end;

/* Does nothing without such a trace; a trace that cannot be written is a warning in the log. */
void action_span_write(const options *opt, const run_id *run, const action_end *end, const sink *log);

#endif
