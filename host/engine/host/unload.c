/* The Lua state of a host, with everything in it, and what a plugin leaves in both. Unloading a plugin closes
 * the state; a new one takes its place. */
#include "host.h"
#include <stdlib.h>

static int open_state(lua_State *L)
{
    host_state_open(L);
    return 0;
}

int host_open(bosun_host *host, bosun_err *err)
{
    host->L = host_state_new(host);
    if (!host->L)
        return bosun_err_nomem(err, "create a Lua state");
    return host_call(host, open_state, NULL, "setting up Lua", err);
}

void host_forget_plugin(bosun_host *host)
{
    free(host->plugin_name);
    host->plugin_name = NULL;
    host_forget_private_config(host);
    host->loaded = host->has_schema = false;
    bosun_err_set(&host->load_error, BOSUN_ERR_INVALID, "load",
                  "no plugin is loaded: call bosun_host_load first");
}

static void close_state(bosun_host *host)
{
    host_log_traceback(host);
    host_close(host);
    host->L = NULL;
    host->time_limits = NULL;
    host->skip_finalizers = host->has_plugin_hooks = false;
}

static int open_another(bosun_host *host, bosun_err *err)
{
    if (host_limits_begin(&host->limits, 0, 0, err) == 0 && host_open(host, err) == 0)
        return 0;
    if (host->L)
        lua_close(host->L);
    host->L = NULL;
    host->load_error = *err;
    return -1;
}

/* A cancel that is pending stops neither finalizers nor the new state, and stays for the next call. */
int host_unload(bosun_host *host, bosun_err *err)
{
    int stop = atomic_load(&host->limits.cancelled);
    if (host->L)
        close_state(host);
    host_forget_plugin(host);
    host_limits_clear(&host->limits);
    int rc = open_another(host, err);
    host_limits_restore(&host->limits, stop);
    host_set_phase(host, BOSUN_PHASE_IDLE);
    return rc;
}

int bosun_host_unload(bosun_host *host, bosun_error *error)
{
    bosun_err err = {0};
    int rc = host ? 0 : host_missing(&err);
    if (host && (host->plugin_name || !host->L)) {
        host_enter(host);
        rc = host_unload(host, &err);
        host_leave(host);
    }
    host_report_error(host, error, &err);
    return rc;
}
