/* Spans in OpenTelemetry's format for files: a line with a TracesData object for each span, in OTLP's JSON
 * encoding. https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/ */
#ifndef BOSUN_CORE_BASE_OTLP_H
#define BOSUN_CORE_BASE_OTLP_H

#include "bosun.h"
#include "buf.h"
#include "trace_context.h"

typedef enum bosun_otlp_kind { BOSUN_OTLP_INTERNAL = 1, BOSUN_OTLP_CLIENT = 3 } bosun_otlp_kind;

typedef struct bosun_otlp_span {
    const char *id;
    const char *parent; /* "": none */
    unsigned flags;     /* of W3C Trace Context, and whether the parent is in another process */
    const char *name;
    bosun_otlp_kind kind;
    int64_t start; /* nanoseconds since the epoch */
    int64_t end;
    const bosun_log_field *attributes;
    size_t attribute_count;
    const char *error; /* what failed; NULL: nothing did */
} bosun_otlp_span;

/* Of bosun_otlp_span.flags. */
#define BOSUN_OTLP_PARENT_IS_KNOWN  0x100U
#define BOSUN_OTLP_PARENT_IS_REMOTE 0x200U

/* Appends a line with the span. */
void bosun_otlp_write(bosun_buf *out, const bosun_trace *trace, const bosun_otlp_span *span);

/* The same for an event of the trace, which is a span of the action. Appends nothing for other events, and
 * for a program that has only started: its span is written when it ends. */
void bosun_otlp_write_event(bosun_buf *out, const bosun_trace *trace, const bosun_log_event *event);

#endif
