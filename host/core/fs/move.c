/* Renaming, and moving where a rename does not work: to another file system. */
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int bosun_fs_exchange(const char *a, const char *b, bosun_err *err)
{
    if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0)
        return 0;
    return bosun_fs_fail_pair(err, errno, "exchange", a, "with", b);
}

/* Replaces the target with the copy, which is on disk before the original is removed. */
static int copy_over(const bosun_fs_source *source, const char *to, const bosun_fs_copy_options *options,
                     const bosun_wait *wait, bosun_err *err)
{
    bosun_fs_target target;
    if (bosun_fs_target_open(&target, to, err) < 0)
        return -1;
    bosun_fs_temp temp = {.fd = -1};
    int rc = bosun_fs_temp_create(&target, 0600, &temp, err);
    if (rc == 0) {
        temp.mode = bosun_fs_copy_mode(source, options);
        rc = bosun_fs_copy_content(source, temp.fd, to, options, NULL, wait, NULL, err);
        if (rc == 0)
            rc = bosun_fs_temp_commit(&target, &temp, true, err);
        else
            bosun_fs_temp_discard(&target, &temp);
    }
    bosun_fs_target_close(&target);
    return rc;
}

static int move_across(const char *from, const char *to, const bosun_fs_copy_options *options,
                       const bosun_wait *wait, bosun_err *err)
{
    bosun_fs_source source;
    if (bosun_fs_source_open(&source, from, err) < 0)
        return -1;
    int rc = copy_over(&source, to, options, wait, err);
    bosun_fs_drop(source.fd);
    if (rc == 0 && unlink(from) < 0)
        return bosun_err_errno(err, errno, "remove", from);
    return rc;
}

int bosun_fs_move(const char *from, const char *to, const bosun_fs_copy_options *options,
                  const bosun_wait *wait, bosun_err *err)
{
    static const bosun_fs_copy_options defaults = {0};
    if (rename(from, to) == 0)
        return 0;
    int errnum = errno;
    struct stat st;
    bool file =
        errnum == EXDEV && lstat(from, &st) == 0 && S_ISREG(st.st_mode); /* a symlink is not its target */
    return file ? move_across(from, to, options ? options : &defaults, wait, err)
                : bosun_fs_fail_pair(err, errnum, "rename", from, "to", to);
}
