/* Other programs: started from an argument list, never through a shell, each in a session of its own, with
 * descriptors 0 to 2, default signals and an environment from an allow-list; served by one poll loop that
 * reads, writes and watches for the end at once; ended together with everything they started.
 *
 * For programs with several threads: any number of processes at once, one thread for each at a time. Signal
 * handlers and dispositions are left alone, and no child but its own is waited for. A program that ignores
 * SIGCHLD, or reaps every child with waitpid(-1), takes the exit status away: that is the error "ECHILD".
 * Nobody may change the environment (setenv) while a process is being started. */
#ifndef BOSUN_CORE_PROCESS_PROCESS_H
#define BOSUN_CORE_PROCESS_PROCESS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/wait.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct bosun_process_options {
    /* The program and its arguments, then NULL. A name without '/' is looked up in the child's PATH, whose
     * entries that are not absolute do not count; a relative path is relative to `cwd`. */
    const char *const *argv;
    /* Changes to the environment: "NAME=value" sets, "NAME" alone removes; each is followed by a NUL. */
    const char *env;
    size_t env_len;
    bool clear_env;    /* nothing is inherited; otherwise the allow-list (process_env.c) is */
    const char *cwd;   /* NULL: this process's */
    const char *input; /* what the program reads, then end of file; borrowed until the process is over */
    size_t input_len;
    bool keep_stdin; /* no `input`, and no end of file: bosun_process_write may follow */
    size_t
        max_output;  /* bytes kept of standard output, and of standard error; the rest is read and dropped */
    int64_t timeout; /* nanoseconds from the start until the program is stopped; 0: none */
} bosun_process_options;

typedef struct bosun_process_output {
    int fd;         /* -1: closed */
    bosun_buf text; /* what was read and not yet taken */
    bool truncated; /* bytes past the cap were dropped */
} bosun_process_output;

/* Start with BOSUN_NO_PROCESS. What is above the line is for callers to read. */
typedef struct bosun_process {
    char name[128]; /* of the program, for messages */
    pid_t pid;      /* 0: none */
    bool over;      /* ended and reaped, its output read, its descendants killed */
    bool timed_out; /* stopped at its timeout */
    bool lost;      /* how it ended is not known */
    int code;       /* exit status, when signal is 0 */
    int signal;     /* that killed it */
    bosun_process_output out;
    bosun_process_output err;

    /* ---- */
    int pidfd;
    int in;
    const char *input;
    size_t input_len; /* bytes still to be written */
    bool keep_stdin;
    size_t max_output;
    size_t window; /* standard output is read while fewer bytes wait; 0: read and dropped past max_output */
    size_t wanted; /* bytes of standard output that are waited for */
    int64_t deadline;
    bool exited;       /* it is a zombie, or lost */
    int64_t drain_end; /* once exited: how long those who hold its output are listened to */
    char marker[17];   /* in the environment of all its descendants */
} bosun_process;

#define BOSUN_NO_PROCESS ((bosun_process){.pidfd = -1, .in = -1, .out = {.fd = -1}, .err = {.fd = -1}})

/* Starts a program. Failures name it: "ENOENT", "EACCES", "ENOEXEC", "E2BIG", "EAGAIN", "EMFILE", …. On
 * success the process has to be closed. */
int bosun_process_start(bosun_process *p, const bosun_process_options *options, bosun_err *err);

/* Serves the process until it is over: 1, or `until` (monotonic ns) has passed: 0, or the work has to stop:
 * -1; it goes on running then. At its own timeout it is stopped as bosun_process_stop does, which counts
 * as 1. */
int bosun_process_wait(bosun_process *p, int64_t until, const bosun_wait *wait, bosun_err *err);

/* Waits for standard output: 1: p->out.text holds some · 0: there is no more · -1: the work has to stop.
 * Standard output that nobody reads makes the program wait. */
int bosun_process_read(bosun_process *p, size_t wanted, const bosun_wait *wait, bosun_err *err);

/* Writes to standard input, reading output meanwhile, so that neither side waits for the other. "EPIPE": the
 * program does not read any more. "too_large": max_output bytes of output wait to be read. */
int bosun_process_write(bosun_process *p, const void *bytes, size_t len, const bosun_wait *wait,
                        bosun_err *err);
void bosun_process_close_stdin(bosun_process *p);

/* Sends a signal to the program and everything in its process group. Ended already: "ESRCH". */
int bosun_process_signal(bosun_process *p, int number, bosun_err *err);

/* Ends it, unless it is over: SIGTERM to the group, a second (a quarter of one when the work has to stop),
 * SIGKILL to all that descends from it. */
void bosun_process_stop(bosun_process *p, const bosun_wait *wait);

/* Kills what still runs, and frees everything. p is BOSUN_NO_PROCESS afterwards; closing that does nothing.
 */
void bosun_process_close(bosun_process *p);

/* Start, then wait for the end. -1: it was not started, or the work had to stop (the program has been stopped
 * then), or its exit status is lost. To be closed either way. */
int bosun_process_run(bosun_process *p, const bosun_process_options *options, const bosun_wait *wait,
                      bosun_err *err);

/* The arguments as a shell would take them, for people. Appends. */
void bosun_process_quote(bosun_buf *out, const char *const *argv);

/* Appends the path of the program that `name` means, looked up in `path` (entries like PATH's; NULL: a
 * default). 0, or the errno value: ENOENT, EACCES (there, and not executable), ENOMEM. */
int bosun_process_find(bosun_buf *out, const char *name, const char *path);

/* "ended with exit status 3", "was killed by signal 9 (Killed)", "timed out": how it ended, appended. */
void bosun_process_describe(bosun_buf *out, const bosun_process *p);

#endif
