/* The process that watches over a session on a terminal. It has no Lua: when Ctrl-C cannot stop the code of
 * the session, or the session crashes, it ends it, with what it started, and begins a new one. */
#ifndef BOSUN_CLI_REPL_WATCH_H
#define BOSUN_CLI_REPL_WATCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_KEPT_MAX ((size_t)64 * 1024)

/* Memory of both processes. */
typedef struct watch_shared {
    _Atomic int64_t busy;     /* since when a line runs, monotonic ns; 0: none does */
    _Atomic int64_t deadline; /* when the action under way has to have ended; 0: never */
    atomic_int wake;          /* an eventfd: write to it after `deadline` has changed */
    atomic_int lines;         /* how many the session has read */
    size_t kept_len;
    char kept[WATCH_KEPT_MAX]; /* commands that a new session repeats, each with a newline */
} watch_shared;

/* Runs session(data, shared) in a child, and again after each that did not end by itself; then `again` is
 * true. Returns the exit status of the last. */
int watch_sessions(int (*session)(void *data, watch_shared *shared, int again), void *data);

#endif
