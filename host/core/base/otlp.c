/* Spans as JSON: integers of 64 bits are texts, enumerations are numbers, ids are hexadecimal, and names are
 * those of the messages in opentelemetry/proto/trace/v1/trace.proto, in camel case. Names of attributes are
 * those of OpenTelemetry's semantic conventions, and "bosun.…" where they have none. */
#include "otlp.h"
#include "log.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_ERROR   2
#define ATTRIBUTES_MAX 80

static void write_text(bosun_buf *out, const char *text)
{
    bosun_log_quote(out, text, strlen(text));
}

/* A number or a boolean is marked as bare, and has a NUL byte behind it as every text. */
static void write_value(bosun_buf *out, const bosun_log_field *field)
{
    bool is_integer = field->len > 0 && strspn(field->text, "-0123456789") == field->len;
    if (field->bare && (strcmp(field->text, "true") == 0 || strcmp(field->text, "false") == 0))
        bosun_buf_printf(out, "{\"boolValue\":%s}", field->text);
    else if (field->bare && is_integer)
        bosun_buf_printf(out, "{\"intValue\":\"%s\"}", field->text);
    else {
        bosun_buf_puts(out, "{\"stringValue\":");
        bosun_log_quote(out, field->text, field->len);
        bosun_buf_putc(out, '}');
    }
}

static void write_attributes(bosun_buf *out, const bosun_log_field *fields, size_t count)
{
    bosun_buf_puts(out, "\"attributes\":[");
    for (size_t i = 0; i < count; i++) {
        bosun_buf_puts(out, i > 0 ? ",{\"key\":" : "{\"key\":");
        write_text(out, fields[i].name);
        bosun_buf_puts(out, ",\"value\":");
        write_value(out, &fields[i]);
        bosun_buf_putc(out, '}');
    }
    bosun_buf_putc(out, ']');
}

static void write_resource(bosun_buf *out)
{
    static const bosun_log_field of_program[] = {
        {.name = "service.name", .text = "bosun", .len = 5},
        {.name = "service.version", .text = BOSUN_VERSION, .len = sizeof BOSUN_VERSION - 1},
    };
    bosun_buf_puts(out, "{\"resourceSpans\":[{\"resource\":{");
    write_attributes(out, of_program, 2);
    bosun_buf_puts(out, "},\"scopeSpans\":[{\"scope\":{\"name\":\"bosun\",\"version\":\"" BOSUN_VERSION
                        "\"},\"spans\":[");
}

void bosun_otlp_write(bosun_buf *out, const bosun_trace *trace, const bosun_otlp_span *span)
{
    write_resource(out);
    bosun_buf_printf(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\"", trace->id, span->id);
    if (*span->parent)
        bosun_buf_printf(out, ",\"parentSpanId\":\"%s\"", span->parent);
    bosun_buf_printf(out, ",\"flags\":%u,\"name\":", trace->flags | span->flags);
    write_text(out, span->name);
    bosun_buf_printf(
        out, ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64 "\",\"endTimeUnixNano\":\"%" PRId64 "\",",
        (int)span->kind, span->start, span->end);
    write_attributes(out, span->attributes, span->attribute_count);
    bosun_buf_puts(out, ",\"status\":{");
    if (span->error) {
        bosun_buf_printf(out, "\"code\":%d,\"message\":", STATUS_ERROR);
        write_text(out, span->error);
    }
    bosun_buf_puts(out, "}}]}]}]}\n");
}

static const bosun_log_field *find(const bosun_log_event *event, const char *name)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (strcmp(event->fields[i].name, name) == 0)
            return &event->fields[i];
    return NULL;
}

/* The name of an event's field as an attribute; NULL: it is none, because the span says it elsewhere. `op`
 * has the arguments of requests in other fields. */
static const char *attribute_name(const char *op, const char *field)
{
    static const struct {
        const char *field;
        const char *attribute;
    } names[] = {{"seconds", NULL},          {"span_id", NULL},
                 {"trace_id", NULL},         {"outcome", "bosun.outcome"},
                 {"action", "bosun.action"}, {"deployment", "bosun.deployment.id"},
                 {"run", "bosun.run"},       {"args", "bosun.arguments"}};
    if (strcmp(field, "args") == 0 && strncmp(op, "http.", 5) == 0)
        return NULL;
    if (strcmp(field, "args") == 0 && strncmp(op, "process.", 8) == 0)
        return "process.command_line";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].field, field) == 0)
            return names[i].attribute;
    return field;
}

static size_t make_attributes(bosun_log_field *attributes, const bosun_log_event *event)
{
    size_t count = 0;
    for (size_t i = 0; i < event->field_count && count < ATTRIBUTES_MAX; i++) {
        const char *name = attribute_name(event->message, event->fields[i].name);
        if (!name)
            continue;
        attributes[count] = event->fields[i];
        attributes[count++].name = name;
    }
    return count;
}

/* A request is named by its method, a program by its name, anything else by what is done. */
static const char *span_name(const bosun_log_event *event)
{
    const bosun_log_field *method = find(event, "http.request.method");
    const bosun_log_field *program = find(event, "process.executable.name");
    return method ? method->text : program ? program->text : event->message;
}

void bosun_otlp_write_event(bosun_buf *out, const bosun_trace *trace, const bosun_log_event *event)
{
    const bosun_log_field *id = find(event, "span_id");
    const bosun_log_field *seconds = find(event, "seconds");
    const bosun_log_field *outcome = find(event, "outcome");
    bool failed = find(event, "error.type") != NULL;
    if (event->level != BOSUN_LOG_TRACE || !id || !seconds || !outcome ||
        (strcmp(event->message, "process.spawn") == 0 && !failed))
        return;
    bosun_log_field attributes[ATTRIBUTES_MAX];
    bool inside = strncmp(event->message, "http.", 5) != 0 && strncmp(event->message, "process.", 8) != 0;
    const bosun_otlp_span span = {
        .id = id->text,
        .parent = trace->span,
        .flags = BOSUN_OTLP_PARENT_IS_KNOWN,
        .name = span_name(event),
        .kind = inside ? BOSUN_OTLP_INTERNAL : BOSUN_OTLP_CLIENT,
        .start = event->time_ns - (int64_t)(strtod(seconds->text, NULL) * 1e9),
        .end = event->time_ns,
        .attributes = attributes,
        .attribute_count = make_attributes(attributes, event),
        .error = failed ? outcome->text : NULL,
    };
    bosun_otlp_write(out, trace, &span);
}
