/* Lists folders and matches patterns, sorted by bytes regardless of the locale. */
#include "fs.h"
#include "internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

static int compare_after_type(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t count_strings(const bosun_buf *strings)
{
    size_t count = 0;
    for (size_t at = 0; at < strings->len; at += strlen(strings->data + at) + 1)
        count++;
    return count;
}

/* Appends the strings of `from`, each with its NUL, in order. -1: out of memory. */
static int append_sorted(bosun_buf *out, const bosun_buf *from, int (*order)(const void *, const void *))
{
    size_t count = count_strings(from);
    if (count == 0)
        return 0;
    char **items = calloc(count, sizeof *items);
    if (!items)
        return -1;
    char *item = from->data;
    for (size_t i = 0; item && i < count; item += strlen(item) + 1)
        items[i++] = item;
    qsort(items, count, sizeof *items, order);
    for (size_t i = 0; i < count; i++)
        bosun_buf_append(out, items[i], strlen(items[i]) + 1);
    free(items);
    return out->failed ? -1 : 0;
}

static char entry_type(int dirfd, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return bosun_fs_type((mode_t)DTTOIF(entry->d_type));
    if (fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return '?';
    return bosun_fs_type(st.st_mode);
}

static int read_entries(DIR *dir, const char *path, bosun_buf *out, bosun_err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? bosun_err_errno_as(err, errno, "read", "read the folder", path) : 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        bosun_buf_putc(out, entry_type(dirfd(dir), entry));
        bosun_buf_append(out, entry->d_name, strlen(entry->d_name) + 1);
        if (out->failed)
            return bosun_err_nomem(err, "read");
    }
}

int bosun_fs_list(const char *path, bosun_buf *out, bosun_err *err)
{
    int fd = bosun_fs_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
    if (fd < 0)
        return bosun_err_errno(err, errno, "open", path);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        bosun_fs_drop(fd);
        return bosun_err_errno(err, errno, "open", path);
    }
    bosun_buf found = {0};
    int rc = read_entries(dir, path, &found, err);
    if (rc == 0 && append_sorted(out, &found, compare_after_type) < 0)
        rc = bosun_err_nomem(err, "read");
    bosun_buf_free(&found);
    (void)closedir(dir); /* nothing was written */
    return rc;
}

int bosun_fs_glob(const char *pattern, bosun_buf *out, bosun_err *err)
{
    glob_t found;
    int rc = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (rc == GLOB_NOMATCH)
        return 0;
    if (rc == GLOB_NOSPACE)
        return bosun_err_nomem(err, "glob");
    if (rc != 0)
        return bosun_err_errno(err, EIO, "read", pattern);
    qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, compare);
    for (size_t i = 0; i < found.gl_pathc; i++)
        bosun_buf_append(out, found.gl_pathv[i], strlen(found.gl_pathv[i]) + 1);
    globfree(&found);
    return out->failed ? bosun_err_nomem(err, "glob") : 0;
}
