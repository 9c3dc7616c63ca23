/* Files in steps: a target to replace, the temporary file that becomes it, and a file to copy from. For
 * callers that move the bytes themselves; others use bosun_fs_write_atomic and bosun_fs_copy. */
#ifndef BOSUN_CORE_FS_STAGED_H
#define BOSUN_CORE_FS_STAGED_H

#include "fs.h"
#include <sys/stat.h>

/* bosun_fs_write_atomic in steps, for a target that is written more than once. The folder stays open, so a
 * relative path stays valid when the working directory changes. Does not allocate. */
typedef struct bosun_fs_target {
    int dirfd;        /* -1: not open */
    const char *path; /* for messages; borrowed */
    char name[256];   /* in that folder */
    bool in_place;    /* it cannot be replaced, but written to */
    bool changed;     /* the last attempt to replace it changed what is there, even if it failed */
} bosun_fs_target;

#define BOSUN_FS_NO_TARGET ((bosun_fs_target){.dirfd = -1})

int bosun_fs_target_open(bosun_fs_target *target, const char *path, bosun_err *err);

/* Some files cannot be replaced, but written to: mount points, files in a folder where this user may not
 * rename. With or_in_place they are written over and synced; a reader can then see the new text before the
 * rest of the old one, and a failed write leaves the file empty. A file with several names is left alone. */
int bosun_fs_target_replace(bosun_fs_target *target, const void *bytes, size_t len,
                            const bosun_fs_write_options *options, bosun_err *err);
void bosun_fs_target_close(bosun_fs_target *target);

/* Fails if the target exists and is not a regular file (symlink, folder, FIFO, device). The message has a
 * hint. */
int bosun_fs_target_check(const bosun_fs_target *target, bosun_err *err);

/* A temporary file next to its target, locked by this process. */
typedef struct bosun_fs_temp {
    int fd;
    char name[48];
    mode_t mode; /* of the complete file */
} bosun_fs_temp;

int bosun_fs_temp_create(const bosun_fs_target *target, mode_t mode, bosun_fs_temp *temp, bosun_err *err);
void bosun_fs_temp_discard(const bosun_fs_target *target, bosun_fs_temp *temp);
/* Replaces the target with it. The temporary file is gone afterwards, even after a failure. */
int bosun_fs_temp_commit(bosun_fs_target *target, bosun_fs_temp *temp, bool sync, bosun_err *err);

/* A regular file to copy from, and its state when it was opened. */
typedef struct bosun_fs_source {
    int fd;
    const char *path;
    struct stat st;
    bool sized; /* as bosun_fs_is_sized says */
} bosun_fs_source;

int bosun_fs_source_open(bosun_fs_source *source, const char *path, bosun_err *err);

/* Has the file been written to since it was opened? Of one that is not sized, only its size is compared. */
bool bosun_fs_source_changed(const bosun_fs_source *source);

/* close(2) for cleaning up after a failure: keeps errno. -1 does nothing. */
void bosun_fs_drop(int fd);

#endif
