/* Shared by the files of this room only. */
#ifndef BOSUN_CORE_FS_INTERNAL_H
#define BOSUN_CORE_FS_INTERNAL_H

#include "staged.h"

/* openat(2) with O_CLOEXEC, retried after EINTR. -1 with errno. */
int bosun_fs_openat(int dirfd, const char *name, int flags, mode_t mode);

/* close(2) and fsync(2) with an error. The descriptor is closed whatever bosun_fs_close returns. */
int bosun_fs_close(int fd, const char *path, bosun_err *err);
int bosun_fs_fsync(int fd, const char *path, bosun_err *err);

/* fsync(2) of a folder, which some file systems do not support: that is not an error. `words` as in
 * bosun_err_errno_as. */
int bosun_fs_fsync_folder(int fd, const char *words, const char *path, bosun_err *err);

/* bosun_err_errno_as for an operation on two paths: "cannot <op> <from> <link> <to>: …". */
int bosun_fs_fail_pair(bosun_err *err, int errnum, const char *op, const char *from, const char *link,
                       const char *to);

/* Opens the folder that contains `path` with `flags`, and copies the last component to `name`. Fails if that
 * is empty, "." or "..". Returns the descriptor or -1. */
int bosun_fs_open_folder(const char *path, int flags, char name[256], bosun_err *err);

/* bosun_err_errno_as for a folder that refuses a change to the target, with the reason: the file is
 * immutable, append-only or a mount point, or the folder is sticky. */
int bosun_fs_refused(const bosun_fs_target *target, int errnum, const char *op, const char *words,
                     bosun_err *err);

/* Writes to a target that could not be replaced, and remembers that. Where this is no use either, the error
 * is `why`. head: as in bosun_fs_write_options. */
int bosun_fs_write_over(bosun_fs_target *target, const bosun_err *why, const char *text, size_t len,
                        size_t head, bosun_err *err);

/* Does `name` still refer to the file that is open as `fd`? 1, 0, or -1 with errno. */
int bosun_fs_still_named(int dirfd, const char *name, int fd);

/* Takes the SHA-256 of a file while it is written. `fd` is open for reading, `path` is for messages, and
 * `size` what it will be. One of the two last functions ends it. NULL with err. */
typedef struct bosun_fs_follower bosun_fs_follower;
bosun_fs_follower *bosun_fs_follow(int fd, const char *path, off_t size, bosun_err *err);
void bosun_fs_follow_grown(bosun_fs_follower *follower, off_t written); /* so many bytes are there by now */
int bosun_fs_follow_end(bosun_fs_follower *follower, unsigned char digest[32], const bosun_wait *wait,
                        bosun_err *err);
void bosun_fs_follow_abandon(bosun_fs_follower *follower); /* may be NULL */

/* Copies the content to `out`, an empty file with the name `dst`. *copied: its size; may be NULL. `follower`
 * is told what is written, and may be NULL. */
int bosun_fs_copy_content(const bosun_fs_source *source, int out, const char *dst,
                          const bosun_fs_copy_options *options, bosun_fs_follower *follower,
                          const bosun_wait *wait, uint64_t *copied, bosun_err *err);

/* The permissions of the copy. */
mode_t bosun_fs_copy_mode(const bosun_fs_source *source, const bosun_fs_copy_options *options);

#endif
