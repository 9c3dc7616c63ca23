/* Log events of a session: the trace is kept, and shown when that is wanted; the others go to standard error.
 */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

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

void repl_log(void *data, const bosun_log_event *event)
{
    repl *session = data;
    if (event->level == BOSUN_LOG_TRACE)
        take_trace(session, event);
    else
        sink_log(&session->log, event);
}
