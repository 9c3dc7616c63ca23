/* Where the running code lies on disk. */
#include "program.h"
#include "path.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool bosun_program_path(bosun_buf *out)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path);
    if (len <= 0 || len == (ssize_t)sizeof path)
        return false;
    bosun_buf_append(out, path, (size_t)len);
    return !out->failed;
}

/* Appends `folder`, relative to the folder of the file `at`, which is changed. */
static bool append_beside(bosun_buf *out, char *at, const char *folder)
{
    char *slash = strrchr(at, '/');
    if (!slash)
        return false;
    *slash = '\0';
    char joined[PATH_MAX];
    bosun_buf path = bosun_buf_fixed(joined, sizeof joined);
    bosun_path_join(&path, at, folder);
    char normal[PATH_MAX];
    bosun_buf norm = bosun_buf_fixed(normal, sizeof normal);
    bosun_path_norm(&norm, bosun_buf_text(&path));
    if (path.failed || norm.failed || access(normal, X_OK) < 0)
        return false;
    bosun_buf_puts(out, normal);
    return !out->failed;
}

bool bosun_program_beside(bosun_buf *out, const char *folder)
{
    char program[PATH_MAX];
    bosun_buf path = bosun_buf_fixed(program, sizeof program);
    return bosun_program_path(&path) && append_beside(out, program, folder);
}

bool bosun_library_beside(bosun_buf *out, const char *folder)
{
    static const char here; /* an address in the library */
    Dl_info info;
    char library[PATH_MAX];
    if (dladdr(&here, &info) == 0 || !info.dli_fname || !realpath(info.dli_fname, library))
        return false;
    return append_beside(out, library, folder);
}
