/* Events on their way from the engine to the embedder's log function: filtered by level, bounded, without
 * secrets. */
#include "host.h"
#include <string.h>

#define MESSAGE_MAX ((size_t)64 * 1024)
#define FIELDS_MAX  64

bool host_logs(const bosun_host *host, bosun_log_level level)
{
    return host->options.log && level >= host->options.log_level;
}

/* The text as it may be seen: UTF-8, at most MESSAGE_MAX bytes of it, secrets replaced. */
static void clean(bosun_buf *out, const bosun_host *host, const char *text, size_t len)
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

void host_log(bosun_host *host, bosun_log_level level, const bosun_log_field *fields, size_t count,
              const char *message, size_t len)
{
    if (!host_logs(host, level))
        return;
    if (count > FIELDS_MAX)
        count = FIELDS_MAX;
    bosun_buf text = {0};
    bosun_buf texts[FIELDS_MAX] = {{0}};
    bosun_buf names[FIELDS_MAX] = {{0}};
    bosun_log_field shown[FIELDS_MAX];
    clean(&text, host, message, len);
    for (size_t i = 0; i < count; i++) {
        clean(&names[i], host, fields[i].name, strlen(fields[i].name));
        clean(&texts[i], host, fields[i].text, fields[i].len);
        shown[i] = (bosun_log_field){.name = bosun_buf_text(&names[i]),
                                     .text = bosun_buf_text(&texts[i]),
                                     .len = texts[i].failed ? 0 : texts[i].len,
                                     .bare = fields[i].bare};
    }
    const bosun_log_event event = {
        .level = level,
        .time_ns = bosun_realtime(),
        .message = bosun_buf_text(&text),
        .fields = shown,
        .field_count = count,
    };
    host->options.log(host->options.log_data, &event);
    for (size_t i = 0; i < count; i++) {
        bosun_buf_free(&names[i]);
        bosun_buf_free(&texts[i]);
    }
    bosun_buf_free(&text);
}
