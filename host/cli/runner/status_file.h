/* The status file: its location, and writing it without allocating memory. */
#ifndef BOSUN_CLI_RUNNER_STATUS_FILE_H
#define BOSUN_CLI_RUNNER_STATUS_FILE_H

#include "core/base/err.h"
#include "core/fs/staged.h"
#include <limits.h>

typedef struct status_file {
    bosun_fs_target target;  /* holds the folder open: a later chdir makes no difference */
    char resolved[PATH_MAX]; /* where a symbolic link leads; target.path may be this */
    const char *stream;      /* a FIFO or a device, which is written to; NULL: a file to replace */
} status_file;

#define STATUS_FILE_NONE ((status_file){.target = BOSUN_FS_NO_TARGET})

/* A symbolic link stands for the file it leads to. 0, or -1 with *err filled: no status can be written to
 * this path. */
int status_file_open(status_file *file, const char *path, bosun_err *err);
void status_file_close(status_file *file);

/* Replaces the file atomically; `durable`: it is the last status, which also survives a crash of the machine.
 * A file that cannot be replaced, such as a mount point, is written in place. A FIFO or a device gets the
 * last status only. */
int status_file_write(status_file *file, const char *text, size_t len, bool durable, bosun_err *err);

/* The same with the failing status of `why`. duration: nanoseconds. */
int status_file_fail(status_file *file, const bosun_err *why, int64_t duration, bool durable, bosun_err *err);

/* Removes the status of an earlier run: no status is better than the wrong one. Returns what became of it, as
 * words to follow "the action was not run". */
const char *status_file_remove(const status_file *file);

#endif
