/* The file system. Every error names operation, path and errno; short reads and writes and EINTR are handled
 * here; every descriptor is close-on-exec. Paths are used as given, relative to the working directory. */
#ifndef BOSUN_CORE_FS_FS_H
#define BOSUN_CORE_FS_FS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/wait.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Appends the whole content of a file, pipe or device to `out`. A FIFO without a writer is an error. A slow
 * writer is waited for, but 5 s without data are BOSUN_ERR_TIMEOUT. More than `max` bytes:
 * BOSUN_ERR_TOO_LARGE. */
int bosun_fs_read(const char *path, size_t max, bosun_buf *out, const bosun_wait *wait, bosun_err *err);

/* SHA-256 of a file's content: 32 bytes to `digest`. */
int bosun_fs_sha256(const char *path, unsigned char digest[32], const bosun_wait *wait, bosun_err *err);

/* write(2) until everything is written. An O_NONBLOCK descriptor is waited for, but 5 s without progress are
 * BOSUN_ERR_TIMEOUT. `path` is for messages. */
int bosun_fs_write_all(int fd, const void *bytes, size_t len, const char *path, bosun_err *err);

typedef struct bosun_fs_write_options {
    mode_t mode;      /* of the complete file, before the umask is applied; 0: 0666 */
    bool no_sync;     /* survives a crash of the process, but not of the machine */
    bool or_in_place; /* for bosun_fs_target_replace: a file that cannot be replaced is written to */
    size_t head;      /* in place, so many bytes at the start are written last, once the rest is on disk */
} bosun_fs_write_options;

/* Replaces `path` atomically: temporary file in the same folder (O_EXCL, 0600 until complete), write, fsync,
 * close, rename, fsync of the folder. Readers see the old content or the new. Removes temporary files that
 * killed runs have left: their names come from the target's name, and a lock on each tells whether its
 * writer is alive. A symlink is replaced, not followed. Does not allocate. options may be NULL. */
int bosun_fs_write_atomic(const char *path, const void *bytes, size_t len,
                          const bosun_fs_write_options *options, bosun_err *err);

/* Truncates and writes the file itself. Follows symlinks, and writes to FIFOs and devices. */
int bosun_fs_write_in_place(const char *path, const void *bytes, size_t len,
                            const bosun_fs_write_options *options, bosun_err *err);

/* The file that opening `path` would create, without symbolic links, the last ones included. `resolved` has
 * PATH_MAX bytes. False: its folder is not there. Does not allocate. */
bool bosun_fs_resolve_new(const char *path, char *resolved);

int bosun_fs_append(const char *path, const void *bytes, size_t len, mode_t mode, bosun_err *err);

/* Called during long copies, at most once a second. */
typedef void bosun_fs_progress(void *data, uint64_t done, uint64_t total);

typedef struct bosun_fs_copy_options {
    mode_t mode;           /* regardless of the umask; 0: the permission bits of the source */
    bool sync;             /* fsync the copy before it is closed */
    unsigned char *sha256; /* 32 bytes for the digest of what was written; NULL: none is taken */
    bosun_fs_progress *progress;
    void *data;
} bosun_fs_copy_options;

/* Copies a regular file to a new name (dst must not exist): reflink, else copy_file_range, else read and
 * write with a small buffer. Holes stay holes. A file without a size (bosun_fs_is_sized) is read to its end.
 * The digest is that of the copy, which a thread reads while it is made. A source that changes during the
 * copy is an error, and a failed copy is removed. *copied: its size. options and copied may be NULL. */
int bosun_fs_copy(const char *src, const char *dst, const bosun_fs_copy_options *options,
                  const bosun_wait *wait, uint64_t *copied, bosun_err *err);

/* rename(2). A regular file can also move to another file system: it is copied next to `to`, renamed to it,
 * and then removed. */
int bosun_fs_move(const char *from, const char *to, const bosun_fs_copy_options *options,
                  const bosun_wait *wait, bosun_err *err);

int bosun_fs_exchange(const char *a, const char *b, bosun_err *err); /* RENAME_EXCHANGE: both must exist */
int bosun_fs_sync_dir(const char *path, bosun_err *err);             /* fsync of a folder */

/* `mode` before the umask is applied; 0: 0777. With `parents`, missing parent folders are created too
 * (0777), and an existing folder is not an error. */
int bosun_fs_mkdir(const char *path, mode_t mode, bool parents, bosun_err *err);

/* Removes a file, symlink or empty folder; with `recursive` a whole tree, never following a symlink or
 * entering another file system. A path that does not exist is not an error: *removed (may be NULL) tells
 * whether it existed. Stops at the first failure. */
int bosun_fs_remove(const char *path, bool recursive, const bosun_wait *wait, bool *removed, bosun_err *err);

/* The entries of a folder, sorted by bytes, without "." and "..". For each: a letter for its type, its name,
 * NUL. Letters: f file, d folder, l symlink, p FIFO, s socket, c and b devices, ? already gone. Appends. */
int bosun_fs_list(const char *path, bosun_buf *out, bosun_err *err);

/* The paths that match a pattern of glob(3), sorted by bytes, each followed by NUL. No match is not an
 * error. Appends. */
int bosun_fs_glob(const char *pattern, bosun_buf *out, bosun_err *err);

/* Does a file of this size, open as `fd` or (if not NULL) at `path`, have that many bytes? Not if the kernel
 * or a FUSE program makes the content while it is read: files in /proc have size 0, those in /sys 4096, and
 * only reading to the end tells how long they are. */
bool bosun_fs_is_sized(int fd, const char *path, off_t size);

/* The letter that bosun_fs_list uses for a mode. */
char bosun_fs_type(mode_t mode);

/* An exclusive lock between processes (flock on the file `path`, which is created). If the file is removed
 * during the wait, the wait continues on the new file of that name. */
typedef struct bosun_fs_lock {
    int fd;     /* -1: not held */
    char *path; /* owned */
} bosun_fs_lock;

#define BOSUN_FS_UNLOCKED ((bosun_fs_lock){.fd = -1})

/* `timeout` in nanoseconds; 0: try once; BOSUN_NO_DEADLINE: as long as `wait` allows. BOSUN_ERR_TIMEOUT:
 * another process held the lock all that time. */
int bosun_fs_lock_acquire(bosun_fs_lock *lock, const char *path, int64_t timeout, const bosun_wait *wait,
                          bosun_err *err);
/* Releases the lock; with `remove`, removes the file first. Does nothing if the lock is not held. */
int bosun_fs_lock_release(bosun_fs_lock *lock, bool remove, bosun_err *err);

#endif
