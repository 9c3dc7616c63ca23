/* From the value of --plugin to a file: a path, or a bare name that is looked up in the plugin folders. */
#define _GNU_SOURCE
#include "../core/path.h"
#include "../core/suggest.h"
#include "host.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX 256

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Appends the absolute path of `path` when there is such a file. 1: found · 0: no · -1: failed. */
static int take(const char *path, bosun_buf *file, bosun_err *err)
{
    char real[PATH_MAX];
    if (!is_file(path))
        return 0;
    if (!realpath(path, real))
        return bosun_err_errno(err, errno, "resolve", path);
    bosun_buf_puts(file, real);
    return file->failed ? bosun_err_nomem(err, "find the plugin") : 1;
}

/* Tries dir/NAME.lua, dir/NAME/NAME.lua, dir/NAME/init.lua, noting each place in `tried`. */
static int take_from(const char *dir, const char *name, bosun_buf *file, bosun_buf *tried, bosun_err *err)
{
    static const char *const forms[] = {"%s/%s.lua", "%s/%s/%s.lua", "%s/%s/init.lua"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char storage[PATH_MAX];
        bosun_buf path = bosun_buf_fixed(storage, sizeof storage);
        bosun_buf_printf(&path, forms[i], dir, name, name);
        int found = path.failed ? 0 : take(storage, file, err);
        if (found != 0)
            return found;
    }
    bosun_buf_printf(tried, "%s%s", tried->len ? ", " : "", dir);
    return 0;
}

/* Calls take_from for each folder in the lookup's order. */
static int take_from_folders(const bosun_dirs *dirs, const char *name, bosun_buf *file, bosun_buf *tried,
                             bosun_err *err)
{
    const char *rest = dirs->plugin_path ? dirs->plugin_path : "";
    while (*rest) {
        char dir[PATH_MAX];
        size_t len = strcspn(rest, ":");
        if (len > 0 && len < sizeof dir) {
            memcpy(dir, rest, len);
            dir[len] = '\0';
            int found = take_from(dir, name, file, tried, err);
            if (found != 0)
                return found;
        }
        rest += len + (rest[len] == ':');
    }
    int found = take_from(dirs->site, name, file, tried, err);
    return found != 0 ? found : take_from(dirs->builtin, name, file, tried, err);
}

/* ---- "did you mean"
 * ------------------------------------------------------------------------------------------- */

typedef struct names {
    char *items[NAMES_MAX];
    size_t count;
} names;

/* Adds the plugins of a folder: NAME.lua files and folders. */
static void add_names(names *all, const char *dir)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return;
    struct dirent *entry;
    while (all->count < NAMES_MAX && (entry = readdir(folder))) {
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        char *name = strndup(entry->d_name, ends_with(entry->d_name, ".lua") ? len - 4 : len);
        if (name)
            all->items[all->count++] = name;
    }
    closedir(folder);
}

static int not_found(const bosun_dirs *dirs, const char *plugin, const bosun_buf *tried, bosun_err *err)
{
    names all = {.count = 0};
    add_names(&all, dirs->site);
    add_names(&all, dirs->builtin);
    const char *near = bosun_suggest(plugin, (const char *const *)all.items, all.count);
    bosun_err_set(
        err, "ENOENT", "find the plugin",
        "there is no plugin \"%s\" in %s%s%s%s; a plugin of your own is given by its path (with a '/'), or "
        "its folder in BOSUN_PLUGIN_PATH",
        plugin, bosun_buf_text(tried), near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    for (size_t i = 0; i < all.count; i++)
        free(all.items[i]);
    return -1;
}

/* ---- the two kinds of value
 * ----------------------------------------------------------------------------------- */

static int find_path(const char *plugin, bosun_buf *file, bosun_err *err)
{
    static const char *const endings[] = {".lua", "", "/init.lua"};
    for (size_t i = ends_with(plugin, ".lua") ? 1 : 0; i < sizeof endings / sizeof endings[0]; i++) {
        char storage[PATH_MAX];
        bosun_buf path = bosun_buf_fixed(storage, sizeof storage);
        bosun_buf_printf(&path, "%s%s", plugin, endings[i]);
        int found = path.failed ? 0 : take(storage, file, err);
        if (found != 0)
            return found < 0 ? -1 : 0;
    }
    return bosun_err_set(err, "ENOENT", "find the plugin",
                         "there is no plugin file %s%s (a path is relative to the "
                         "working directory)",
                         plugin, ends_with(plugin, ".lua") ? "" : ".lua");
}

static int find_name(const bosun_dirs *dirs, const char *plugin, bosun_buf *file, bosun_err *err)
{
    if (bosun_path_check_component(plugin, strlen(plugin), NAME_MAX - 4, "the plugin's name", err) < 0)
        return -1;
    bosun_buf tried = {0};
    int found = take_from_folders(dirs, plugin, file, &tried, err);
    if (found == 0 && strcmp(plugin, "k8s") == 0)
        found = take_from(dirs->builtin, "kubernetes", file, &tried, err);
    if (found == 0)
        not_found(dirs, plugin, &tried, err);
    bosun_buf_free(&tried);
    return found > 0 ? 0 : -1;
}

int bosun_plugin_find(const bosun_dirs *dirs, const char *plugin, bosun_buf *file, bosun_err *err)
{
    if (strchr(plugin, '/') || ends_with(plugin, ".lua"))
        return find_path(plugin, file, err);
    return find_name(dirs, plugin, file, err);
}
