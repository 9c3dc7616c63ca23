/* What every log event of an action carries: action, deployment, run, the id that all events of a run have in
 * common, and trace_id, that of the trace it is part of. An event keeps a field of its own with one of these
 * names. */
#ifndef BOSUN_ENGINE_HOST_CONTEXT_H
#define BOSUN_ENGINE_HOST_CONTEXT_H

#include "bosun.h"
#include "core/base/err.h"
#include "core/base/trace_context.h"
#include "core/base/value.h"
#include <stdbool.h>

#define HOST_CONTEXT_FIELDS 4

typedef struct host_context {
    const char *action; /* static; NULL: no action yet */
    char *deployment;   /* NULL: none */
    char run[65];
    bool given; /* the run id is the embedder's */
    bosun_trace trace;
    char parent[BOSUN_TRACEPARENT_SIZE]; /* the embedder's, of each action; "": none */
    bool trace_given;                    /* by host_set_trace */
} host_context;

/* run_id: NULL: a random one. traceparent: NULL, or one that is not valid: each action begins a trace.
 * Returns 0, or -1 with *err filled: the run id is too long, or there are no random bytes. */
int host_context_init(host_context *context, const char *run_id, const char *traceparent, bosun_err *err);
void host_context_free(host_context *context);

/* An action begins; NULL: one that is not known. */
void host_context_begin(host_context *context, const char *action);

/* deployment: the action config's deploymentInfo; NULL: none. */
void host_context_set_deployment(host_context *context, const bosun_value *deployment);

/* Appends the fields to `count` others, which they have room behind. Returns how many there are then. */
size_t host_context_add(const host_context *context, bosun_log_field *fields, size_t count);

/* For the runner alone: the span that the host's one action is. */
void host_set_trace(bosun_host *host, const bosun_trace *trace);

/* For the runner alone: the id of the deployment that the action is about, from BOSUN_PHASE_INIT on, until
 * the next action. NULL: none. Not redacted. */
const char *host_deployment(const bosun_host *host);

/* For the runner alone: bosun_host_cancel, because the time that the supervisor gives the action is over. */
void host_expire(bosun_host *host, const char *reason);

#endif
