/* The folders of plugins. The library itself and the built-in plugins need none: they are embedded. */
#include "core/base/path.h"
#include "host.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef BOSUN_DATADIR
#define BOSUN_DATADIR "/usr/local/share/bosun"
#endif

/* The site folder of an installation that was moved: beside the program's own. False when there is none. */
static bool find_beside(char *out, size_t size)
{
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len <= 0)
        return false;
    program[len] = '\0';
    char *slash = strrchr(program, '/');
    if (!slash)
        return false;
    *slash = '\0';
    char joined[PATH_MAX];
    bosun_buf path = bosun_buf_fixed(joined, sizeof joined);
    bosun_path_join(&path, program, "../share/bosun/site");
    bosun_buf normal = bosun_buf_fixed(out, size);
    bosun_path_norm(&normal, bosun_buf_text(&path));
    return !path.failed && !normal.failed && access(out, X_OK) == 0;
}

static char *find_site(void)
{
    char beside[PATH_MAX];
    return strdup(find_beside(beside, sizeof beside) ? beside : BOSUN_DATADIR "/site");
}

int host_dirs_init(bosun_dirs *dirs, const bosun_options *options)
{
    dirs->path = options->plugin_path ? strdup(options->plugin_path) : NULL;
    dirs->site = options->site_dir ? strdup(options->site_dir) : find_site();
    return dirs->site && (dirs->path || !options->plugin_path) ? 0 : -1;
}

void host_dirs_free(bosun_dirs *dirs)
{
    free(dirs->path);
    free(dirs->site);
    *dirs = (bosun_dirs){0};
}
