/* Files that cannot be replaced: why that is, and writing to them where they are. */
#include "fs.h"
#include "internal.h"
#include "staged.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool has_attribute(int dirfd, const char *name, uint64_t attribute)
{
    struct statx info;
    return statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 0, &info) == 0 &&
           (info.stx_attributes & attribute);
}

/* May only the owner of the file or the folder rename here? */
static bool is_sticky(const bosun_fs_target *target)
{
    struct stat folder;
    struct stat file;
    return fstat(target->dirfd, &folder) == 0 &&
           fstatat(target->dirfd, target->name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
           (folder.st_mode & S_ISVTX) && folder.st_uid != geteuid() && file.st_uid != geteuid();
}

static const char *why_not_permitted(const bosun_fs_target *target)
{
    if (has_attribute(target->dirfd, target->name, STATX_ATTR_IMMUTABLE))
        return "it is immutable (chattr -i ends that)";
    if (has_attribute(target->dirfd, target->name, STATX_ATTR_APPEND))
        return "it is append-only (chattr -a ends that)";
    if (has_attribute(target->dirfd, "", STATX_ATTR_IMMUTABLE))
        return "its folder is immutable (chattr -i ends that)";
    if (has_attribute(target->dirfd, "", STATX_ATTR_APPEND))
        return "its folder is append-only (chattr -a ends that)";
    return is_sticky(target) ? "it belongs to another user, and its folder is sticky" : NULL;
}

int bosun_fs_refused(const bosun_fs_target *target, int errnum, const char *op, const char *words,
                     bosun_err *err)
{
    const char *why = errnum == EBUSY ? "it is a mount point" : NULL;
    if (errnum == EPERM || errnum == EACCES)
        why = why_not_permitted(target);
    if (!why)
        return bosun_err_errno_as(err, errnum, op, words, target->path);
    return bosun_err_set(err, bosun_err_name(errnum), op, "cannot %s %s: %s (%s)", words, target->path, why,
                         bosun_err_name(errnum));
}

/* Can the file itself be written to, when replacing it failed like this? */
static bool is_about_the_name(const bosun_err *err)
{
    static const char *const codes[] = {"EPERM", "EACCES", "EROFS"};
    bool replacing = strcmp(err->op, "replace") == 0;
    bool found = replacing && strcmp(err->code, "EBUSY") == 0; /* a mount point */
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        found = found || strcmp(err->code, codes[i]) == 0;
    return found && (replacing || strcmp(err->op, "create") == 0);
}

/* A regular file that has no other name. Returns the descriptor or -1. */
static int open_it(const bosun_fs_target *target)
{
    struct stat st;
    int fd = bosun_fs_openat(target->dirfd, target->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1))
        return fd;
    bosun_fs_drop(fd);
    return -1;
}

/* Writes a part of the text to its place in the file. */
static int write_part(int fd, const char *text, size_t from, size_t to, const char *path, bosun_err *err)
{
    if (lseek(fd, (off_t)from, SEEK_SET) < 0)
        return bosun_err_errno(err, errno, "write", path);
    if (bosun_fs_write_all(fd, text + from, to - from, path, err) < 0)
        return -1;
    return 0;
}

/* The old text is under the new one until all of that is on disk, and so is its head, if that comes last. */
static int write_text(int fd, const char *text, size_t len, size_t head, const char *path, bosun_err *err)
{
    if (write_part(fd, text, head, len, path, err) < 0)
        return -1;
    if (ftruncate(fd, (off_t)len) < 0)
        return bosun_err_errno(err, errno, "write", path);
    if (bosun_fs_fsync(fd, path, err) < 0)
        return -1;
    if (head == 0)
        return 0;
    return write_part(fd, text, 0, head, path, err) < 0 ? -1 : bosun_fs_fsync(fd, path, err);
}

static int write_in_place(bosun_fs_target *target, int fd, const char *text, size_t len, size_t head,
                          bosun_err *err)
{
    target->changed = true;
    if (write_text(fd, text, len, head < len ? head : 0, target->path, err) == 0)
        return bosun_fs_close(fd, target->path, err);
    int rc = ftruncate(fd, 0); /* rather nothing than half of it */
    (void)rc;
    bosun_fs_drop(fd);
    return -1;
}

int bosun_fs_write_over(bosun_fs_target *target, const bosun_err *why, const char *text, size_t len,
                        size_t head, bosun_err *err)
{
    int fd = target->in_place || is_about_the_name(why) ? open_it(target) : -1;
    if (fd >= 0) {
        target->in_place = true;
        return write_in_place(target, fd, text, len, head, err);
    }
    if (target->in_place)
        return bosun_err_errno(err, errno, "open", target->path);
    if (err)
        *err = *why;
    return -1;
}
