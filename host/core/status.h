/* The outcome of an action, and its text in the status file. */
#ifndef BOSUN_CORE_STATUS_H
#define BOSUN_CORE_STATUS_H

#include "bosun.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/value.h"
#include "core/failure.h"

struct bosun_status {
    bosun_arena *arena; /* owns the strings and `data` */
    bosun_outcome outcome;
    const char *message; /* NULL: none */
    size_t message_len;
    const char *state;     /* NULL: none */
    double duration;       /* seconds */
    int64_t timestamp;     /* milliseconds since the epoch */
    bool planned;          /* it is that of a dry run, which has something to change */
    bosun_value *data;     /* NULL: none */
    bosun_failure failure; /* what `data` of a status that could not be the plugin's refers to */
    bool data_is_text;     /* every string in `data` is valid UTF-8 */
    bosun_buf yaml;        /* the text, once it was asked for */
    bosun_buf json;        /* the same */
};

/* An empty status of outcome BOSUN_UNKNOWN; NULL: out of memory. */
bosun_status *bosun_status_new(void);

/* Copies text into the status; -1: out of memory. */
int bosun_status_set_message(bosun_status *status, const char *text, size_t len);
int bosun_status_set_state(bosun_status *status, const char *text);

/* Makes the status failing, with the error's text as its message, no state, and the error in its data. Works
 * without memory, too. */
void bosun_status_fail(bosun_status *status, const bosun_err *err);

/* Appends the status file's text: the six keys, in the order of the contract. */
int bosun_status_write(bosun_buf *out, const bosun_status *status, bosun_err *err);

/* Appends the status as JSON. */
void bosun_status_write_json(bosun_buf *out, const bosun_status *status);

/* Appends the duration, for YAML and JSON. */
void bosun_status_write_duration(bosun_buf *out, double seconds);

/* The same text, piece by piece, without allocating. When the outlet fails, its owner knows why. */
int bosun_status_stream(const bosun_status *status, bosun_outlet *outlet, bosun_err *err);

/* Makes a status failing whose data cannot be written. */
void bosun_status_check(bosun_status *status);

/* Appends the text of a failing status with the error's message and the current time, without allocating: a
 * fixed buffer of BOSUN_STATUS_FAILING_MAX bytes holds it. duration: nanoseconds. */
void bosun_status_write_failing(bosun_buf *out, const bosun_err *err, int64_t duration);

/* The longest message of a bosun_err with every byte escaped, and the other keys. */
#define BOSUN_STATUS_FAILING_MAX (20 * 1024)

/* The outcome of that name into *out; -1: unknown. */
int bosun_outcome_find(const char *name, bosun_outcome *out);

#endif
