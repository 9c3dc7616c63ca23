/* Writing the status file. */
#include "status_file.h"
#include "core/status.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int add_context(bosun_err *err)
{
    return bosun_err_context(err, "the status file: ");
}

int status_file_open(status_file *file, const char *path, bosun_err *err)
{
    *file = STATUS_FILE_NONE;
    if (bosun_fs_target_open(&file->target, path, err) < 0 || bosun_fs_target_check(&file->target, err) < 0)
        return add_context(err);
    return 0;
}

void status_file_close(status_file *file)
{
    bosun_fs_target_close(&file->target);
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
    const bosun_fs_write_options how = {
        .no_sync = !durable, .or_in_place = true, .head = head_length(text, len)};
    return bosun_fs_target_replace(&file->target, text, len, &how, err) < 0 ? add_context(err) : 0;
}

int status_file_fail(status_file *file, const char *message, int64_t duration, bool durable, bosun_err *err)
{
    char storage[BOSUN_STATUS_FAILING_MAX];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_status_write_failing(&text, message, duration);
    return status_file_write(file, text.data, text.len, durable, err);
}

const char *status_file_remove(const status_file *file)
{
    const bosun_fs_target *target = &file->target;
    struct stat st;
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
