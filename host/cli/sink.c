/* Writing log events to file descriptors. A log that cannot be written must not fail the action, and there is
 * nowhere to report it, so the results of these writes, and only of these, are ignored. */
#include "sink.h"
#include "color.h"
#include "core/base/err.h"
#include "core/base/otlp.h"
#include "core/base/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OWN_FIELDS 4
#define FIELDS_MAX (64 + 2 * OWN_FIELDS) /* a host's, and the sink's own */

int sink_write(int fd, const char *text, size_t len, int patience)
{
    while (len > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        int n = poll(&ready, 1, patience);
        if (n == 0)
            errno = ETIMEDOUT;
        if (n == 0 || (n < 0 && errno != EINTR))
            return -1;
        ssize_t written = n < 0 ? 0 : write(fd, text, len < PIPE_BUF ? len : PIPE_BUF);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        text += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* What is written of an event. */
typedef enum form { FORM_LOG, FORM_JSON, FORM_OTLP } form;

static void format_event(bosun_buf *line, const sink *s, form as, const bosun_log_event *event)
{
    if (as == FORM_OTLP)
        bosun_otlp_write_event(line, s->trace, event);
    else if (as == FORM_LOG && s->color && s->format == BOSUN_LOG_TEXT)
        bosun_log_write_colored(line, event);
    else
        bosun_log_write(line, as == FORM_JSON ? BOSUN_LOG_JSON : s->format, event);
}

static void write_event(const sink *s, int fd, form as, int patience, const bosun_log_event *event)
{
    char small[8192];
    bosun_buf line = bosun_buf_fixed(small, sizeof small);
    format_event(&line, s, as, event);
    if (line.failed) {
        line = (bosun_buf){0};
        format_event(&line, s, as, event);
    }
    static const char lost[] = "a log event was dropped: out of memory\n";
    if (line.failed)
        sink_write(fd, lost, sizeof lost - 1, patience);
    else
        sink_write(fd, line.data, line.len, patience);
    bosun_buf_free(&line);
}

void sink_open_log(sink *s, const char *path)
{
    s->log_fd = STDERR_FILENO;
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = path ? open(path, flags, 0600) : STDERR_FILENO;
    if (fd < 0)
        sink_printf(s, BOSUN_LOG_WARN, "cannot open the log file %s: %s; the log goes to standard error",
                    path, errno == ENXIO ? "it is a FIFO without a reader" : strerrordesc_np(errno));
    else
        s->log_fd = fd;
    s->color = color_wanted(s->log_fd);
}

int sink_open_trace(const char *path, bosun_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0 && errno == ENXIO)
        return bosun_err_set(err, "ENXIO", "open",
                             "cannot open the trace file %s: it is a FIFO without a reader", path);
    return fd < 0 ? bosun_err_errno(err, errno, "open the trace file", path) : fd;
}

static bool has_field(const bosun_log_event *event, const char *name)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (strcmp(event->fields[i].name, name) == 0)
            return true;
    return false;
}

/* Adds the sink's own fields to a copy of the event's. Returns how many there are. */
static size_t complete_fields(const sink *s, const bosun_log_event *event, bosun_log_field *fields,
                              size_t most)
{
    const bosun_log_field own[OWN_FIELDS] = {{.name = "action", .text = s->action},
                                             {.name = "deployment", .text = s->deployment},
                                             {.name = "run", .text = s->run},
                                             {.name = "trace_id", .text = s->trace_id}};
    size_t count = event->field_count < most - OWN_FIELDS ? event->field_count : most - OWN_FIELDS;
    if (count > 0)
        memcpy(fields, event->fields, count * sizeof *fields);
    for (size_t i = 0; i < OWN_FIELDS; i++) {
        if (!own[i].text || has_field(event, own[i].name))
            continue;
        fields[count] = own[i];
        fields[count++].len = strlen(own[i].text);
    }
    return count;
}

void sink_log(void *data, const bosun_log_event *event)
{
    const sink *s = data;
    bosun_log_field fields[FIELDS_MAX];
    bosun_log_event whole = *event;
    whole.field_count = complete_fields(s, event, fields, FIELDS_MAX);
    whole.fields = fields;
    if (event->level >= s->level)
        write_event(s, s->log_fd, FORM_LOG, s->patience, &whole);
    if (s->trace_fd >= 0)
        write_event(s, s->trace_fd, s->trace ? FORM_OTLP : FORM_JSON, -1, &whole);
    if (s->copy_fd && lseek(*s->copy_fd, 0, SEEK_CUR) < SINK_COPY_MAX)
        write_event(s, *s->copy_fd, FORM_JSON, -1, &whole);
}

void sink_printf(const sink *s, bosun_log_level level, const char *format, ...)
{
    char text[BOSUN_ERR_MESSAGE_MAX + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const bosun_log_event event = {.level = level, .time_ns = bosun_realtime(), .message = text};
    sink_log((void *)s, &event);
}
