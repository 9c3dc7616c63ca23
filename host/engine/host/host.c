/* The life of a host: creation, the end, cancellation. load.c loads a plugin into it, run.c runs actions. */
#include "host.h"
#include <stdlib.h>
#include <string.h>

const char *bosun_version(void)
{
    return BOSUN_VERSION;
}

uint32_t bosun_version_number(void)
{
    return BOSUN_VERSION_NUMBER;
}

static int init(bosun_host *host, bosun_err *err)
{
    if (host_check_lua(err) < 0)
        return -1;
    if (host_limits_init(&host->limits, host->options.timeout, err) < 0)
        return -1;
    if (host_dirs_init(&host->dirs, &host->options) < 0)
        return bosun_err_nomem(err, "copy the options");
    if (host_context_init(&host->context, host->options.run_id, host->options.traceparent, err) < 0)
        return -1;
    if (bosun_secrets_add_proxies(&host->secrets) < 0)
        return bosun_err_nomem(err, "copy the proxies' passwords");
    return host_open(host, err);
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
    host->limits.cancel_fd = host->config_fd = -1;
    host_forget_plugin(host);
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

void *bosun_host_user(const bosun_host *host)
{
    return host ? host->options.user : NULL;
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
    host_forget_plugin(host);
    host_free_modules(host);
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
