/* LD_PRELOAD this: a file system that cannot exchange names. NORENAME says how it answers:
 *
 *     EINVAL, ENOSYS   renameat2 with flags fails so, as on NFS, with FUSE, or on an old kernel
 *     overlay          folders without a leading dot belong to the lower layer of an overlay: they can be
 *                      neither renamed nor exchanged (EXDEV)
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool answers(const char *word)
{
    const char *how = getenv("NORENAME");
    return how && strcmp(how, word) == 0;
}

static bool in_lower_layer(int dir, const char *path)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return answers("overlay") && name[0] != '.' && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode);
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        abort();
    return function;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    int (*real)(int, const char *, int, const char *, unsigned int) = NULL;
    *(void **)&real = next("renameat2");
    errno = 0;
    if (flags && answers("EINVAL"))
        errno = EINVAL;
    else if (flags && answers("ENOSYS"))
        errno = ENOSYS;
    else if (in_lower_layer(from_dir, from) || (flags && in_lower_layer(to_dir, to)))
        errno = EXDEV;
    else
        return real(from_dir, from, to_dir, to, flags);
    return -1;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int (*real)(int, const char *, int, const char *) = NULL;
    *(void **)&real = next("renameat");
    if (!in_lower_layer(from_dir, from))
        return real(from_dir, from, to_dir, to);
    errno = EXDEV;
    return -1;
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = NULL;
    *(void **)&real = next("rename");
    if (!in_lower_layer(AT_FDCWD, from))
        return real(from, to);
    errno = EXDEV;
    return -1;
}
