/* The record of an action: what a worker leaves to its supervisor, once, at its end, in a memory file that
 * both have open. The worker never waits for the supervisor, and nothing grows in the supervisor. A worker
 * can die at any point, so a record is valid only if it is complete and its checksum matches. */
#ifndef BOSUN_CLI_RUNNER_RECORD_H
#define BOSUN_CLI_RUNNER_RECORD_H

#include "bosun.h"
#include "core/base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* An empty record file, for both processes. Returns the descriptor, or -1. */
int record_create(bosun_err *err);

/* The worker's side: the text of the status file. A record written later replaces the earlier one: bytes
 * past its end do not count, and where the earlier one has memory, this one needs none. */
int record_write(int fd, bosun_outcome outcome, const char *text, size_t len, bosun_err *err);

/* The supervisor's side, once the worker has ended: the file, mapped read-only. */
typedef struct record {
    const char *bytes; /* NULL: nothing */
    size_t len;
} record;

/* 0, also for an empty file, or -1 with *err filled. */
int record_open(record *r, int fd, bosun_err *err);

/* True for a valid record; then *outcome and *text are its content. The record owns the text. */
bool record_check(const record *r, bosun_outcome *outcome, const char **text, size_t *len);
void record_close(record *r);

#endif
