/* The status file: where it is, and writing it, with nothing that needs memory. */
#ifndef BOSUN_CLI_RUNNER_STATUS_FILE_H
#define BOSUN_CLI_RUNNER_STATUS_FILE_H

#include "core/base/err.h"
#include "core/fs/staged.h"

typedef struct status_file {
    bosun_fs_target target; /* its folder stays open: a later chdir changes nothing */
} status_file;

#define STATUS_FILE_NONE ((status_file){.target = BOSUN_FS_NO_TARGET})

/* -1: the path is none that a status can be put at. */
int status_file_open(status_file *file, const char *path, bosun_err *err);
void status_file_close(status_file *file);

/* Replaces the file, atomically; `durable` also against a crash of the machine. */
int status_file_write(const status_file *file, const char *text, size_t len, bool durable, bosun_err *err);

/* The same with a failing status of this message. duration: nanoseconds. */
int status_file_fail(const status_file *file, const char *message, int64_t duration, bool durable,
                     bosun_err *err);

/* Takes away what an earlier run left. No status is better than one that is not this run's. */
void status_file_remove(const status_file *file);

#endif
