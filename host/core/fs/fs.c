/* Small operations on files and folders, and what the other files of this room share. */
#include "fs.h"
#include "core/base/path.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE (5 * BOSUN_SECOND) /* how long a full pipe is waited for */

int bosun_fs_fail_pair(bosun_err *err, int errnum, const char *op, const char *from, const char *link,
                       const char *to)
{
    const char *text = strerrordesc_np(errnum);
    return bosun_err_set(err, bosun_err_name(errnum), op, "cannot %s %s %s %s: %s (%s)", op, from, link, to,
                         text ? text : "unknown error", bosun_err_name(errnum));
}

int bosun_fs_openat(int dirfd, const char *name, int flags, mode_t mode)
{
    int fd;
    do
        fd = openat(dirfd, name, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

void bosun_fs_drop(int fd)
{
    int saved = errno;
    if (fd >= 0)
        (void)close(fd); /* a failure is already being reported */
    errno = saved;
}

int bosun_fs_close(int fd, const char *path, bosun_err *err)
{
    if (close(fd) == 0 || errno == EINTR) /* Linux closes the descriptor before it checks for signals */
        return 0;
    return bosun_err_errno(err, errno, "close", path);
}

int bosun_fs_fsync(int fd, const char *path, bosun_err *err)
{
    int rc;
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? bosun_err_errno(err, errno, "fsync", path) : 0;
}

int bosun_fs_fsync_folder(int fd, const char *words, const char *path, bosun_err *err)
{
    int rc;
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    if (rc == 0 || errno == EINVAL)
        return 0;
    return bosun_err_errno_as(err, errno, "fsync", words, path);
}

static bool names_a_folder(const char *name, size_t len)
{
    return len == 0 || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

int bosun_fs_open_folder(const char *path, int flags, char name[256], bosun_err *err)
{
    size_t len;
    const char *base = bosun_path_basename(path, &len);
    if (names_a_folder(base, len))
        return bosun_err_set(err, BOSUN_ERR_INVALID, "open",
                             "cannot open %s: the path does not end in a name", path);
    char folder[PATH_MAX];
    size_t folder_len = (size_t)(base - path);
    if (len > NAME_MAX || folder_len >= sizeof folder)
        return bosun_err_errno(err, ENAMETOOLONG, "open", path);
    memcpy(name, base, len);
    name[len] = '\0';
    memcpy(folder, path, folder_len);
    folder[folder_len] = '\0';
    int fd = bosun_fs_openat(AT_FDCWD, folder_len ? folder : ".", flags | O_DIRECTORY, 0);
    return fd < 0 ? bosun_err_errno_as(err, errno, "open", "open the folder of", path) : fd;
}

int bosun_fs_still_named(int dirfd, const char *name, int fd)
{
    struct stat mine;
    struct stat named;
    if (fstat(fd, &mine) < 0)
        return -1;
    if (fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    return mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

char bosun_fs_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return 'f';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFIFO: return 'p';
    case S_IFSOCK: return 's';
    case S_IFCHR: return 'c';
    case S_IFBLK: return 'b';
    default: return '?';
    }
}

static int wait_writable(int fd, const char *path, bosun_err *err)
{
    int ready = bosun_wait_fd(NULL, fd, POLLOUT, bosun_wait_after(PATIENCE), "write", err);
    if (ready == 0)
        return bosun_err_set(err, BOSUN_ERR_TIMEOUT, "write",
                             "cannot write %s: nothing has read from it for 5 s", path);
    return ready < 0 ? -1 : 0;
}

int bosun_fs_write_all(int fd, const void *bytes, size_t len, const char *path, bosun_err *err)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n >= 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            if (wait_writable(fd, path, err) < 0)
                return -1;
        } else if (errno != EINTR) {
            return bosun_err_errno(err, errno, "write", path);
        }
    }
    return 0;
}

/* O_NONBLOCK makes a FIFO without a reader fail at once, with ENXIO. */
static int write_to(const char *path, int flags, const void *bytes, size_t len,
                    const bosun_fs_write_options *options, bosun_err *err)
{
    mode_t mode = options->mode ? options->mode : 0666;
    int fd = bosun_fs_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | flags, mode);
    if (fd < 0)
        return bosun_err_errno(err, errno, "open", path);
    struct stat st;
    int rc = fstat(fd, &st) < 0 ? bosun_err_errno(err, errno, "stat", path) : 0;
    if (rc == 0)
        rc = bosun_fs_write_all(fd, bytes, len, path, err);
    if (rc == 0 && !options->no_sync && S_ISREG(st.st_mode))
        rc = bosun_fs_fsync(fd, path, err);
    if (rc == 0)
        return bosun_fs_close(fd, path, err);
    bosun_fs_drop(fd);
    return -1;
}

int bosun_fs_write_in_place(const char *path, const void *bytes, size_t len,
                            const bosun_fs_write_options *options, bosun_err *err)
{
    static const bosun_fs_write_options defaults = {0};
    return write_to(path, O_TRUNC, bytes, len, options ? options : &defaults, err);
}

int bosun_fs_append(const char *path, const void *bytes, size_t len, mode_t mode, bosun_err *err)
{
    bosun_fs_write_options options = {.mode = mode, .no_sync = true};
    return write_to(path, O_APPEND, bytes, len, &options, err);
}

int bosun_fs_sync_dir(const char *path, bosun_err *err)
{
    int fd = bosun_fs_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return bosun_err_errno(err, errno, "open", path);
    if (bosun_fs_fsync_folder(fd, "fsync", path, err) == 0)
        return bosun_fs_close(fd, path, err);
    bosun_fs_drop(fd);
    return -1;
}

/* mkdir(2), but an existing folder is not an error. */
static int ensure_folder(const char *path, mode_t mode, bosun_err *err)
{
    if (mkdir(path, mode) == 0)
        return 0;
    int errnum = errno;
    struct stat st;
    if (errnum == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return bosun_err_errno_as(err, errnum, "mkdir", "create the folder", path);
}

static int make_parents(const char *path, bosun_err *err)
{
    char folder[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof folder)
        return bosun_err_errno_as(err, ENAMETOOLONG, "mkdir", "create the folder", path);
    memcpy(folder, path, len + 1);
    char *slash = folder + strspn(folder, "/");
    while ((slash = strchr(slash, '/')) && slash[strspn(slash, "/")] != '\0') {
        *slash = '\0';
        if (ensure_folder(folder, 0777, err) < 0)
            return -1;
        *slash = '/';
        slash += strspn(slash, "/");
    }
    return 0;
}

int bosun_fs_mkdir(const char *path, mode_t mode, bool parents, bosun_err *err)
{
    if (mode == 0)
        mode = 0777;
    if (parents)
        return make_parents(path, err) < 0 ? -1 : ensure_folder(path, mode, err);
    return mkdir(path, mode) < 0 ? bosun_err_errno_as(err, errno, "mkdir", "create the folder", path) : 0;
}
