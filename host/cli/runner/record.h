/* The record of an action: what a worker sends to its supervisor over a socket, once, at its end. A worker
 * can die at any point, so a record is valid only if it is complete and its checksum matches. */
#ifndef BOSUN_CLI_RUNNER_RECORD_H
#define BOSUN_CLI_RUNNER_RECORD_H

#include "bosun.h"
#include "core/base/buf.h"

/* The worker's side: sends the text of the status file. 0, or -1 with errno set. */
int record_send(int fd, bosun_outcome outcome, const char *text, size_t len);

/* The supervisor's side: receive until the end, then check. */
typedef struct record {
    bosun_buf bytes;
    bool too_long; /* longer than any record; the bytes are dropped */
} record;

/* Reads what the socket has now, without waiting. 1: more may follow · 0: end · -1: failed, errno is set. */
int record_receive(record *r, int fd);

/* True for a valid record; then *outcome and *text are its content. The record owns the text. */
bool record_check(const record *r, bosun_outcome *outcome, const char **text, size_t *len);
void record_free(record *r);

#endif
