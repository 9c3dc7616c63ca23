/* Copies files of many GB: by the kernel where possible, otherwise with little memory. */
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CHUNK  ((size_t)16 * 1024 * 1024) /* copied between two checks of the deadline */
#define BUFFER ((size_t)128 * 1024)

typedef struct copy {
    const bosun_fs_source *source;
    int out;
    const char *dst;
    off_t size;
    bool buffered; /* copy_file_range does not work between these two files */
    const bosun_fs_copy_options *options;
    bosun_fs_follower *follower; /* may be NULL */
    const bosun_wait *wait;
    int64_t reported; /* when progress was last called */
} copy;

static size_t at_most(off_t len, size_t max)
{
    return (uint64_t)len < max ? (size_t)len : max;
}

static int changed(const copy *c, bosun_err *err)
{
    return bosun_err_set(err, BOSUN_ERR_INVALID, "copy", "cannot copy %s: it changed while being copied",
                         c->source->path);
}

static int write_at(const copy *c, const char *bytes, size_t len, off_t at, bosun_err *err)
{
    while (len > 0) {
        ssize_t n = pwrite(c->out, bytes, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bosun_err_errno(err, errno, "write", c->dst);
        bytes += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Returns the number of bytes copied, or -1. */
static ssize_t copy_buffered(const copy *c, off_t at, size_t len, bosun_err *err)
{
    char buffer[BUFFER];
    ssize_t n;
    do
        n = pread(c->source->fd, buffer, len < sizeof buffer ? len : sizeof buffer, at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return bosun_err_errno(err, errno, "read", c->source->path);
    if (n == 0)
        return changed(c, err);
    return write_at(c, buffer, (size_t)n, at, err) < 0 ? -1 : n;
}

/* With some kernels and file systems copy_file_range fails with one of these, or returns 0, although read
 * and write work (man 2 copy_file_range, "ERRORS" and "BUGS"). */
static bool works_buffered(ssize_t n)
{
    return n == 0 || errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ||
           errno == EPERM || errno == EBADF;
}

static ssize_t copy_some(copy *c, off_t at, size_t len, bosun_err *err)
{
    if (c->buffered)
        return copy_buffered(c, at, len, err);
    off_t from = at;
    off_t to = at;
    ssize_t n;
    do
        n = copy_file_range(c->source->fd, &from, c->out, &to, len, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return n;
    if (!works_buffered(n))
        return bosun_fs_fail_pair(err, errno, "copy", c->source->path, "to", c->dst);
    c->buffered = true;
    return copy_buffered(c, at, len, err);
}

/* Everything up to `done` is written. The disk begins with it, so that there is less to do at the end. */
static void report(copy *c, off_t done, ssize_t n)
{
    if (c->options->sync)
        sync_file_range(c->out, done - n, n, SYNC_FILE_RANGE_WRITE);
    if (c->follower)
        bosun_fs_follow_grown(c->follower, done);
    if (!c->options->progress || bosun_monotonic() - c->reported < BOSUN_SECOND)
        return;
    c->options->progress(c->options->data, (uint64_t)done, (uint64_t)c->size);
    c->reported = bosun_monotonic();
}

static int copy_extent(copy *c, off_t at, off_t end, bosun_err *err)
{
    while (at < end) {
        if (bosun_wait_check(c->wait, "copy", err) < 0)
            return -1;
        ssize_t n = copy_some(c, at, at_most(end - at, CHUNK), err);
        if (n < 0)
            return -1;
        at += n;
        report(c, at, n);
    }
    return 0;
}

/* Finds the next run of data at or after `from`; *start is c->size if only a hole is left. On file systems
 * that do not report holes, everything is data. */
static void next_extent(const copy *c, off_t from, off_t *start, off_t *end)
{
    *start = lseek(c->source->fd, from, SEEK_DATA);
    if (*start < 0)
        *start = errno == ENXIO ? c->size : from;
    *end = lseek(c->source->fd, *start, SEEK_HOLE);
    if (*end < 0 || *end > c->size)
        *end = c->size;
}

/* A file without a size: reads to its end. */
static int copy_to_end(copy *c, bosun_err *err)
{
    char buffer[BUFFER];
    ssize_t n;
    c->size = 0;
    do {
        if (bosun_wait_check(c->wait, "copy", err) < 0)
            return -1;
        n = read(c->source->fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bosun_err_errno(err, errno, "read", c->source->path);
        if (write_at(c, buffer, (size_t)n, c->size, err) < 0)
            return -1;
        c->size += n;
    } while (n != 0);
    if (c->follower)
        bosun_fs_follow_grown(c->follower, c->size);
    return 0;
}

static int copy_extents(copy *c, bosun_err *err)
{
    off_t start;
    off_t end;
    for (off_t at = 0; at < c->size; at = end) {
        next_extent(c, at, &start, &end);
        if (start < c->size && copy_extent(c, start, end, err) < 0)
            return -1;
        if (start >= c->size)
            break;
    }
    int rc;
    do
        rc = ftruncate(c->out, c->size); /* for a hole at the end */
    while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return bosun_err_errno(err, errno, "truncate", c->dst);
    if (c->follower)
        bosun_fs_follow_grown(c->follower, c->size);
    return 0;
}

/* Fails if the source changed, or if the copy differs in length. */
static int check_unchanged(const copy *c, bosun_err *err)
{
    struct stat copied;
    if (fstat(c->out, &copied) < 0)
        return bosun_err_errno(err, errno, "stat", c->dst);
    return bosun_fs_source_changed(c->source) || copied.st_size != c->size ? changed(c, err) : 0;
}

static int copy_bytes(copy *c, bosun_err *err)
{
    return c->source->sized ? copy_extents(c, err) : copy_to_end(c, err);
}

int bosun_fs_copy_content(const bosun_fs_source *source, int out, const char *dst,
                          const bosun_fs_copy_options *options, bosun_fs_follower *follower,
                          const bosun_wait *wait, uint64_t *copied, bosun_err *err)
{
    copy c = {
        .source = source, .out = out, .dst = dst, .options = options, .follower = follower, .wait = wait};
    c.size = source->st.st_size;
    c.reported = bosun_monotonic();
    bool cloned =
        ioctl(out, FICLONE, source->fd) == 0; /* all or nothing; any failure means copying the bytes */
    if (!cloned && copy_bytes(&c, err) < 0)
        return -1;
    if (cloned && follower)
        bosun_fs_follow_grown(follower, c.size);
    if (copied)
        *copied = (uint64_t)c.size;
    return check_unchanged(&c, err);
}

bool bosun_fs_is_sized(int fd, const char *path, off_t size)
{
    static const unsigned made_by_kernel[] = {
        PROC_SUPER_MAGIC,     SYSFS_MAGIC,   DEBUGFS_MAGIC,       TRACEFS_MAGIC,  SECURITYFS_MAGIC,
        CGROUP_SUPER_MAGIC,   SELINUX_MAGIC, CGROUP2_SUPER_MAGIC, EFIVARFS_MAGIC, PSTOREFS_MAGIC,
        RDTGROUP_SUPER_MAGIC, BPF_FS_MAGIC,  BINFMTFS_MAGIC,      NSFS_MAGIC,
    };
    struct statfs fs;
    if (size == 0)
        return false;
    int rc;
    do
        rc = path ? statfs(path, &fs) : fstatfs(fd, &fs);
    while (rc < 0 && errno == EINTR);
    for (size_t i = 0; rc == 0 && i < sizeof made_by_kernel / sizeof made_by_kernel[0]; i++)
        if ((unsigned)fs.f_type == made_by_kernel[i])
            return false;
    return true;
}

bool bosun_fs_source_changed(const bosun_fs_source *source)
{
    struct stat now;
    if (fstat(source->fd, &now) < 0)
        return true;
    const struct stat *then = &source->st;
    bool touched = now.st_mtim.tv_sec != then->st_mtim.tv_sec || now.st_mtim.tv_nsec != then->st_mtim.tv_nsec;
    return now.st_size != then->st_size || (source->sized && touched);
}

int bosun_fs_source_open(bosun_fs_source *source, const char *path, bosun_err *err)
{
    *source = (bosun_fs_source){.path = path};
    source->fd = bosun_fs_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (source->fd < 0)
        return bosun_err_errno(err, errno, "open", path);
    if (fstat(source->fd, &source->st) < 0) {
        bosun_err_errno(err, errno, "stat", path);
    } else if (S_ISREG(source->st.st_mode)) {
        source->sized = bosun_fs_is_sized(source->fd, NULL, source->st.st_size);
        return 0;
    } else {
        bosun_err_set(err, BOSUN_ERR_INVALID, "copy", "cannot copy %s: it is not a regular file", path);
    }
    bosun_fs_drop(source->fd);
    source->fd = -1;
    return -1;
}

mode_t bosun_fs_copy_mode(const bosun_fs_source *source, const bosun_fs_copy_options *options)
{
    return options->mode ? options->mode : source->st.st_mode & 0777;
}

static int fill(const bosun_fs_source *source, int out, const char *dst, const bosun_fs_copy_options *options,
                bosun_fs_follower *follower, const bosun_wait *wait, uint64_t *copied, bosun_err *err)
{
    if (bosun_fs_copy_content(source, out, dst, options, follower, wait, copied, err) < 0)
        return -1;
    if (fchmod(out, bosun_fs_copy_mode(source, options)) < 0 &&
        errno != EPERM) /* a file system without modes */
        return bosun_err_errno(err, errno, "chmod", dst);
    return options->sync ? bosun_fs_fsync(out, dst, err) : 0;
}

/* The same with the digest, which is taken while the copy is made and goes to disk. */
static int fill_and_digest(const bosun_fs_source *source, int out, const char *dst,
                           const bosun_fs_copy_options *options, const bosun_wait *wait, uint64_t *copied,
                           bosun_err *err)
{
    bosun_fs_follower *follower = bosun_fs_follow(out, dst, source->st.st_size, err);
    if (!follower)
        return -1;
    if (fill(source, out, dst, options, follower, wait, copied, err) == 0)
        return bosun_fs_follow_end(follower, options->sha256, wait, err);
    bosun_fs_follow_abandon(follower);
    return -1;
}

static int copy_to_new(const bosun_fs_source *source, const char *dst, const bosun_fs_copy_options *options,
                       const bosun_wait *wait, uint64_t *copied, bosun_err *err)
{
    int access = options->sha256 ? O_RDWR : O_WRONLY;
    int out = bosun_fs_openat(AT_FDCWD, dst, access | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (out < 0)
        return bosun_err_errno(err, errno, "create", dst);
    int rc = options->sha256 ? fill_and_digest(source, out, dst, options, wait, copied, err)
                             : fill(source, out, dst, options, NULL, wait, copied, err);
    if (rc == 0)
        rc = bosun_fs_close(out, dst, err);
    else
        bosun_fs_drop(out);
    if (rc < 0 && unlink(dst) < 0 && errno != ENOENT)
        bosun_err_context(err, "an incomplete copy remains at %s: ", dst);
    return rc;
}

int bosun_fs_copy(const char *src, const char *dst, const bosun_fs_copy_options *options,
                  const bosun_wait *wait, uint64_t *copied, bosun_err *err)
{
    static const bosun_fs_copy_options defaults = {0};
    bosun_fs_source source;
    if (bosun_fs_source_open(&source, src, err) < 0)
        return -1;
    int rc = copy_to_new(&source, dst, options ? options : &defaults, wait, copied, err);
    bosun_fs_drop(source.fd);
    return rc;
}
