/* The trace: how a plugin affects and queries the world outside, one event for each call. */
#include "host.h"
#include <stdio.h>
#include <string.h>

#define OWN_FIELDS 5

bool host_traces(const bosun_host *host)
{
    return host_logs(host, BOSUN_LOG_TRACE);
}

void host_begin_span(bosun_host *host, char id[BOSUN_SPAN_ID_SIZE], char traceparent[BOSUN_TRACEPARENT_SIZE])
{
    bosun_trace *trace = &host->context.trace;
    bosun_trace_next_span(trace, id);
    bosun_trace_write(trace, id, traceparent);
}

static bosun_log_field text_field(const char *name, const char *text)
{
    return (bosun_log_field){.name = name, .text = text, .len = strlen(text)};
}

void host_trace(bosun_host *host, const host_span *span)
{
    char seconds[32];
    char id[BOSUN_SPAN_ID_SIZE];
    char traceparent[BOSUN_TRACEPARENT_SIZE];
    bosun_log_field fields[OWN_FIELDS + HOST_SPAN_DETAILS];
    size_t count = 0;
    if (!span->id)
        host_begin_span(host, id, traceparent);
    snprintf(seconds, sizeof seconds, "%.6f",
             (double)(bosun_monotonic() - span->start) / (double)BOSUN_SECOND);
    fields[count++] = (bosun_log_field){.name = "args", .text = span->args, .len = span->args_len};
    fields[count++] =
        (bosun_log_field){.name = "seconds", .text = seconds, .len = strlen(seconds), .bare = true};
    fields[count++] = (bosun_log_field){.name = "outcome", .text = span->outcome, .len = span->outcome_len};
    if (span->error)
        fields[count++] = text_field("error.type", span->error);
    for (size_t i = 0; i < span->detail_count && i < HOST_SPAN_DETAILS; i++)
        fields[count++] = span->details[i];
    fields[count++] = text_field("span_id", span->id ? span->id : id);
    host_log(host, BOSUN_LOG_TRACE, fields, count, span->op, strlen(span->op));
}
