/* Runs other programs: from an argument list, never through a shell, each in its own session, with
 * descriptors 0 to 2, default signals and an environment from an allow-list. One poll loop reads, writes and
 * watches for the end. A program ends together with everything it started.
 *
 * Threads: any number of processes at once, each used by one thread at a time. Signal handlers and
 * dispositions are not touched, and only the library's own children are waited for. An embedding program
 * that ignores SIGCHLD, or reaps every child with waitpid(-1), takes the exit status away: that is the error
 * "ECHILD". The environment must not change (setenv) while a process is being started. */
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
    /* The program and its arguments, then NULL. A name without '/' is looked up in the absolute entries of
     * the child's PATH; a relative path is relative to `cwd`. */
    const char *const *argv;
    /* Changes to the environment: "NAME=value" sets, "NAME" alone removes; each is followed by a NUL. */
    const char *env;
    size_t env_len;
    bool clear_env;          /* inherit nothing; otherwise the allow-list in env.c */
    bool whole_env;          /* inherit everything */
    const char *traceparent; /* TRACEPARENT of the child, unless `env` has it; NULL: what it inherits */
    const char *cwd;         /* NULL: this process's */
    const char *input;       /* standard input, then end of file; borrowed until the process is over */
    size_t input_len;
    bool keep_stdin;   /* no `input` and no end of file: bosun_process_write may follow */
    size_t max_output; /* bytes kept of standard output, and of standard error; more is dropped */
    /* Nanoseconds from the start until the program is stopped; 0: none. It is stopped by the functions below,
     * so not before one is called; by then it may have ended by itself, which is not a timeout. */
    int64_t timeout;
} bosun_process_options;

typedef struct bosun_process_output {
    int fd;         /* -1: closed */
    bosun_buf text; /* read, but not yet taken */
    bool truncated; /* bytes over the limit were dropped */
} bosun_process_output;

/* Initialise with BOSUN_NO_PROCESS. Callers may read the fields up to `err`. */
typedef struct bosun_process {
    char name[128]; /* of the program, for messages */
    pid_t pid;      /* 0: none */
    bool over;      /* ended and reaped, its output read, its descendants killed */
    bool timed_out; /* stopped at its timeout */
    bool lost;      /* how it ended is not known */
    int code;       /* exit status, when signal is 0 */
    int signal;     /* the one that killed it; 0: none */
    bosun_process_output out;
    bosun_process_output err;

    /* Internal from here on. */
    int pidfd;
    int in;
    const char *input;
    size_t input_len; /* bytes still to be written */
    bool keep_stdin;
    size_t max_output;
    /* Standard output is read up to this many bytes; 0: without limit, dropping what exceeds max_output. */
    size_t window;
    size_t wanted; /* bytes of standard output to wait for */
    int64_t deadline;
    bool exited;       /* it is a zombie, or lost */
    int64_t drain_end; /* once exited: when to give up on output that descendants hold open */
    char marker[17];   /* in the environment of all its descendants */
} bosun_process;

#define BOSUN_NO_PROCESS ((bosun_process){.pidfd = -1, .in = -1, .out = {.fd = -1}, .err = {.fd = -1}})

/* Starts a program. Errors name it: "ENOENT", "EACCES", "ENOEXEC", "E2BIG", "EAGAIN", "EMFILE", …. On
 * success the process must be closed. */
int bosun_process_start(bosun_process *p, const bosun_process_options *options, bosun_err *err);

/* Serves the process until it is over: 1, or `until` (monotonic ns) has passed: 0. -1: the work has to
 * stop; the process keeps running. At its own timeout it is stopped as by bosun_process_stop, and the
 * result is 1. */
int bosun_process_wait(bosun_process *p, int64_t until, const bosun_wait *wait, bosun_err *err);

/* Waits for standard output. 1: p->out.text has at least `wanted` bytes · 0: the output has ended with fewer
 * · -1: the work has to stop. A program whose output is not read blocks once the pipe is full. */
int bosun_process_read(bosun_process *p, size_t wanted, const bosun_wait *wait, bosun_err *err);

/* Writes to standard input and reads output meanwhile, so neither side blocks the other. "EPIPE": the
 * program no longer reads. "too_large": max_output bytes of output have to be read first. */
int bosun_process_write(bosun_process *p, const void *bytes, size_t len, const bosun_wait *wait,
                        bosun_err *err);
void bosun_process_close_stdin(bosun_process *p);

/* Sends a signal to the program and everything in its process group. "ESRCH": it has already ended. */
int bosun_process_signal(bosun_process *p, int number, bosun_err *err);

/* Ends the process unless it is over: SIGTERM to its group, and after a second (a quarter if the work has to
 * stop) SIGKILL to all its descendants. */
void bosun_process_stop(bosun_process *p, const bosun_wait *wait);

/* Kills what is still running, and frees everything. p is BOSUN_NO_PROCESS afterwards; closing that does
 * nothing. */
void bosun_process_close(bosun_process *p);

/* Starts a program and waits for its end. -1: it was not started, or the work had to stop (which stops the
 * program), or its exit status is lost. Close it in any case. */
int bosun_process_run(bosun_process *p, const bosun_process_options *options, const bosun_wait *wait,
                      bosun_err *err);

/* Appends the arguments, quoted as for a shell, for messages. */
void bosun_process_quote(bosun_buf *out, const char *const *argv);

/* Appends the path of the program that `name` means, looked up in `path` (entries like those of PATH; NULL:
 * a default). 0, or the errno value: ENOENT, EACCES (found, but not executable), ENOMEM. */
int bosun_process_find(bosun_buf *out, const char *name, const char *path);

/* Appends how it ended: "ended with exit status 3", "was killed by signal 9 (Killed)", "timed out and was
 * stopped". */
void bosun_process_describe(bosun_buf *out, const bosun_process *p);

#endif
