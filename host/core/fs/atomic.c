/* Replaces a file atomically. Nothing here allocates: the runner's supervisor reports with this when
 * everything else fails.
 *
 * Temporary names are made from the target's name and a slot number. A writer creates its file with O_EXCL
 * and holds a flock on it until the rename. A temporary file that can be locked was therefore left by a
 * writer that died, and the next writer removes it. Only the process that holds the lock may unlink or
 * rename the file, and only while the file still has its name. */
#include "core/base/hash.h"
#include "fs.h"
#include "internal.h"
#include "staged.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SLOTS    4
#define ATTEMPTS 100

/* Opened for writing too, because NFS requires that for an exclusive lock. A killed writer can have left the
 * file read-only. */
static int open_leftover(int dirfd, const char *name)
{
    int fd = bosun_fs_openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 && errno == EACCES)
        fd = bosun_fs_openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    return fd;
}

/* Removes the file of a writer that died. A file that cannot be opened, locked or unlinked keeps its slot. */
static void sweep(int dirfd, const char *name)
{
    int fd = open_leftover(dirfd, name);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && bosun_fs_still_named(dirfd, name, fd) == 1)
        (void)unlinkat(dirfd, name, 0);
    bosun_fs_drop(fd);
}

/* The file is created with its final mode, which makes the kernel apply the umask and the default ACL. Then
 * it is closed to other users until it is complete. That way nothing here needs the umask, which cannot be
 * read without changing it for other threads. */
static int restrict_mode(bosun_fs_temp *temp)
{
    struct stat st;
    if (fstat(temp->fd, &st) < 0)
        return -1;
    temp->mode = st.st_mode & 07777;
    return fchmod(temp->fd, 0600) < 0 && errno != EPERM ? -1 : 0; /* EPERM: a file system without modes */
}

/* 1: created and locked · 0: another writer has the slot · -1 with errno. Between open and flock, a sweeper
 * can mistake the new file for that of a dead writer and remove it. */
