/* Following symbolic links to a file that may not be there. */
#include "core/base/path.h"
#include "fs.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as in the kernel */

/* Replaces a path by what the symbolic link there says, relative to the link's folder. False: not a link. */
static bool follow_link(char path[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target - 1);
    if (len < 0)
        return false;
    target[len] = '\0';
    char *name = strrchr(path, '/');
    *(name ? name + 1 : path) = '\0';
    char joined[PATH_MAX];
    bosun_buf out = bosun_buf_fixed(joined, sizeof joined);
    bosun_path_join(&out, path, target);
    if (out.failed)
        return false;
    memcpy(path, joined, out.len + 1);
    return true;
}

bool bosun_fs_resolve_new(const char *path, char *resolved)
{
    char at[PATH_MAX];
    bosun_buf copy = bosun_buf_fixed(at, sizeof at);
    bosun_buf_puts(&copy, path);
    if (copy.failed)
        return false;
    for (int links = 0; links < LINKS_MAX && follow_link(at); links++)
        ;
    char *slash = strrchr(at, '/');
    const char *name = slash ? slash + 1 : at;
    char folder[PATH_MAX];
    if (slash)
        slash[slash == at] = '\0'; /* "/" stays */
    if (!realpath(slash ? at : ".", folder))
        return false;
    bosun_buf out = bosun_buf_fixed(resolved, PATH_MAX);
    bosun_path_join(&out, folder, name);
    return !out.failed;
}
