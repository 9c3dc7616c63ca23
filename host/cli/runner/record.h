/* What worker and keeper leave to the supervisor, in a memory file that all have open: a few words that
 * they share while they run, and the record of the action, which the worker writes once, at its end. No
 * process waits for another, and nothing grows in the supervisor. A worker can die at any point, so a record
 * is valid only if it is complete and its checksum matches. */
#ifndef BOSUN_CLI_RUNNER_RECORD_H
#define BOSUN_CLI_RUNNER_RECORD_H

#include "bosun.h"
#include "core/base/err.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The worker has a keeper once the action has started a process. */
typedef enum keeper_state {
    KEEPER_NONE,
    KEEPER_PREVENTED, /* the supervisor kills the worker, which has none */
    KEEPER_RUNS,
    KEEPER_ENDED, /* after the worker, and record_end is complete */
} keeper_state;

/* How things ended, from the keeper. */
typedef struct record_end {
    int wait_status; /* of the worker, as waitpid says it */
    int killed;      /* how many processes the action left behind; -1: some do not end */
    int kill_errno;  /* why */
} record_end;

typedef struct record_shared {
    char deployment[256];    /* the id of the action's; "": none, or not known yet */
    char message[256];       /* the beginning of the status's; "": none, or not known yet */
    atomic_int phase;        /* the bosun_phase that the worker is in */
    atomic_int keeper;       /* a keeper_state */
    atomic_bool kill_worker; /* what the supervisor wants of the keeper */

    /* A debugger has stopped the action, and the deadline stands still: since when, monotonic ns (0: it goes
     * on), and for how long before. */
    _Atomic int64_t stopped_since;
    _Atomic int64_t stood;
    atomic_bool at_prompt; /* a prompt reads lines: SIGINT is for it */
    record_end end;
} record_shared;

typedef struct record {
    int fd;                /* -1: none */
    record_shared *shared; /* NULL: none */
    const char *bytes;     /* the record, once it is open; NULL: none */
    size_t len;
} record;

#define RECORD_NONE ((record){.fd = -1})

/* How long the deadline has stood still until now, in ns. */
int64_t record_stood(record_shared *shared);

/* Makes the file, for this process and those that it forks. 0, or -1 with *err filled. */
int record_create(record *r, bosun_err *err);

/* The worker's side: the text of the status file, in pieces. It counts from record_finish on. A text that is
 * begun later replaces the earlier one, and where that has memory, it needs none. */
typedef struct record_text {
    const record *record;
    size_t len;
    uint64_t checksum;
    int error; /* the errno value of the first failure; 0: none */
} record_text;

record_text record_begin(const record *r);

/* Keeps the beginning of the status's message. */
void record_message(const record *r, const char *message);

/* 0, or -1: record_finish says why. text: a record_text; a bosun_outlet calls this. */
int record_append(void *text, const char *bytes, size_t len);
int record_finish(record_text *text, bosun_outcome outcome, bool planned, bosun_err *err);

/* The supervisor's side, once the worker has ended. 0, also without a record, or -1 with *err filled. */
int record_open(record *r, bosun_err *err);

typedef struct record_content {
    bosun_outcome outcome;
    bool planned;     /* a dry run has something to change */
    const char *text; /* of the status file; the record owns it */
    size_t len;
} record_content;

/* True for a valid record; then *content is what it has. */
bool record_check(const record *r, record_content *content);
void record_close(record *r);

#endif
