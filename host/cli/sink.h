/* Where log events go: standard error in the format that was asked for, and the trace file. */
#ifndef BOSUN_CLI_SINK_H
#define BOSUN_CLI_SINK_H

#include "core/base/log.h"

typedef struct sink {
    bosun_log_level level; /* for standard error */
    bosun_log_format format;
    int trace_fd; /* gets every event as a JSON line; -1: none */
    int patience; /* milliseconds that standard error may be stuck before an event is dropped; -1: for ever */
} sink;

/* Writes to a descriptor that may be stuck, in pieces that a pipe takes whole once it is ready at all. -1
 * with errno set; ETIMEDOUT: it was stuck for longer than `patience` milliseconds (-1: for ever). */
int sink_write(int fd, const char *text, size_t len, int patience);

/* A bosun_log_function; data is a sink. */
void sink_log(void *data, const bosun_log_event *event);

/* An event without fields, now. */
void sink_say(const sink *s, bosun_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
