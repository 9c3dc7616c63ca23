/* Where log events go: standard error or the file of --logfile, in the format of --log-format, and the trace
 * file. */
#ifndef BOSUN_CLI_SINK_H
#define BOSUN_CLI_SINK_H

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/trace_context.h"

#define SINK_COPY_MAX ((long)16 * 1024 * 1024)

typedef struct sink {
    bosun_log_level level; /* for the log; the trace gets all */
    bosun_log_format format;
    int log_fd;
    bool color;   /* for the log in the format text */
    int trace_fd; /* gets every event as a JSON line; -1: no trace */
    const bosun_trace
        *trace;         /* then it gets the calls of this action in OpenTelemetry's format; NULL: events */
    const int *copy_fd; /* gets every event, too, as a JSON line, up to SINK_COPY_MAX bytes; NULL: none */
    int patience;       /* milliseconds to wait for a blocked log before dropping an event; -1: forever
                         */

    /* Fields of all events that lack one of the name; NULL: none. */
    const char *action;
    const char *deployment;
    const char *run;
    const char *trace_id;
} sink;

/* Writes to a descriptor that may block, in pieces small enough for a pipe that is ready to take them whole.
 * 0, or -1 with errno set; ETIMEDOUT: it was blocked for longer than `patience` milliseconds (-1: wait
 * forever). */
int sink_write(int fd, const char *text, size_t len, int patience);

/* Opens a file for the log: appended to, and made with mode 0600. NULL is standard error, and so is a file
 * that cannot be opened, after a warning: a log must not fail the action. */
void sink_open_log(sink *s, const char *path);

/* Opens a file for the trace: appended to, and made with mode 0600. Returns the descriptor, or -1 with *err
 * filled. */
int sink_open_trace(const char *path, bosun_err *err);

/* A bosun_log_function; `data` is a sink. */
void sink_log(void *data, const bosun_log_event *event);

/* Logs a formatted message without fields. */
void sink_printf(const sink *s, bosun_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
