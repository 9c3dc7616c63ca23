/* What the fs*.c files share and nobody else needs. */
#ifndef BOSUN_CORE_FS_INTERNAL_H
#define BOSUN_CORE_FS_INTERNAL_H

#include "fs.h"
#include <sys/stat.h>

/* openat(2) with O_CLOEXEC, again after EINTR. -1 with errno. */
int bosun_fs_openat(int dirfd, const char *name, int flags, mode_t mode);

/* For the way out after a failure: errno stays as it is. */
void bosun_fs_drop(int fd);

/* close(2) and fsync(2) that report; the descriptor is gone after close, whatever it returns. */
int bosun_fs_close(int fd, const char *path, bosun_err *err);
int bosun_fs_fsync(int fd, const char *path, bosun_err *err);

/* fsync of a folder; file systems that cannot do that to folders need not be told. */
int bosun_fs_fsync_folder(int fd, const char *op, const char *path, bosun_err *err);

/* Opens the folder that `path` is in with `flags` and stores the last component in `name`. A path whose last
 * component is empty, "." or ".." fails. Returns the descriptor or -1. */
int bosun_fs_open_folder(const char *path, int flags, char name[256], bosun_err *err);

/* Does `name` still name the file that is open as `fd`? 1, 0, or -1 with errno. */
int bosun_fs_still_named(int dirfd, const char *name, int fd);

/* A temporary file beside a target, locked by this process. */
typedef struct bosun_fs_temp {
    int fd;
    char name[48];
    mode_t mode; /* what the complete file gets */
} bosun_fs_temp;

int bosun_fs_temp_create(const bosun_fs_target *target, mode_t mode, bosun_fs_temp *temp, bosun_err *err);
void bosun_fs_temp_discard(const bosun_fs_target *target, bosun_fs_temp *temp);
/* Makes it the target. The temporary file is gone afterwards, also when this fails. */
int bosun_fs_temp_commit(const bosun_fs_target *target, bosun_fs_temp *temp, bool sync, bosun_err *err);

/* A regular file to copy from, as it was when it was opened. */
typedef struct bosun_fs_source {
    int fd;
    const char *path;
    struct stat st;
} bosun_fs_source;

int bosun_fs_source_open(bosun_fs_source *source, const char *path, bosun_err *err);

/* Copies the content to the empty file `out`, whose name is `dst`. */
int bosun_fs_copy_content(const bosun_fs_source *source, int out, const char *dst,
                          const bosun_fs_copy_options *options, const bosun_wait *wait, bosun_err *err);

/* What permissions the copy gets. */
mode_t bosun_fs_copy_mode(const bosun_fs_source *source, const bosun_fs_copy_options *options);

#endif
