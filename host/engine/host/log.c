/* Log events for the embedder's log function: filtered by level, limited in size, redacted. */
#include "host.h"
#include <string.h>

#define MESSAGE_MAX ((size_t)64 * 1024)
#define FIELDS_MAX  64

bool host_logs(const bosun_host *host, bosun_log_level level)
{
    return host->options.log && level >= host->options.log_level;
}

/* Appends the text as valid UTF-8, redacted, and cut after MESSAGE_MAX bytes. */
static void append_clean(bosun_buf *out, const bosun_host *host, const char *text, size_t len)
{
    bosun_buf whole = {0};
    bosun_redact(&whole, &host->secrets, text, len);
    size_t shown = whole.len < MESSAGE_MAX ? whole.len : MESSAGE_MAX;
    bosun_buf_append_utf8(out, bosun_buf_text(&whole), whole.failed ? 0 : shown);
    if (shown < whole.len)
        bosun_buf_printf(out, "… (%zu bytes more)", whole.len - shown);
    if (whole.failed)
        bosun_buf_puts(out, "(out of memory: text omitted)");
    bosun_buf_free(&whole);
}

typedef struct clean_field {
    bosun_buf name;
    bosun_buf text;
} clean_field;

/* Returns the field with its name and text cleaned. They are in *storage, which the caller frees. */
static bosun_log_field clean(clean_field *storage, const bosun_host *host, const bosun_log_field *field)
{
    append_clean(&storage->name, host, field->name, strlen(field->name));
    append_clean(&storage->text, host, field->text, field->len);
    return (bosun_log_field){.name = bosun_buf_text(&storage->name),
                             .text = bosun_buf_text(&storage->text),
                             .len = storage->text.failed ? 0 : storage->text.len,
                             .bare = field->bare};
}

void host_log(bosun_host *host, bosun_log_level level, const bosun_log_field *fields, size_t count,
              const char *message, size_t len)
{
    if (!host_logs(host, level))
        return;
    if (count > FIELDS_MAX)
        count = FIELDS_MAX;
    bosun_buf text = {0};
    clean_field cleaned[FIELDS_MAX + HOST_CONTEXT_FIELDS] = {{{0}, {0}}};
    bosun_log_field shown[FIELDS_MAX + HOST_CONTEXT_FIELDS];
    append_clean(&text, host, message, len);
    if (count > 0)
        memcpy(shown, fields, count * sizeof *fields);
    count = host_context_add(&host->context, shown, count);
    for (size_t i = 0; i < count; i++)
        shown[i] = clean(&cleaned[i], host, &shown[i]);
    bosun_buf visible = {0};
    bosun_buf_append_visible(&visible, bosun_buf_text(&text), text.len);
    const bosun_log_event event = {
        .level = level,
        .time_ns = bosun_realtime(),
        .message = bosun_buf_text(&visible),
        .fields = shown,
        .field_count = count,
    };
    host_leave(host);
    host->options.log(host->options.log_data, &event);
    host_enter(host);
    for (size_t i = 0; i < count; i++) {
        bosun_buf_free(&cleaned[i].name);
        bosun_buf_free(&cleaned[i].text);
    }
    bosun_buf_free(&visible);
    bosun_buf_free(&text);
}

void host_log_traceback(bosun_host *host)
{
    if (host->traceback.len > 0)
        host_log(host, host->traceback_level, NULL, 0, bosun_buf_text(&host->traceback), host->traceback.len);
    bosun_buf_clear(&host->traceback);
}
