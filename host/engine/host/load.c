/* Loads a plugin: runs its file, and keeps the class that it returns. */
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

static int load_plugin(lua_State *L)
{
    const bosun_plugin_file *file = lua_touserdata(L, 1);
    set_plugin_dir(L, file);
    host_push_library(L, "bosun.host.driver", "check");
    if (file->embedded)
        host_embedded_load(L, file->embedded);
    else
        host_load_file(L, bosun_buf_text(&file->path));
    lua_call(L, 0, 1);
    host_keep_class(L);
    lua_pushstring(L, bosun_buf_text(&file->path));
    lua_call(L, 2, 1);
    bosun_host *host = host_of(L);
    set_name(host, bind_push_visible(L, -1));
    host_push_class(L);
    host->has_schema = lua_getfield(L, -1, "config_schema") != LUA_TNIL;
    return 0;
}

/* Loads the plugin under the limits. */
static int load(bosun_host *host, const char *plugin, const char *private_config, bosun_err *err)
{
    if (host->plugin_name)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "load",
                             "this host has already loaded the plugin %s: create another host for %s",
                             host->plugin_name, plugin);
    host->plugin_name = strdup(plugin);
    host->private_config = private_config ? strdup(private_config) : NULL;
    if (!host->plugin_name || (private_config && !host->private_config))
        return bosun_err_nomem(err, "load the plugin");
    bosun_plugin_file file = {0};
    int64_t stood = host->limits.stood;
    int rc = host_begin(host, "loading the plugin", err);
    if (rc == 0) {
        host_set_phase(host, BOSUN_PHASE_LOAD);
        rc = host_find_plugin(&host->dirs, plugin, &file, err);
    }
    if (rc == 0)
        rc = host_call(host, load_plugin, &file, "loading the plugin", err);
    bosun_buf_free(&file.path);
    int64_t spent = bosun_monotonic() - host->limits.started - (host->limits.stood - stood);
    host_end(host);
    host->limits.spent = spent;
    return rc;
}

/* The same for a host and a plugin that may be NULL. */
static int check_and_load(bosun_host *host, const char *plugin, const char *private_config, bosun_err *err)
{
    if (!host)
        return host_missing(err);
    if (!plugin)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "load", "no plugin was named: it is NULL");
    host_enter(host);
    int rc = load(host, plugin, private_config, err);
    host_leave(host);
    if (rc == 0)
        host->loaded = true;
    else if (!host->loaded)
        host->load_error = *err;
    return rc;
}

int bosun_host_load(bosun_host *host, const char *plugin, const char *private_config, bosun_error *error)
{
    bosun_err err = {0};
    int rc = check_and_load(host, plugin, private_config, &err);
    host_report_error(host, error, &err);
    return rc;
}
