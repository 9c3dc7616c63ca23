/* The folders that are searched for a plugin given by name. */
#include "core/base/program.h"
#include "plugin_names.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef BOSUN_DATADIR
#define BOSUN_DATADIR "/usr/local/share/bosun"
#endif

/* The site folder of the installation that the program or the library is part of. An installation can be
 * moved, and built before its place is known. The library can be in lib/ or, as on Debian, in a folder of it.
 */
static char *find_site(void)
{
    char path[PATH_MAX];
    bosun_buf out = bosun_buf_fixed(path, sizeof path);
    bool found = bosun_program_beside(&out, "../share/bosun/site") ||
                 bosun_library_beside(&out, "../share/bosun/site") ||
                 bosun_library_beside(&out, "../../share/bosun/site");
    return strdup(found ? path : BOSUN_DATADIR "/site");
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

bool host_next_dir(const char **rest, char dir[PATH_MAX])
{
    while (*rest && **rest) {
        size_t len = strcspn(*rest, ":");
        snprintf(dir, PATH_MAX, "%.*s", (int)len, *rest);
        *rest += len + ((*rest)[len] == ':');
        if (len > 0 && len < PATH_MAX)
            return true;
    }
    return false;
}
