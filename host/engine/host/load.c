/* Loads a plugin: runs its file, or its text, and keeps the class that it returns. */
#include "engine/bind/bind.h"
#include "host.h"
#include <stdlib.h>
#include <string.h>

/* Lets the plugin require the modules in its own folder: see require.c. [-0, +0, m] */
static void set_plugin_dir(lua_State *L, const bosun_plugin_file *file)
{
    const char *path = bosun_buf_text(&file->path);
    lua_pushlstring(L, path, (size_t)(strrchr(path, '/') - path));
    lua_setfield(L, LUA_REGISTRYINDEX, file->embedded ? BOSUN_EMBEDDED_DIR : BOSUN_PLUGIN_DIR);
}

/* Renames the plugin to the name of its class. Keeps the old name if out of memory. */
static void set_name(bosun_host *host, const char *name)
{
    char *copy = name ? strdup(name) : NULL;
    if (!copy)
        return;
    free(host->plugin_name);
    host->plugin_name = copy;
}

/* What load_plugin loads. */
typedef struct plugin_load {
    const bosun_load_options *options;
    bosun_plugin_file file; /* without a source in the options */
} plugin_load;

/* Pushes the path of the plugin, or what takes its place in messages, and its chunk. [-0, +2, e] */
static void push_chunk(lua_State *L, const plugin_load *load)
{
    const bosun_load_options *options = load->options;
    if (options->source) {
        host_load_memory(L, options->source, options->source_len, options->plugin);
        return;
    }
    const char *path = lua_pushstring(L, bosun_buf_text(&load->file.path));
    set_plugin_dir(L, &load->file);
    if (load->file.embedded)
        host_embedded_load(L, load->file.embedded);
    else
        host_load_file(L, path);
}

static int load_plugin(lua_State *L)
{
    host_push_library(L, "bosun.host.driver", "check");
    push_chunk(L, lua_touserdata(L, 1));
    lua_call(L, 0, 1);
    host_keep_class(L);
    lua_insert(L, -2);
    lua_call(L, 2, 1);
    bosun_host *host = host_of(L);
    set_name(host, bind_push_visible(L, -1));
    host_push_class(L);
    host->has_schema = lua_getfield(L, -1, "config_schema") != LUA_TNIL;
    return 0;
}

/* Makes room for a plugin: a failed one leaves a state that has to be closed. */
static int make_room(bosun_host *host, const char *plugin, bosun_err *err)
{
    if (host->loaded)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "load",
                             "this host has already loaded the plugin %s: call bosun_host_unload first, or "
                             "create another host for %s",
                             host->plugin_name, plugin);
    return host->plugin_name || !host->L ? host_unload(host, err) : 0;
}

/* Loads the plugin under the limits. */
static int load(bosun_host *host, const bosun_load_options *options, bosun_err *err)
{
    if (make_room(host, options->plugin, err) < 0)
        return -1;
    host->plugin_name = strdup(options->plugin);
    if (!host->plugin_name)
        return bosun_err_nomem(err, "load the plugin");
    if (host_keep_private_config(host, options, err) < 0)
        return -1;
    plugin_load what = {.options = options};
    int64_t stood = host->limits.stood;
    int rc = host_begin(host, "loading the plugin", err);
    if (rc == 0) {
        host_set_phase(host, BOSUN_PHASE_LOAD);
        if (!options->source)
            rc = host_find_plugin(&host->dirs, options->plugin, &what.file, err);
    }
    if (rc == 0)
        rc = host_call(host, load_plugin, &what, "loading the plugin", err);
    bosun_buf_free(&what.file.path);
    int64_t spent = bosun_monotonic() - host->limits.started - (host->limits.stood - stood);
    host_end(host);
    host->limits.spent = spent;
    return rc;
}

/* The same for a host and options that may be NULL. */
static int check_and_load(bosun_host *host, const bosun_load_options *options, bosun_err *err)
{
    bosun_load_options ours;
    if (!host)
        return host_missing(err);
    if (host_load_options_take(&ours, options, err) < 0)
        return -1;
    if (ours.source && !ours.plugin)
        ours.plugin = "plugin";
    if (!ours.plugin)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "load", "no plugin was named: it is NULL");
    host_enter(host);
    int rc = load(host, &ours, err);
    host_leave(host);
    if (rc == 0)
        host->loaded = true;
    else if (!host->loaded)
        host->load_error = *err;
    return rc;
}

int bosun_host_load_with(bosun_host *host, const bosun_load_options *options, bosun_error *error)
{
    bosun_err err = {0};
    int rc = check_and_load(host, options, &err);
    host_report_error(host, error, &err);
    return rc;
}

int bosun_host_load(bosun_host *host, const char *plugin, const char *private_config, bosun_error *error)
{
    bosun_load_options options;
    bosun_load_options_init(&options);
    options.plugin = plugin;
    options.private_config = private_config;
    return bosun_host_load_with(host, &options, error);
}
