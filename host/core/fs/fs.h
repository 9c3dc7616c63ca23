/* The file system. Every failure names operation, path and errno; short reads and writes and EINTR are
 * handled here; every descriptor is close-on-exec. Paths are used as they are given, relative to the working
 * directory. */
#ifndef BOSUN_CORE_FS_FS_H
#define BOSUN_CORE_FS_FS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/wait.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whole content into `out` (appended). Files, pipes and devices; a pipe or FIFO without a writer is an error,
 * one whose writer is slow is waited for (5 s without data are a timeout). More than `max` bytes:
 * BOSUN_ERR_TOO_LARGE. */
int bosun_fs_read(const char *path, size_t max, bosun_buf *out, const bosun_wait *wait, bosun_err *err);

/* SHA-256 of a file's content: 32 bytes to `digest`. */
int bosun_fs_sha256(const char *path, unsigned char digest[32], const bosun_wait *wait, bosun_err *err);

/* write(2) until all is written. A descriptor that is O_NONBLOCK is waited for, 5 s at most for any byte.
 * `path` is for the message. */
int bosun_fs_write_all(int fd, const void *bytes, size_t len, const char *path, bosun_err *err);

typedef struct bosun_fs_write_options {
    mode_t mode;      /* of the complete file, before the umask is applied; 0: 0666 */
    bool no_sync;     /* atomic against a crash of the process only */
    bool or_in_place; /* for bosun_fs_target_replace: a file that cannot be replaced is written to */
} bosun_fs_write_options;

/* Replaces `path` atomically: temporary file in the same folder (O_EXCL, 0600 until complete), write, fsync,
 * close, rename, fsync of the folder. Readers see the old content or the new. Temporary files of runs that
 * were killed are swept: their names come from the target's name, and a lock on each tells whether its writer
 * lives. A symlink is replaced, not followed. Does not allocate. options may be NULL. */
int bosun_fs_write_atomic(const char *path, const void *bytes, size_t len,
                          const bosun_fs_write_options *options, bosun_err *err);

/* Writes to the file itself: truncated first, symlinks followed, FIFOs and devices as they are. */
int bosun_fs_write_in_place(const char *path, const void *bytes, size_t len,
                            const bosun_fs_write_options *options, bosun_err *err);

int bosun_fs_append(const char *path, const void *bytes, size_t len, mode_t mode, bosun_err *err);

/* Called now and then during long copies, at most once a second. */
typedef void bosun_fs_progress(void *data, uint64_t done, uint64_t total);

typedef struct bosun_fs_copy_options {
    mode_t mode; /* whatever the umask; 0: the source's permission bits */
    bool sync;   /* fsync the copy before it is closed */
    bosun_fs_progress *progress;
    void *data;
} bosun_fs_copy_options;

/* Copies a regular file to a new name (dst must not exist): reflink, else copy_file_range, else read and
 * write with a small buffer; holes stay holes. A source that changes meanwhile is an error. A failed copy is
 * removed. *copied: its size. options and copied may be NULL. */
int bosun_fs_copy(const char *src, const char *dst, const bosun_fs_copy_options *options,
                  const bosun_wait *wait, uint64_t *copied, bosun_err *err);

/* rename(2); a regular file also across file systems: copied beside `to`, renamed there, then removed here.
 */
int bosun_fs_move(const char *from, const char *to, const bosun_fs_copy_options *options,
                  const bosun_wait *wait, bosun_err *err);

int bosun_fs_exchange(const char *a, const char *b, bosun_err *err); /* RENAME_EXCHANGE: both must exist */
int bosun_fs_sync_dir(const char *path, bosun_err *err);             /* fsync of a folder */

/* `mode` before the umask; 0: 0777. With `parents`, missing folders above are made too (0777), and a folder
 * that is there already is no error. */
int bosun_fs_mkdir(const char *path, mode_t mode, bool parents, bosun_err *err);

/* Removes a file, symlink or empty folder; with `recursive` a whole tree, never following a symlink nor
 * entering another file system. A path that does not exist is not an error: *removed (may be NULL) says
 * whether there was anything. Stops at the first failure. */
int bosun_fs_remove(const char *path, bool recursive, const bosun_wait *wait, bool *removed, bosun_err *err);

/* The entries of a folder, sorted by bytes, without "." and "..". For each: a letter for its type, its name,
 * NUL. Letters: f file, d folder, l symlink, p FIFO, s socket, c and b devices, ? when it is gone already.
 * Appends. */
int bosun_fs_list(const char *path, bosun_buf *out, bosun_err *err);

/* The paths that match a pattern of glob(3), sorted by bytes, each followed by NUL. Appends; none is no
 * error. */
int bosun_fs_glob(const char *pattern, bosun_buf *out, bosun_err *err);

/* The letter of bosun_fs_list for a mode. */
char bosun_fs_type(mode_t mode);

/* An exclusive lock between processes (flock on the file `path`, which is created). The lock is on the file
 * that has the name: when it was removed while waiting, the wait starts again on the new one. */
typedef struct bosun_fs_lock {
    int fd;     /* -1: not held */
    char *path; /* owned */
} bosun_fs_lock;

#define BOSUN_FS_UNLOCKED ((bosun_fs_lock){.fd = -1})

/* `timeout` in nanoseconds; 0: try once; BOSUN_NO_DEADLINE: as long as `wait` allows. Not got in time:
 * BOSUN_ERR_TIMEOUT. */
int bosun_fs_lock_acquire(bosun_fs_lock *lock, const char *path, int64_t timeout, const bosun_wait *wait,
                          bosun_err *err);
/* Releases, and with `remove` removes the file first. A lock that is not held is left alone. */
int bosun_fs_lock_release(bosun_fs_lock *lock, bool remove, bosun_err *err);

#endif
