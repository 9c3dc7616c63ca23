/* The record of an action: what a worker tells its supervisor over a socket, once, when it is done. A worker
 * can die anywhere, so a record counts only when it is whole and its checksum fits. */
#ifndef BOSUN_CLI_RUNNER_RECORD_H
#define BOSUN_CLI_RUNNER_RECORD_H

#include "bosun.h"
#include "core/base/buf.h"

/* Worker's side: the status file's text. -1 with errno set. */
int record_send(int fd, bosun_outcome outcome, const char *text, size_t len);

/* Supervisor's side: receive what there is, until the end; then check. */
typedef struct record {
    bosun_buf bytes;
    bool too_long; /* more than a record can have came; it is not kept */
} record;

/* Reads what the socket has now, without waiting. 1: there may be more later · 0: end · -1: failed, with
 * errno set. */
int record_receive(record *r, int fd);

/* Is this one whole record? Then its outcome and text, which is borrowed from it. */
bool record_check(const record *r, bosun_outcome *outcome, const char **text, size_t *len);
void record_free(record *r);

#endif
