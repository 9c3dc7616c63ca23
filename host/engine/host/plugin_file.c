/* Finds a plugin's file. A path is used as it is; a name is searched for in the folders of plugins, then
 * among the built-in plugins. */
#include "core/base/path.h"
#include "host.h"
#include "plugin_names.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* Sets *file to the file at `path`. Returns 1: found · 0: no such file · -1: failed. */
static int try_file(const char *path, bosun_plugin_file *file, bosun_err *err)
{
    char real[PATH_MAX];
    if (!is_file(path))
        return 0;
    if (!realpath(path, real))
        return bosun_err_errno(err, errno, "resolve", path);
    bosun_buf_puts(&file->path, real);
    return file->path.failed ? bosun_err_nomem(err, "find the plugin") : 1;
}

/* The same for an embedded file. */
static int try_embedded(const char *name, bosun_plugin_file *file, bosun_err *err)
{
    file->embedded = host_embedded_find(name);
    if (!file->embedded)
        return 0;
    bosun_buf_puts(&file->path, name);
    return file->path.failed ? bosun_err_nomem(err, "find the plugin") : 1;
}

typedef int try_function(const char *path, bosun_plugin_file *file, bosun_err *err);

/* Tries dir/NAME.lua, dir/NAME/NAME.lua and dir/NAME/init.lua. */
static int try_folder(try_function *try, const char *dir, const char *name, bosun_plugin_file *file,
                      bosun_err *err)
{
    static const char *const forms[] = {"%s/%s.lua", "%s/%s/%s.lua", "%s/%s/init.lua"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char storage[PATH_MAX];
        bosun_buf path = bosun_buf_fixed(storage, sizeof storage);
        bosun_buf_printf(&path, forms[i], dir, name, name);
        int found = path.failed ? 0 : try(storage, file, err);
        if (found != 0)
            return found;
    }
    return 0;
}

/* Tries the folders in the order of the search, then the built-in plugins. */
static int try_name(const bosun_dirs *dirs, const char *name, bosun_plugin_file *file, bosun_err *err)
{
    char dir[PATH_MAX];
    int found = 0;
    for (const char *rest = dirs->path; found == 0 && host_next_dir(&rest, dir);)
        found = try_folder(try_file, dir, name, file, err);
    if (found == 0)
        found = try_folder(try_file, dirs->site, name, file, err);
    if (found == 0)
        found = try_folder(try_embedded, "plugins", name, file, err);
    return found;
}

/* Tries "pkg.mod" as pkg/mod, like a Python module. */
static int try_dotted(const bosun_dirs *dirs, const char *name, bosun_plugin_file *file, bosun_err *err)
{
    char path[NAME_MAX + 1];
    if (!strchr(name, '.') || snprintf(path, sizeof path, "%s", name) >= (int)sizeof path)
        return 0;
    for (char *dot = strchr(path, '.'); dot; dot = strchr(dot, '.'))
        *dot = '/';
    return try_name(dirs, path, file, err);
}

/* Is this, or would it be for the Python runner, the path of a Python module? */
static bool is_python(const char *plugin)
{
    char storage[PATH_MAX];
    bosun_buf path = bosun_buf_fixed(storage, sizeof storage);
    bosun_buf_printf(&path, "%s.py", plugin);
    return ends_with(plugin, ".py") || (!path.failed && is_file(storage));
}

/* Sets the error about a path at which no plugin is. Returns -1. */
static int no_file(const char *plugin, bosun_err *err)
{
    if (is_python(plugin))
        return bosun_err_set(err, BOSUN_ERR_NO_PLUGIN, "find the plugin",
                             "%s is a Python plugin, and Bosun's plugins are written in Lua: see "
                             "docs/how-to/coming-from-python.md",
                             plugin);
    return bosun_err_set(err, BOSUN_ERR_NO_PLUGIN, "find the plugin",
                         "no plugin file %s%s (paths are relative to the working directory)", plugin,
                         ends_with(plugin, ".lua") ? "" : ".lua");
}

static int find_path(const char *plugin, bosun_plugin_file *file, bosun_err *err)
{
    static const char *const endings[] = {".lua", "", "/init.lua"};
    if (ends_with(plugin, ".py"))
        return no_file(plugin, err);
    for (size_t i = ends_with(plugin, ".lua") ? 1 : 0; i < sizeof endings / sizeof endings[0]; i++) {
        char storage[PATH_MAX];
        bosun_buf path = bosun_buf_fixed(storage, sizeof storage);
        bosun_buf_printf(&path, "%s%s", plugin, endings[i]);
        int found = path.failed ? 0 : try_file(storage, file, err);
        if (found != 0)
            return found < 0 ? -1 : 0;
    }
    return no_file(plugin, err);
}

static int find_name(const bosun_dirs *dirs, const char *plugin, bosun_plugin_file *file, bosun_err *err)
{
    if (bosun_path_check_component(plugin, strlen(plugin), NAME_MAX - 4, "the plugin's name", err) < 0)
        return -1;
    int found = try_name(dirs, plugin, file, err);
    const char *alias = found == 0 ? host_plugin_alias(plugin) : NULL;
    if (alias)
        found = try_name(dirs, alias, file, err);
    if (found == 0)
        found = try_dotted(dirs, plugin, file, err);
    if (found == 0)
        return host_plugin_not_found(dirs, plugin, err);
    return found < 0 ? -1 : 0;
}

int host_find_plugin(const bosun_dirs *dirs, const char *plugin, bosun_plugin_file *file, bosun_err *err)
{
    if (strchr(plugin, '/') || ends_with(plugin, ".lua") || ends_with(plugin, ".py"))
        return find_path(plugin, file, err);
    return find_name(dirs, plugin, file, err);
}
