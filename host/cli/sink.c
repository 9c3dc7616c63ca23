/* Log events to file descriptors. A log that cannot be written must not fail the action: there is nobody left
 * to tell, so the results of these writes, and only of these, are dropped. */
#include "sink.h"
#include "../core/err.h"
#include "../core/fs.h"
#include "../core/wait.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void write_event(int fd, bosun_log_format format, const bosun_log_event *event)
{
    char small[8192];
    bosun_buf line = bosun_buf_fixed(small, sizeof small);
    bosun_log_write(&line, format, event);
    if (line.failed) {
        line = (bosun_buf){0};
        bosun_log_write(&line, format, event);
    }
    static const char lost[] = "a log event was left out: out of memory\n";
    if (line.failed)
        bosun_fs_write_all(fd, lost, sizeof lost - 1, "the log", NULL);
    else
        bosun_fs_write_all(fd, line.data, line.len, "the log", NULL);
    bosun_buf_free(&line);
}

void sink_log(void *data, const bosun_log_event *event)
{
    const sink *s = data;
    if (event->level >= s->level)
        write_event(STDERR_FILENO, s->format, event);
    if (s->trace_fd >= 0)
        write_event(s->trace_fd, BOSUN_LOG_JSON, event);
}

void sink_say(const sink *s, bosun_log_level level, const char *format, ...)
{
    char text[BOSUN_ERR_MESSAGE_MAX + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const bosun_log_event event = {.level = level, .time_ns = bosun_realtime(), .message = text};
    sink_log((void *)s, &event);
}
