/* The names of plugins. */
#include "plugin_names.h"
#include "core/base/suggest.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX 256

/* What the Python runner calls its plugins. */
static const struct {
    const char *name;
    const char *plugin; /* NULL: there is no such plugin here */
} aliases[] = {
    {"filesystem_plugin", "filesystem"},
    {"docker-plugin", "docker"},
    {"k8s", "kubernetes"},
    {"k8s-plugin", "kubernetes"},
    {"s3", NULL},
    {"s3_plugin", NULL},
    {"snowflake", NULL},
    {"snowflake_plugin", NULL},
    {"azureml", NULL},
    {"azureml_plugin", NULL},
    {"sagemaker", NULL},
    {"sagemaker_plugin", NULL},
    {"aws", NULL},
    {"sap_ai_core", NULL},
    {"sap_ai_core_plugin", NULL},
    {"sap", NULL},
};

#define ALIAS_COUNT (sizeof aliases / sizeof aliases[0])

const char *host_plugin_alias(const char *name)
{
    for (size_t i = 0; i < ALIAS_COUNT; i++)
        if (strcmp(aliases[i].name, name) == 0)
            return aliases[i].plugin;
    return NULL;
}

/* Is this a plugin of the Python package, under any of its names? */
static bool is_python_plugin(const char *name)
{
    for (size_t i = 0; i < ALIAS_COUNT; i++)
        if (strcmp(aliases[i].name, name) == 0 || (aliases[i].plugin && strcmp(aliases[i].plugin, name) == 0))
            return true;
    return false;
}

/* Names of plugins, each once. Without memory, or past the limit, names are missing. */
typedef struct names {
    char *items[NAMES_MAX];
    size_t count;
} names;

static bool has_name(const names *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i], name) == 0)
            return true;
    return false;
}

static void add_name(names *all, const char *name, size_t len)
{
    char *copy = all->count < NAMES_MAX ? strndup(name, len) : NULL;
    if (copy && !has_name(all, copy))
        all->items[all->count++] = copy;
    else
        free(copy);
}

static void free_names(names *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->items[i]);
}

static bool is_file(const char *dir, const char *format, const char *name)
{
    char storage[PATH_MAX];
    bosun_buf path = bosun_buf_fixed(storage, sizeof storage);
    struct stat st;
    bosun_buf_printf(&path, "%s/", dir);
    bosun_buf_printf(&path, format, name, name);
    return !path.failed && stat(storage, &st) == 0 && S_ISREG(st.st_mode);
}

/* Adds what a name can find in a folder: NAME.lua, NAME/NAME.lua, NAME/init.lua. */
static void add_entry(names *all, const char *dir, const char *name)
{
    size_t len = strlen(name);
    if (name[0] == '.')
        return;
    if (len > 4 && strcmp(name + len - 4, ".lua") == 0)
        add_name(all, name, len - 4);
    else if (is_file(dir, "%s/%s.lua", name) || is_file(dir, "%s/init.lua", name))
        add_name(all, name, len);
}

static int ascending(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_folder(names *all, const char *dir)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return;
    size_t before = all->count;
    struct dirent *entry;
    while ((entry = readdir(folder)))
        add_entry(all, dir, entry->d_name);
    closedir(folder);
    qsort(all->items + before, all->count - before, sizeof all->items[0], ascending);
}

static void add_built_in(names *all)
{
    static const char prefix[] = "plugins/";
    for (size_t i = 0; i < bosun_embedded_count; i++) {
        const char *name = bosun_embedded_files[i].name;
        if (strncmp(name, prefix, sizeof prefix - 1) != 0)
            continue;
        name += sizeof prefix - 1;
        add_name(all, name, strcspn(name, "/."));
    }
    qsort(all->items, all->count, sizeof all->items[0], ascending);
}

/* The built-in plugins, then those of the search path. */
static void add_all(names *all, const bosun_dirs *dirs)
{
    char dir[PATH_MAX];
    add_built_in(all);
    for (const char *rest = dirs->path; host_next_dir(&rest, dir);)
        add_folder(all, dir);
    add_folder(all, dirs->site);
}

int host_plugin_not_found(const bosun_dirs *dirs, const char *plugin, bosun_err *err)
{
    if (is_python_plugin(plugin))
        return bosun_err_set(err, BOSUN_ERR_NO_PLUGIN, "find the plugin",
                             "\"%s\" is a plugin of the Python package that Bosun does not have: see "
                             "docs/how-to/coming-from-python.md",
                             plugin);
    names all = {.count = 0};
    add_all(&all, dirs);
    const char *near = bosun_suggest(plugin, (const char *const *)all.items, all.count);
    bosun_err_set(err, BOSUN_ERR_NO_PLUGIN, "find the plugin",
                  "no plugin named \"%s\" in %s%s%s or among the built-in plugins: to use a plugin of your "
                  "own, give its path (with a '/') or add its folder to BOSUN_PLUGIN_PATH%s%s%s",
                  plugin, dirs->path ? dirs->path : "", dirs->path ? ":" : "", dirs->site,
                  near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free_names(&all);
    return -1;
}

static void tell_name(const char *name, bosun_name_function *tell, void *data)
{
    char storage[NAME_MAX * 2];
    bosun_buf line = bosun_buf_fixed(storage, sizeof storage);
    bosun_buf_puts(&line, name);
    for (size_t i = 0; i < ALIAS_COUNT; i++)
        if (aliases[i].plugin && strcmp(aliases[i].plugin, name) == 0)
            bosun_buf_printf(&line, ",%s", aliases[i].name);
    tell(data, bosun_buf_text(&line));
}

int bosun_list_plugins(const bosun_options *options, bosun_name_function *tell, void *data)
{
    bosun_dirs dirs = {0};
    names all = {.count = 0};
    bosun_options ours;
    int rc = host_options_take(&ours, options, NULL);
    if (rc == 0)
        rc = host_dirs_init(&dirs, &ours);
    if (rc == 0)
        add_all(&all, &dirs);
    for (size_t i = 0; tell && i < all.count; i++)
        tell_name(all.items[i], tell, data);
    free_names(&all);
    host_dirs_free(&dirs);
    return rc;
}
