/* Writing the status file. */
#include "status_file.h"
#include "core/base/wait.h"
#include "core/status.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define READER_PATIENCE (5 * BOSUN_SECOND)

static int add_context(bosun_err *err)
{
    return bosun_err_context(err, "the status file: ");
}

/* The descriptor that a path such as /dev/stdout stands for; -1: it is another path. Opening it by that name
 * would empty a file that others write to, too. */
static int descriptor_of(const char *path)
{
    static const struct {
        const char *path;
        int fd;
    } names[] = {{"/dev/stdout", STDOUT_FILENO},     {"/dev/fd/1", STDOUT_FILENO},
                 {"/proc/self/fd/1", STDOUT_FILENO}, {"/dev/stderr", STDERR_FILENO},
                 {"/dev/fd/2", STDERR_FILENO},       {"/proc/self/fd/2", STDERR_FILENO}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].path, path) == 0)
            return names[i].fd;
    return -1;
}

static bool is_stream(const char *path)
{
    struct stat st;
    if (descriptor_of(path) >= 0)
        return true;
    return stat(path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
}

static int open_stream(status_file *file, const char *path, bosun_err *err)
{
    file->stream = path;
    return descriptor_of(path) < 0 && access(path, W_OK) < 0 ? bosun_err_errno(err, errno, "open", path) : 0;
}

static int open_file(status_file *file, const char *path, bosun_err *err)
{
    struct stat st;
    bool link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    if (link && !bosun_fs_resolve_new(path, file->resolved))
        return bosun_err_set(err, "ENOENT", "open",
                             "cannot write %s: it is a symbolic link into a folder that does not exist",
                             path);
    if (bosun_fs_target_open(&file->target, link ? file->resolved : path, err) < 0)
        return -1;
    return bosun_fs_target_check(&file->target, err);
}

int status_file_open(status_file *file, const char *path, bosun_err *err)
{
    *file = STATUS_FILE_NONE;
    int rc = is_stream(path) ? open_stream(file, path, err) : open_file(file, path, err);
    return rc < 0 ? add_context(err) : 0;
}

void status_file_close(status_file *file)
{
    bosun_fs_target_close(&file->target);
}

/* A FIFO's reader may come a little later. */
static int await_reader(const char *path)
{
    static const struct timespec pause = {.tv_nsec = BOSUN_SECOND / 50};
    int64_t until = bosun_wait_after(READER_PATIENCE);
    for (;;) {
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd >= 0 || errno != ENXIO || bosun_monotonic() >= until)
            return fd;
        nanosleep(&pause, NULL);
    }
}

static int write_stream(const char *path, const char *text, size_t len, bosun_err *err)
{
    int descriptor = descriptor_of(path);
    if (descriptor >= 0)
        return bosun_fs_write_all(descriptor, text, len, path, err);
    int fd = await_reader(path);
    if (fd < 0 && errno == ENXIO)
        return bosun_err_set(err, "ENXIO", "open", "cannot open %s: it is a FIFO without a reader", path);
    if (fd < 0)
        return bosun_err_errno(err, errno, "open", path);
    int rc = bosun_fs_write_all(fd, text, len, path, err);
    bosun_fs_drop(fd);
    return rc;
}

/* In place, the file says failing until the rest of a better status is on disk: the words have the same
 * length. */
static size_t head_length(const char *text, size_t len)
{
    static const char failing[] = "status: \"failing\"";
    size_t head = sizeof failing - 1;
    return len > head && memcmp(text, failing, head) != 0 ? head : 0;
}

int status_file_write(status_file *file, const char *text, size_t len, bool durable, bosun_err *err)
{
    if (file->stream && !durable)
        return 0;
    if (file->stream)
        return write_stream(file->stream, text, len, err) < 0 ? add_context(err) : 0;
    const bosun_fs_write_options how = {
        .no_sync = !durable, .or_in_place = true, .head = head_length(text, len)};
    return bosun_fs_target_replace(&file->target, text, len, &how, err) < 0 ? add_context(err) : 0;
}

int status_file_fail(status_file *file, const bosun_err *why, int64_t duration, bool durable, bosun_err *err)
{
    char storage[BOSUN_STATUS_FAILING_MAX];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_status_write_failing(&text, why, duration);
    return status_file_write(file, text.data, text.len, durable, err);
}

const char *status_file_remove(const status_file *file)
{
    const bosun_fs_target *target = &file->target;
    struct stat st;
    if (file->stream)
        return "";
    if (target->changed && !target->in_place)
        return ""; /* it has this run's, which is only not on disk yet */
    if (unlinkat(target->dirfd, target->name, 0) == 0)
        return ", and the status of an earlier run was removed";
    if (errno == ENOENT)
        return "";
    if (fstatat(target->dirfd, target->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == 0)
        return ", and the file is empty";
    return ", and the file still has the status of an earlier run";
}
