/* Removes trees. Only one folder is open at a time, however deep the tree is. The walk remembers the names
 * and inode numbers on its way down; on its way up, ".." has to lead back to the inode it came from. So a
 * folder that is moved, or replaced with a symlink, in the meantime never leads the walk out of the tree. */
#include "fs.h"
#include "internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct level {
    dev_t dev;
    ino_t ino;
} level;

typedef struct walk {
    int fd;           /* the folder being emptied */
    bosun_buf path;   /* of that folder; its last component is the name in the level above */
    bosun_buf levels; /* of `level`: the folders from the root of the tree down to this one */
    const bosun_wait *wait;
} walk;

static size_t depth(const walk *w)
{
    return w->levels.len / sizeof(level);
}

static level level_at(const walk *w, size_t index)
{
    level found;
    memcpy(&found, w->levels.data + index * sizeof found, sizeof found);
    return found;
}

static int entry_failed(walk *w, const char *op, const char *name, int errnum, bosun_err *err)
{
    bosun_buf_putc(&w->path, '/');
    bosun_buf_puts(&w->path, name);
    return bosun_err_errno(err, errnum, op, w->path.failed ? name : w->path.data);
}

/* Opens folder `name` of `at` as the next level. */
static int enter(walk *w, int at, const char *name, bosun_err *err)
{
    int fd = bosun_fs_openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return entry_failed(w, "open", name, errno, err);
    struct stat st;
    int errnum = fstat(fd, &st) < 0 ? errno : 0;
    if (!errnum && depth(w) > 0 && st.st_dev != level_at(w, 0).dev)
        errnum = EXDEV; /* something is mounted here */
    if (errnum) {
        bosun_fs_drop(fd);
        return entry_failed(w, "remove", name, errnum, err);
    }
    bosun_fs_drop(w->fd);
    w->fd = fd;
    level entered = {st.st_dev, st.st_ino};
    bosun_buf_append(&w->levels, &entered, sizeof entered);
    if (depth(w) > 1)
        bosun_buf_putc(&w->path, '/');
    bosun_buf_puts(&w->path, name);
    return w->path.failed || w->levels.failed ? bosun_err_nomem(err, "remove") : 0;
}

/* Goes up to the parent folder and removes the one it leaves. */
static int leave(walk *w, bosun_err *err)
{
    level above = level_at(w, depth(w) - 2);
    struct stat st = {0};
    int fd = bosun_fs_openat(w->fd, "..", O_RDONLY | O_DIRECTORY, 0);
    int errnum = fd < 0 || fstat(fd, &st) < 0 ? errno : 0;
    if (!errnum && (st.st_dev != above.dev || st.st_ino != above.ino))
        errnum = ESTALE;
    const char *name = strrchr(w->path.data, '/') + 1;
    if (!errnum && unlinkat(fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        errnum = errno;
    if (errnum) {
        bosun_fs_drop(fd);
        return bosun_err_errno(err, errnum, "remove", w->path.data);
    }
    bosun_fs_drop(w->fd);
    w->fd = fd;
    w->levels.len -= sizeof(level);
    w->path.len = (size_t)(name - 1 - w->path.data);
    w->path.data[w->path.len] = '\0';
    return 0;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Unlinks entries up to the first subfolder, whose name it copies to `sub`. 1: there is one · 0: the folder
 * is empty · -1: failed. */
static int empty_until_folder(walk *w, DIR *dir, char sub[256], bosun_err *err)
{
    for (;;) {
        if (bosun_wait_check(w->wait, "remove", err) < 0)
            return -1;
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? bosun_err_errno_as(err, errno, "read", "read the folder", w->path.data) : 0;
        if (is_dots(entry->d_name))
            continue;
        if (entry->d_type != DT_DIR && (unlinkat(w->fd, entry->d_name, 0) == 0 || errno == ENOENT))
            continue;
        if (entry->d_type != DT_DIR && errno != EISDIR)
            return entry_failed(w, "remove", entry->d_name, errno, err);
        memcpy(sub, entry->d_name, strlen(entry->d_name) + 1);
        return 1;
    }
}

/* Opens a new stream each time, because POSIX does not say whether readdir returns entries that were removed
 * in the meantime. */
static int empty_folder(walk *w, char sub[256], bosun_err *err)
{
    int fd = bosun_fs_openat(w->fd, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        bosun_fs_drop(fd);
        return bosun_err_errno(err, errno, "open", w->path.data);
    }
    int rc = empty_until_folder(w, dir, sub, err);
    (void)closedir(dir); /* nothing was written */
    return rc;
}

static int remove_content(walk *w, bosun_err *err)
{
    char sub[256];
    for (;;) {
        int rc = empty_folder(w, sub, err);
        if (rc < 0)
            return -1;
        if (rc > 0)
            rc = enter(w, w->fd, sub, err);
        else if (depth(w) == 1)
            return 0;
        else
            rc = leave(w, err);
        if (rc < 0)
            return -1;
    }
}

static int remove_tree(int parent, const char *name, const char *path, const bosun_wait *wait, bosun_err *err)
{
    walk w = {.fd = -1, .wait = wait};
    int rc = enter(&w, parent, name, err);
    if (rc == 0)
        rc = remove_content(&w, err);
    bosun_fs_drop(w.fd);
    bosun_buf_free(&w.path);
    bosun_buf_free(&w.levels);
    if (rc < 0)
        return bosun_err_context(err, "removing %s: ", path);
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return bosun_err_errno(err, errno, "remove", path);
    return 0;
}

static int remove_folder(int parent, const char *name, bool recursive, const char *path,
                         const bosun_wait *wait, bosun_err *err)
{
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return 0;
    if (!recursive || (errno != ENOTEMPTY && errno != EEXIST))
        return bosun_err_errno(err, errno, "remove", path);
    return remove_tree(parent, name, path, wait, err);
}

int bosun_fs_remove(const char *path, bool recursive, const bosun_wait *wait, bool *removed, bosun_err *err)
{
    char name[256];
    bosun_err folder = {0};
    if (removed)
        *removed = false;
    int parent = bosun_fs_open_folder(path, O_PATH, name, &folder);
    if (parent < 0 && strcmp(folder.code, "ENOENT") == 0)
        return 0;
    if (parent < 0) {
        if (err)
            *err = folder;
        return -1;
    }
    int rc = unlinkat(parent, name, 0);
    bool missing = rc < 0 && errno == ENOENT;
    if (missing)
        rc = 0;
    else if (rc < 0 && errno == EISDIR)
        rc = remove_folder(parent, name, recursive, path, wait, err);
    else if (rc < 0)
        bosun_err_errno(err, errno, "remove", path);
    bosun_fs_drop(parent);
    if (removed)
        *removed = rc == 0 && !missing;
    return rc;
}
