/* Log events of a session: the trace is kept, and shown when that is wanted; the others go to standard error.
 */
#include "cli/color.h"
#include "internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 80

static const char *field(const bosun_log_event *event, const char *name)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (strcmp(event->fields[i].name, name) == 0)
            return event->fields[i].text;
    return "";
}

static void take_trace(repl *session, const bosun_log_event *event)
{
    bosun_buf text = {0};
    bosun_buf_printf(&text, "trace: %s(%s) %s s: %s", event->message, field(event, "args"),
                     field(event, "seconds"), field(event, "outcome"));
    if (session->tracing && !text.failed)
        repl_printf(session, "%s\n", text.data);
    char **slot = &session->traced[session->traced_count % REPL_TRACED];
    free(*slot);
    *slot = text.failed ? NULL : text.data;
    session->traced_count += *slot != NULL;
}

/* What the session knows already. */
static bool is_known(const bosun_log_field *log_field)
{
    static const char *const names[] = {"action", "plugin", "run", "trace_id", "span_id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(log_field->name, names[i]) == 0)
            return true;
    return false;
}

/* One line on standard error, without the time. */
static void show_event(const bosun_log_event *event, bool color)
{
    static const char *const colors[] = {
        [BOSUN_LOG_INFO] = "\033[36m", [BOSUN_LOG_WARN] = "\033[33m", [BOSUN_LOG_ERROR] = "\033[31m"};
    bosun_log_field fields[FIELDS_MAX];
    bosun_log_event shown = *event;
    shown.fields = fields;
    shown.field_count = 0;
    for (size_t i = 0; i < event->field_count && shown.field_count < FIELDS_MAX; i++)
        if (!is_known(&event->fields[i]))
            fields[shown.field_count++] = event->fields[i];
    bosun_buf text = {0};
    bosun_log_write(&text, BOSUN_LOG_TEXT, &shown);
    const char *line = strchr(bosun_buf_text(&text), ' ');
    if (line)
        fprintf(stderr, "%s%s%s", color ? colors[event->level] : "", line + 1, color ? COLOR_END : "");
    bosun_buf_free(&text);
}

void repl_log(void *data, const bosun_log_event *event)
{
    repl *session = data;
    if (session->silent)
        return;
    if (event->level == BOSUN_LOG_TRACE)
        take_trace(session, event);
    else if (event->level >= BOSUN_LOG_INFO)
        show_event(event, session->log_color);
}
