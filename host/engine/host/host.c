/* The life of a host: options, creation, errors for the embedder, cancellation. load.c loads a plugin
 * into it, run.c runs actions. */
#include "host.h"
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *bosun_version(void)
{
    return BOSUN_VERSION;
}

/* Copies a text for the embedder. Redacts it before cutting it: a cut secret would not be recognised. */
static void copy_redacted(const bosun_host *host, char *out, size_t size, const char *text, size_t len)
{
    bosun_buf clean = {0};
    bosun_redact(&clean, host ? &host->secrets : &(bosun_secrets){0}, text, len);
    snprintf(out, size, "%s", clean.failed ? "out of memory" : bosun_buf_text(&clean));
    bosun_buf_free(&clean);
}

void host_report_error(const bosun_host *host, bosun_error *error, const bosun_err *err)
{
    if (!error)
        return;
    *error = (bosun_error){.line = err->line, .column = err->column};
    snprintf(error->code, sizeof error->code, "%s", err->code);
    snprintf(error->op, sizeof error->op, "%s", err->op);
    copy_redacted(host, error->file, sizeof error->file, err->file, strlen(err->file));
    copy_redacted(host, error->path, sizeof error->path, err->path, strlen(err->path));
    bosun_buf text = {0};
    bosun_err_text(&text, err);
    if (text.failed)
        copy_redacted(host, error->message, sizeof error->message, err->message, strlen(err->message));
    else
        copy_redacted(host, error->message, sizeof error->message, bosun_buf_text(&text), text.len);
    bosun_buf_free(&text);
}

static int open_state(lua_State *L)
{
    host_state_open(L);
    return 0;
}

static int init(bosun_host *host, bosun_err *err)
{
    if (host_limits_init(&host->limits, host->options.timeout, err) < 0)
        return -1;
    if (host_dirs_init(&host->dirs, &host->options) < 0)
        return bosun_err_nomem(err, "copy the options");
    if (host_context_init(&host->context, host->options.run_id, host->options.traceparent, err) < 0)
        return -1;
    if (bosun_secrets_add_proxies(&host->secrets) < 0)
        return bosun_err_nomem(err, "copy the proxies' passwords");
    host->L = host_state_new(host);
    if (!host->L)
        return bosun_err_nomem(err, "create a Lua state");
    return host_call(host, open_state, NULL, "setting up Lua", err);
}

bosun_host *bosun_host_new(const bosun_options *options, bosun_error *error)
{
    bosun_err err = {0};
    bosun_host *host = calloc(1, sizeof *host);
    if (!host) {
        bosun_err_nomem(&err, "create a host");
        host_report_error(host, error, &err);
        return NULL;
    }
    host->limits.cancel_fd = -1;
    bosun_err_set(&host->load_error, BOSUN_ERR_INVALID, "load",
                  "no plugin is loaded: call bosun_host_load first");
    int rc = host_options_take(&host->options, options, &err);
    if (rc == 0)
        rc = host_locale_init(host, &err);
    if (rc == 0) {
        host_enter(host);
        rc = init(host, &err);
        host_leave(host);
    }
    host_report_error(host, error, &err);
    if (rc == 0)
        return host;
    bosun_host_free(host);
    return NULL;
}

void bosun_host_free(bosun_host *host)
{
    if (!host)
        return;
    if (host->L) {
        host_enter(host);
        host_log_traceback(host);
        host_close(host);
        host_leave(host);
    }
    if (host->c_locale)
        freelocale(host->c_locale);
    host_limits_free(&host->limits);
    host_dirs_free(&host->dirs);
    bosun_secrets_free(&host->secrets);
    bosun_config_free_kept(&host->configs);
    bosun_buf_free(&host->warning);
    bosun_buf_free(&host->plan);
    bosun_buf_free(&host->traceback);
    host_context_free(&host->context);
    free(host->plugin_name);
    free(host->private_config);
    free(host);
}

void bosun_host_cancel(bosun_host *host, const char *reason)
{
    if (host)
        host_limits_cancel(&host->limits, BOSUN_STOP_CANCELLED, reason);
}

void bosun_host_reset(bosun_host *host)
{
    if (host)
        host_limits_clear(&host->limits);
}

void host_expire(bosun_host *host, const char *reason)
{
    host_limits_cancel(&host->limits, BOSUN_STOP_EXPIRED, reason);
}
