/* Trace contexts as in W3C Trace Context (https://www.w3.org/TR/trace-context/): they tie what programs of
 * several makers do for one purpose. A trace has an id; what happens in it are spans, each with an id and a
 * parent. A `traceparent`, "00-<trace id>-<span id>-<flags>", names a trace and a span of it. */
#ifndef BOSUN_CORE_BASE_TRACE_CONTEXT_H
#define BOSUN_CORE_BASE_TRACE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#define BOSUN_TRACE_VARIABLE "TRACEPARENT" /* of the environment, by OpenTelemetry's convention */

enum {
    BOSUN_TRACE_ID_SIZE = 33, /* of hexadecimal texts, with their NUL bytes */
    BOSUN_SPAN_ID_SIZE = 17,
    BOSUN_TRACEPARENT_SIZE = 56,
    BOSUN_TRACE_RANDOM = 24 /* random bytes that a context needs */
};

/* The span of an action. */
typedef struct bosun_trace {
    char id[BOSUN_TRACE_ID_SIZE];
    char span[BOSUN_SPAN_ID_SIZE];
    char parent[BOSUN_SPAN_ID_SIZE]; /* "": none, the trace begins here */
    unsigned flags;
    uint64_t calls; /* spans within it, so far */
} bosun_trace;

/* Makes a span of the trace that `parent`, a traceparent, names. One that is not valid counts as none, as the
 * standard wants it: then, and with NULL, a new trace begins. */
void bosun_trace_begin(bosun_trace *trace, const char *parent,
                       const unsigned char random[BOSUN_TRACE_RANDOM]);

/* Makes the id of another span within that of the action. */
void bosun_trace_next_span(bosun_trace *trace, char span[BOSUN_SPAN_ID_SIZE]);

/* Writes the traceparent of a span in the trace. */
void bosun_trace_write(const bosun_trace *trace, const char *span, char out[BOSUN_TRACEPARENT_SIZE]);

#endif
