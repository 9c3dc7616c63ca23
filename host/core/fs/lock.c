/* Locks between processes. flock(2) has no time limit, so a busy lock is retried with growing pauses. The
 * kernel releases a lock when its holder dies, whatever the cause. */
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PAUSE_FIRST (BOSUN_SECOND / 1000)
#define PAUSE_MAX   (BOSUN_SECOND / 20)

enum { FAILED = -1, HELD = 0, LOCKED = 1, REMOVED = 2 };

/* LOCKED: *fd holds the lock. REMOVED: the lock is on a file that was removed in the meantime. */
static int try_once(const char *path, int *fd)
{
    *fd = bosun_fs_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (*fd < 0)
        return FAILED;
    if (flock(*fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK || errno == EINTR ? HELD : FAILED;
    int named = bosun_fs_still_named(AT_FDCWD, path, *fd);
    return named < 0 ? FAILED : named ? LOCKED : REMOVED;
}

static int attempt(const char *path, int *fd)
{
    int rc;
    do {
        rc = try_once(path, fd);
        if (rc != LOCKED) {
            bosun_fs_drop(*fd);
            *fd = -1;
        }
    } while (rc == REMOVED);
    return rc;
}

static int not_in_time(const char *path, int64_t timeout, bosun_err *err)
{
    if (timeout <= 0)
        return bosun_err_set(err, BOSUN_ERR_TIMEOUT, "lock", "cannot lock %s: another process holds the lock",
                             path);
    return bosun_err_set(err, BOSUN_ERR_TIMEOUT, "lock",
                         "cannot lock %s: another process still holds the lock after %g s", path,
                         (double)timeout / (double)BOSUN_SECOND);
}

static int wait_for_lock(const char *path, int64_t timeout, const bosun_wait *wait, int *fd, bosun_err *err)
{
    int64_t end = timeout == BOSUN_NO_DEADLINE ? BOSUN_NO_DEADLINE : bosun_wait_after(timeout);
    for (int64_t pause = PAUSE_FIRST;; pause = pause < PAUSE_MAX ? pause * 2 : pause) {
        int rc = attempt(path, fd);
        if (rc == LOCKED)
            return 0;
        if (rc == FAILED)
            return bosun_err_errno(err, errno, "lock", path);
        if (bosun_monotonic() >= end)
            return not_in_time(path, timeout, err);
        int64_t until = bosun_wait_after(pause);
        if (bosun_wait_fd(wait, -1, 0, until < end ? until : end, "lock", err) < 0)
            return bosun_err_context(err, "cannot lock %s: another process holds the lock: ", path);
    }
}

int bosun_fs_lock_acquire(bosun_fs_lock *lock, const char *path, int64_t timeout, const bosun_wait *wait,
                          bosun_err *err)
{
    *lock = BOSUN_FS_UNLOCKED;
    lock->path = strdup(path);
    if (!lock->path)
        return bosun_err_nomem(err, "lock");
    if (wait_for_lock(path, timeout, wait, &lock->fd, err) == 0)
        return 0;
    free(lock->path);
    *lock = BOSUN_FS_UNLOCKED;
    return -1;
}

int bosun_fs_lock_release(bosun_fs_lock *lock, bool remove, bosun_err *err)
{
    if (lock->fd < 0)
        return 0;
    int rc = 0;
    if (remove && unlink(lock->path) < 0 && errno != ENOENT)
        rc = bosun_err_errno(err, errno, "remove", lock->path);
    bosun_fs_drop(lock->fd); /* nothing was written to it */
    free(lock->path);
    *lock = BOSUN_FS_UNLOCKED;
    return rc;
}
