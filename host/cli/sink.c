/* Writing log events to file descriptors. A log that cannot be written must not fail the action, and there is
 * nowhere to report it, so the results of these writes, and only of these, are ignored. */
#include "sink.h"
#include "core/base/err.h"
#include "core/base/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void write_event(int fd, bosun_log_format format, int patience, const bosun_log_event *event)
{
    char small[8192];
    bosun_buf line = bosun_buf_fixed(small, sizeof small);
    bosun_log_write(&line, format, event);
    if (line.failed) {
        line = (bosun_buf){0};
        bosun_log_write(&line, format, event);
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
}

void sink_log(void *data, const bosun_log_event *event)
{
    const sink *s = data;
    if (event->level >= s->level)
        write_event(s->log_fd, s->format, s->patience, event);
    if (s->trace_fd >= 0)
        write_event(s->trace_fd, BOSUN_LOG_JSON, -1, event);
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
