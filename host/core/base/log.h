/* Log events as text. Writing them somewhere is the caller's. */
#ifndef BOSUN_CORE_BASE_LOG_H
#define BOSUN_CORE_BASE_LOG_H

#include "bosun.h"
#include "buf.h"

typedef enum bosun_log_format { BOSUN_LOG_TEXT, BOSUN_LOG_JSON, BOSUN_LOG_LOGFMT } bosun_log_format;

/* Appends one event with a newline at its end.
 *   text    2026-11-23T08:00:00.123Z INFO  message name=value
 *   json    {"time":"…","level":"info","message":"…","name":"value"}   (one line)
 *   logfmt  time=… level=info msg="…" name=value                       (one line) */
void bosun_log_write(bosun_buf *out, bosun_log_format format, const bosun_log_event *event);

/* Appends one event as BOSUN_LOG_TEXT, with its time, level and fields in the colours of a terminal. */
void bosun_log_write_colored(bosun_buf *out, const bosun_log_event *event);

/* Appends text as a JSON string, quotes included; what is not UTF-8 becomes U+FFFD. */
void bosun_log_quote(bosun_buf *out, const char *text, size_t len);

/* The level or format of that name into *out; -1: unknown. */
int bosun_log_level_find(const char *name, bosun_log_level *out);
int bosun_log_format_find(const char *name, bosun_log_format *out);

extern const char *const bosun_log_level_names[5];
extern const char *const bosun_log_format_names[3];

#endif
