/* What a worker tells its supervisor over a pipe: in which phase it is, and at the end one record with the
 * status. A worker can die anywhere, so a record counts only when it is whole and its checksum fits. */
#ifndef BOSUN_CLI_RECORD_H
#define BOSUN_CLI_RECORD_H

#include "../core/buf.h"
#include "../core/err.h"
#include "bosun.h"

/* Worker's side. Each writes to `fd`; -1 with errno set. */
int record_send_phase(int fd, bosun_phase phase);
int record_send_status(int fd, bosun_outcome outcome, const char *yaml, size_t len);

/* Supervisor's side: feed what arrived, then look. */
typedef struct record {
    bosun_buf bytes;   /* received and not yet taken */
    bosun_phase phase; /* the last one told */
    bool complete;     /* the status is here: outcome and text_len are set */
    bool broken;       /* what arrived makes no sense; nothing more is taken */
    bosun_outcome outcome;
    size_t text_len;
} record;

/* Reads what the pipe has now, without waiting. 1: there may be more later · 0: end · -1: failed, with errno
 * set. */
int record_receive(record *r, int fd);

/* The status file's text of a complete record, text_len bytes; valid until the next record_receive. */
const char *record_text(const record *r);
void record_free(record *r);

#endif
