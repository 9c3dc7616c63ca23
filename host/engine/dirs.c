/* Where the Lua library and the built-in plugins are: beside the library or the program that is running (a
 * build tree, or an installation that was moved), else where `make install` put them. */
#define _GNU_SOURCE
#include "../core/path.h"
#include "host.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef BOSUN_DATADIR
#define BOSUN_DATADIR "/usr/local/share/bosun"
#endif

/* A data folder's two parts, relative to the folder of the program or library. */
static const struct {
    const char *lua;
    const char *builtin;
    const char *site;
} layouts[] = {
    {"../lua/lib", "../lua/plugins", NULL},       /* build/ */
    {"../../lua/lib", "../../lua/plugins", NULL}, /* build/asan/ */
    {"../share/bosun/lua", "../share/bosun/plugins", "../share/bosun/site"},
    {"../../share/bosun/lua", "../../share/bosun/plugins", "../../share/bosun/site"}, /* lib/<triplet>/ */
};

static bool is_library(const char *dir)
{
    char file[PATH_MAX];
    bosun_buf path = bosun_buf_fixed(file, sizeof file);
    bosun_path_join(&path, dir, "bosun/plugin_base.lua");
    return !path.failed && access(file, R_OK) == 0;
}

/* dir/relative, normalised, as a new string; NULL: out of memory. */
static char *below(const char *dir, const char *relative)
{
    char joined[PATH_MAX];
    char normal[PATH_MAX];
    bosun_buf path = bosun_buf_fixed(joined, sizeof joined);
    bosun_buf result = bosun_buf_fixed(normal, sizeof normal);
    bosun_path_join(&path, dir, relative);
    bosun_path_norm(&result, bosun_buf_text(&path));
    return strdup(bosun_buf_text(&result));
}

/* Sets what is not set yet from the first layout that fits `dir`. 1: found · 0: not there · -1: out of
 * memory. */
static int find_below(bosun_dirs *dirs, const char *dir)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        char *lua = below(dir, layouts[i].lua);
        if (!lua)
            return -1;
        if (!is_library(lua)) {
            free(lua);
            continue;
        }
        dirs->lua = lua;
        dirs->builtin = dirs->builtin ? dirs->builtin : below(dir, layouts[i].builtin);
        if (!dirs->site && layouts[i].site)
            dirs->site = below(dir, layouts[i].site);
        return dirs->builtin ? 1 : -1;
    }
    return 0;
}

/* Cuts the last component off; false when there is no folder left. */
static bool to_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static int find_beside(bosun_dirs *dirs)
{
    char path[PATH_MAX];
    Dl_info info;
    if (dladdr(&layouts, &info) != 0 && info.dli_fname && realpath(info.dli_fname, path) && to_folder(path)) {
        int found = find_below(dirs, path);
        if (found != 0)
            return found;
    }
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        return 0;
    path[len] = '\0';
    return to_folder(path) ? find_below(dirs, path) : 0;
}

static int copy(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? -1 : 0;
}

static int fill(char **dir, const char *installed)
{
    if (!*dir)
        *dir = strdup(installed);
    return *dir ? 0 : -1;
}

int bosun_dirs_init(bosun_dirs *dirs, const bosun_options *options, bosun_err *err)
{
    if (copy(&dirs->lua, options->lua_dir) < 0 || copy(&dirs->builtin, options->builtin_dir) < 0 ||
        copy(&dirs->site, options->site_dir) < 0 || copy(&dirs->plugin_path, options->plugin_path) < 0)
        return bosun_err_nomem(err, "copy the options");
    if (!dirs->lua && find_beside(dirs) < 0)
        return bosun_err_nomem(err, "find the Lua library");
    if (fill(&dirs->lua, BOSUN_DATADIR "/lua") < 0 || fill(&dirs->builtin, BOSUN_DATADIR "/plugins") < 0 ||
        fill(&dirs->site, BOSUN_DATADIR "/site") < 0)
        return bosun_err_nomem(err, "find the Lua library");
    if (is_library(dirs->lua))
        return 0;
    return bosun_err_set(
        err, "ENOENT", "find the Lua library",
        "cannot find the Lua library: no bosun/plugin_base.lua in %s; is the installation complete?",
        dirs->lua);
}

void bosun_dirs_free(bosun_dirs *dirs)
{
    free(dirs->lua);
    free(dirs->builtin);
    free(dirs->site);
    free(dirs->plugin_path);
    *dirs = (bosun_dirs){0};
}