static int take_slot(int dirfd, mode_t mode, bosun_fs_temp *temp)
{
    temp->fd = bosun_fs_openat(dirfd, temp->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (temp->fd < 0)
        return errno == EEXIST ? 0 : -1;
    bool swept = flock(temp->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    int named = swept ? 0 : bosun_fs_still_named(dirfd, temp->name, temp->fd);
    if (named == 1 && restrict_mode(temp) == 0)
        return 1;
    int errnum = errno;
    if (named != 0)
        (void)unlinkat(dirfd, temp->name, 0);
    bosun_fs_drop(temp->fd);
    temp->fd = -1;
    errno = errnum;
    return named == 0 ? 0 : -1;
}

static void name_slot(bosun_fs_temp *temp, uint64_t hash, int slot)
{
    snprintf(temp->name, sizeof temp->name, ".bosun-%016" PRIx64 "-%d.tmp", hash, slot);
}

/* Sweeps every slot and takes the first free one. If other writers hold them all, it takes an extra slot
 * named after this process's id, which only the next process with that id sweeps. 1: taken · 0: none · -1
 * with errno. */
static int try_slots(const bosun_fs_target *target, mode_t mode, bosun_fs_temp *temp)
{
    uint64_t hash = bosun_hash(target->name, strlen(target->name));
    bosun_fs_temp tried = {.fd = -1};
    int taken = 0;
    for (int i = 0; i <= SLOTS && taken >= 0; i++) {
        if (i == SLOTS && taken > 0)
            break;
        name_slot(&tried, hash, i < SLOTS ? i : SLOTS + (int)getpid());
        sweep(target->dirfd, tried.name);
        if (taken == 0 && (taken = take_slot(target->dirfd, mode, &tried)) == 1)
            *temp = tried;
    }
    return taken;
}

int bosun_fs_temp_create(const bosun_fs_target *target, mode_t mode, bosun_fs_temp *temp, bosun_err *err)
{
    int taken = 0;
    for (int i = 0; i < ATTEMPTS && taken == 0; i++) /* a sweeper can remove a new file by mistake */
        taken = try_slots(target, mode, temp);
    if (taken > 0)
        return 0;
    if (taken < 0)
        return bosun_fs_refused(target, errno, "create", "create a temporary file next to", err);
    return bosun_err_set(
        err, "EBUSY", "create",
        "cannot create a temporary file next to %s: too many other writers (.bosun-%016" PRIx64 "-*.tmp)",
        target->path, bosun_hash(target->name, strlen(target->name)));
}

void bosun_fs_temp_discard(const bosun_fs_target *target, bosun_fs_temp *temp)
{
    int errnum = errno;
    if (temp->fd >= 0)
        (void)unlinkat(target->dirfd, temp->name, 0); /* if it stays, the next writer sweeps it */
    bosun_fs_drop(temp->fd);
    temp->fd = -1;
    errno = errnum;
}

/* Learns what close(2) has to report (NFS, quotas) without closing the descriptor that holds the lock. */
static int close_a_duplicate(int fd, const char *path, bosun_err *err)
{
    int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (duplicate < 0)
        return bosun_err_errno(err, errno, "close", path);
    return bosun_fs_close(duplicate, path, err);
}

static int complete(bosun_fs_target *target, const bosun_fs_temp *temp, bool sync, bosun_err *err)
{
    const char *path = target->path;
    if (fchmod(temp->fd, temp->mode) < 0 && errno != EPERM)
        return bosun_err_errno(err, errno, "chmod", path);
    if (sync && bosun_fs_fsync(temp->fd, path, err) < 0)
        return -1;
    if (close_a_duplicate(temp->fd, path, err) < 0)
        return -1;
    if (renameat(target->dirfd, temp->name, target->dirfd, target->name) < 0)
        return bosun_fs_refused(target, errno, "replace", "replace", err);
    target->changed = true;
    return 0;
}

int bosun_fs_temp_commit(bosun_fs_target *target, bosun_fs_temp *temp, bool sync, bosun_err *err)
{
    if (complete(target, temp, sync, err) < 0) {
        bosun_fs_temp_discard(target, temp);
        return -1;
    }
    bosun_fs_drop(temp->fd); /* releases the lock; close_a_duplicate has caught the errors of close */
    temp->fd = -1;
    return sync ? bosun_fs_fsync_folder(target->dirfd, "fsync the folder of", target->path, err) : 0;
}

int bosun_fs_target_open(bosun_fs_target *target, const char *path, bosun_err *err)
{
    *target = (bosun_fs_target){.dirfd = -1, .path = path};
    size_t len = strlen(path);
    if (len > 0 && path[len - 1] == '/')
        return bosun_err_errno(err, EISDIR, "write", path);
    target->dirfd = bosun_fs_open_folder(path, O_RDONLY, target->name, err);
    return target->dirfd < 0 ? -1 : 0;
}

void bosun_fs_target_close(bosun_fs_target *target)
{
    bosun_fs_drop(target->dirfd);
    target->dirfd = -1;
}

static int replace(bosun_fs_target *target, const void *bytes, size_t len,
                   const bosun_fs_write_options *options, bosun_err *err)
{
    bosun_fs_temp temp = {.fd = -1};
    if (bosun_fs_temp_create(target, options->mode ? options->mode : 0666, &temp, err) < 0)
        return -1;
    if (bosun_fs_write_all(temp.fd, bytes, len, target->path, err) < 0) {
        bosun_fs_temp_discard(target, &temp);
        return -1;
    }
    return bosun_fs_temp_commit(target, &temp, !options->no_sync, err);
}

int bosun_fs_target_replace(bosun_fs_target *target, const void *bytes, size_t len,
                            const bosun_fs_write_options *options, bosun_err *err)
{
    static const bosun_fs_write_options defaults = {0};
    const bosun_fs_write_options *how = options ? options : &defaults;
    bosun_err why = {0};
    target->changed = false;
    if (!target->in_place && replace(target, bytes, len, how, &why) == 0)
        return 0;
    if (target->in_place || how->or_in_place)
        return bosun_fs_write_over(target, &why, bytes, len, how->head, err);
    if (err)
        *err = why;
    return -1;
}

int bosun_fs_write_atomic(const char *path, const void *bytes, size_t len,
                          const bosun_fs_write_options *options, bosun_err *err)
{
    bosun_fs_target target;
    if (bosun_fs_target_open(&target, path, err) < 0)
        return -1;
    int rc = bosun_fs_target_replace(&target, bytes, len, options, err);
    bosun_fs_target_close(&target);
    return rc;
}

static const char *why_not_replaceable(mode_t mode)
{
    switch (bosun_fs_type(mode)) {
    case 'f': return NULL;
    case 'l': return "a symbolic link: name the file it points to";
    case 'd': return "a folder: name a file in it";
    case 'p': return "a FIFO: name a regular file, or a path that does not exist yet";
    case 's': return "a socket: name a regular file, or a path that does not exist yet";
    default: return "a device: name a regular file, or a path that does not exist yet";
    }
}

int bosun_fs_target_check(const bosun_fs_target *target, bosun_err *err)
{
    struct stat st;
    if (fstatat(target->dirfd, target->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : bosun_err_errno(err, errno, "stat", target->path);
    const char *why = why_not_replaceable(st.st_mode);
    if (why)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "replace", "cannot replace %s: it is %s", target->path,
                             why);
    return 0;
}
