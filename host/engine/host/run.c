/* Runs an action, from the action config to a status. The driver (lua/lib/bosun/host/driver.lua) calls the
 * method and checks what it returns; this file calls the driver, and turns its result or failure into a
 * status. */
#include "core/config.h"
#include "engine/bind/bind.h"
#include "host.h"
#include <stdio.h>
#include <string.h>

typedef struct action_run {
    bosun_host *host;
    const bosun_action *action;
    char what[96]; /* "running pe_status" */
    const bosun_run_options *options;
    const bosun_config *config; /* the host keeps it */
    bosun_status *status;
    char stopped[128];     /* why the action was stopped */
    const char *stop_code; /* the same as an error's code */
    bool cleaned_up;       /* the plugin did, and said how it is now */
} action_run;

/* phase(name [, file, line]): called by the driver. file and line: of the method about to run. */
static int enter_phase(lua_State *L)
{
    static const char *const names[] = {"init", "action", "clean_up", NULL};
    static const bosun_phase phases[] = {BOSUN_PHASE_INIT, BOSUN_PHASE_ACTION, BOSUN_PHASE_CLEAN_UP};
    host_set_phase(host_of(L), phases[luaL_checkoption(L, 1, NULL, names)]);
    lua_settop(L, 3);
    host_set_place(L);
    return 0;
}

static void set_section(lua_State *L, const char *name, const bosun_value *section)
{
    if (!section)
        return;
    bind_push_value(L, section);
    lua_setfield(L, -2, name);
}

/* Pushes the table for the driver's function run. [-0, +1, e] */
static void push_arguments(lua_State *L, const action_run *r)
{
    lua_createtable(L, 0, 8);
    set_section(L, "plugin_config", r->config->plugin);
    set_section(L, "pe_info", r->config->pe);
    set_section(L, "subject", bosun_config_subject(r->config, r->action));
    lua_pushstring(L, r->host->private_config); /* nil when NULL */
    lua_setfield(L, -2, "private_config_file");
    lua_pushstring(L, r->options->config_text ? NULL : r->options->config); /* nil when NULL */
    lua_setfield(L, -2, "action_config_file");
    bind_set_boolean(L, "dry_run", r->host->options.dry_run);
    lua_pushcfunction(L, enter_phase);
    lua_setfield(L, -2, "phase");
    lua_pushcfunction(L, host_record_stack);
    lua_setfield(L, -2, "on_error");
}

static void check_memory(lua_State *L, int rc)
{
    if (rc < 0)
        luaL_error(L, "out of memory while reading the status");
}

/* Returns a string field of the table at the top of the stack, NULL if it is not a string. Valid as long as
 * the table keeps it. [-0, +0, e] */
static const char *string_field(lua_State *L, const char *name, size_t *len)
{
    const char *text = lua_getfield(L, -1, name) == LUA_TSTRING ? lua_tolstring(L, -1, len) : NULL;
    lua_pop(L, 1);
    return text;
}

/* [six-key table, which the driver has checked] -> status. [-0, +0, e] */
static void take_status(lua_State *L, bosun_status *status)
{
    size_t len = 0;
    const char *outcome = string_field(L, "status", &len);
    if (!outcome || bosun_outcome_find(outcome, &status->outcome) < 0)
        luaL_error(L, "the driver returned no status");
    const char *message = string_field(L, "msg", &len);
    check_memory(L, message ? bosun_status_set_message(status, message, len) : 0);
    const char *state = string_field(L, "state", &len);
    check_memory(L, state ? bosun_status_set_state(status, state) : 0);
    lua_getfield(L, -1, "duration");
    status->duration = lua_tonumber(L, -1);
    lua_getfield(L, -2, "timestamp");
    status->timestamp = lua_tointeger(L, -1);
    lua_getfield(L, -3, "data");
    bool none = lua_isnil(L, -1) || (lua_islightuserdata(L, -1) && !lua_touserdata(L, -1));
    status->data = none ? NULL : bind_to_value(L, -1, "data", status->arena);
    lua_pop(L, 3);
}

static int run_action(lua_State *L)
{
    const action_run *r = lua_touserdata(L, 1);
    host_push_library(L, "bosun.host.driver", "run");
    host_push_class(L);
    lua_pushstring(L, r->action->name);
    push_arguments(L, r);
    lua_call(L, 3, 1);
    take_status(L, r->status);
    return 0;
}

/* Puts what the plugin cannot know in front of its message. Returns 0, or -1: out of memory. */
static int put_in_front(bosun_status *status, const char *remark)
{
    bosun_buf text = {0};
    bosun_buf_puts(&text, remark);
    if (status->message)
        bosun_buf_puts(&text, ": ");
    bosun_buf_append(&text, status->message, status->message_len);
    int rc = text.failed ? -1 : bosun_status_set_message(status, text.data, text.len);
    bosun_buf_free(&text);
    return rc;
}

/* Makes the message say that nothing was changed: the plugin reports changes as if it had made them. */
static int add_disclaimer(bosun_status *status)
{
    status->state = NULL;
    return put_in_front(status, "dry run, nothing was changed");
}

/* In a dry run, sets data.plan, unless data is not a mapping. Returns 0, or -1: out of memory. */
static int add_plan(const bosun_host *host, bosun_status *status)
{
    if (!host->options.dry_run)
        return 0;
    status->planned = host->plan.len > 0;
    if (status->planned && add_disclaimer(status) < 0)
        return -1;
    if (status->data && (status->data->kind != BOSUN_MAPPING || host->plan.len == 0))
        return 0;
    if (status->data && bosun_value_get(status->data, "plan"))
        return 0; /* do not overwrite the plugin's data; the log has the plan too */
    if (!status->data)
        status->data = bosun_value_new(status->arena, BOSUN_MAPPING);
    bosun_value *plan = host_plan_value(host, status->arena);
    return status->data && plan ? bosun_value_set(status->arena, status->data, "plan", plan) : -1;
}

/* An error that the method of a deployment's action raised is the deployment's: its state is "errored".
 * Nothing is known about a deployment whose action was stopped, or did not begin. */
static const char *state_after(const action_run *r, const bosun_err *err)
{
    bool in_method = r->host->phase == BOSUN_PHASE_ACTION;
    bool stopped = host_limits_is_stop(err->code);
    bool of_deployment = r->action && r->action->subject && strcmp(r->action->subject, "deploymentInfo") == 0;
    return in_method && !stopped && of_deployment ? "errored" : NULL;
}

static int run_with_config(action_run *r, bosun_err *err)
{
    bosun_host *host = r->host;
    const bosun_run_options *options = r->options;
    host_set_phase(host, BOSUN_PHASE_CONFIG);
    bosun_config_source source = host_config_source(host, options->config);
    source.text = options->config_text;
    source.len = options->config_len;
    if (source.text && !source.path)
        source.path = "action config";
    source.settings = options->settings ? options->settings : host->options.settings;
    r->config = bosun_config_read_kept(&host->configs, &source, r->action, err);
    if (!r->config)
        return -1;
    host_context_set_deployment(&host->context, r->config->deployment);
    host_set_phase(host, BOSUN_PHASE_INIT);
    return host_call(host, run_action, r, r->what, err);
}

/* Logs how the action ended, with the beginning of the message, or the whole. */
static void log_line(bosun_host *host, const char *action, const bosun_status *status, const char *message,
                     size_t len)
{
    static const bosun_log_level levels[] = {
        [BOSUN_PASSING] = BOSUN_LOG_INFO,
        [BOSUN_FAILING] = BOSUN_LOG_ERROR,
        [BOSUN_WARNING] = BOSUN_LOG_WARN,
        [BOSUN_UNKNOWN] = BOSUN_LOG_WARN,
    };
    if (!host_logs(host, levels[status->outcome]))
        return;
    bosun_buf text = {0};
    bosun_buf_printf(&text, "%s: %s%s", action, bosun_outcome_name(status->outcome), message ? ": " : "");
    bosun_buf_append(&text, message, len);
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%.4f", status->duration);
    const char *plugin = host->plugin_name ? host->plugin_name : "";
    const bosun_log_field fields[] = {
        {.name = "plugin", .text = plugin, .len = strlen(plugin)},
        {.name = "seconds", .text = seconds, .len = strlen(seconds), .bare = true},
    };
    host_log(host, levels[status->outcome], fields, 2, bosun_buf_text(&text), text.len);
    bosun_buf_free(&text);
}

/* Logs one event for every action, however it ended, or one for each of several errors; then the traceback.
 */
static void log_outcome(bosun_host *host, const char *action, const bosun_status *status, bool several)
{
    const char *line = status->message;
    const char *newline = NULL;
    while (several && line && (newline = strchr(line, '\n'))) {
        log_line(host, action, status, line, (size_t)(newline - line));
        line = newline + 1;
    }
    log_line(host, action, status, line, line ? strlen(line) : 0);
    host_log_traceback(host);
}

/* Fails if the action had to stop, but the plugin ignored that in a coroutine or a wait and reported
 * something else: it is not complete. */
static int check_interrupted(bosun_host *host, const bosun_status *status, bosun_err *err)
{
    if (!atomic_load(&host->limits.cut) || status->outcome == BOSUN_FAILING)
        return 0;
    char why[128];
    const char *code = host_limits_stopped(&host->limits, why, sizeof why);
    if (!code) /* waits end a little before the deadline */
        snprintf(why, sizeof why, "timed out after %g s", host->limits.seconds);
    return bosun_err_set(err, code ? code : BOSUN_ERR_DEADLINE, "run",
                         "%s: the action was interrupted, but the plugin reported %s", why,
                         bosun_outcome_name(status->outcome));
}

/* Was the action's method stopped? Then r->stopped says why. */
static bool was_stopped(action_run *r, int rc, const bosun_err *err)
{
    bosun_host *host = r->host;
    bool by_error = rc < 0 && host_limits_is_stop(err->code);
    if (host->phase != BOSUN_PHASE_ACTION || !(by_error || atomic_load(&host->limits.cut)))
        return false;
    r->stop_code = host_limits_stopped(&host->limits, r->stopped, sizeof r->stopped);
    if (!r->stop_code) {
        r->stop_code = BOSUN_ERR_DEADLINE;
        snprintf(r->stopped, sizeof r->stopped, "timed out after %g s", host->limits.seconds);
    }
    return true;
}

/* What the method held when it was stopped (locks, clients, time limits) is garbage, and may not have been
 * closed. */
static int run_clean_up(lua_State *L)
{
    action_run *r = lua_touserdata(L, 1);
    lua_gc(L, LUA_GCCOLLECT);
    host_push_library(L, "bosun.host.driver", "clean_up");
    lua_pushstring(L, r->stopped);
    lua_pushstring(L, r->stop_code);
    lua_call(L, 2, 1);
    r->cleaned_up = !lua_isnil(L, -1);
    if (r->cleaned_up)
        take_status(L, r->status);
    return 0;
}

/* Lets the plugin undo or finish what the stopped action began. Returns whether the status is that of the
 * clean-up; if not, the action's own outcome stands. */
static bool clean_up(action_run *r)
{
    bosun_err err = {0};
    host_limits_begin_clean_up(&r->host->limits);
    host_limits_arm(r->host->L);
    if (host_call(r->host, run_clean_up, r, "cleaning up", &err) == 0)
        return r->cleaned_up;
    bosun_buf text = {0};
    bosun_err_text(&text, &err);
    host_log(r->host, BOSUN_LOG_ERROR, NULL, 0, bosun_buf_text(&text), text.len);
    bosun_buf_free(&text);
    return false;
}

/* A method that was stopped knows that its wait ended, not why: its own status says so. */
static int add_reason(const action_run *r)
{
    const bosun_status *status = r->status;
    if (status->message && strstr(status->message, r->stopped))
        return 0;
    return put_in_front(r->status, r->stopped);
}

/* Runs the action under the limits, then checks and completes its status. */
static int run_and_check(action_run *r, bosun_err *err)
{
    bosun_host *host = r->host;
    double timeout = r->options->timeout;
    bool of_host = timeout == BOSUN_TIMEOUT_OF_HOST; /* loading has taken a part of it */
    if (!of_host)
        host->limits.spent = 0;
    int rc = host_begin_within(host, of_host ? host->options.timeout : timeout, r->what, err);
    if (rc == 0)
        rc = run_with_config(r, err);
    if (rc == 0)
        rc = check_interrupted(r->host, r->status, err);
    if (was_stopped(r, rc, err)) {
        if (clean_up(r))
            rc = 0;
        else if (rc == 0 && add_reason(r) < 0)
            rc = bosun_err_nomem(err, "say why the action was stopped");
    }
    if (rc == 0 && add_plan(r->host, r->status) < 0)
        rc = bosun_err_nomem(err, "copy the plan of the dry run");
    return rc;
}

/* Runs the action, if there is one and a plugin for it. */
static int run_named(action_run *r, const char *action, bosun_err *err)
{
    if (!r->action)
        return bosun_action_unknown(action, err);
    if (!r->host->loaded) {
        *err = r->host->load_error;
        return -1;
    }
    snprintf(r->what, sizeof r->what, "running %s", r->action->name);
    return run_and_check(r, err);
}

/* Fills the status of an action of a host, and logs it. */
static void run_on_host(bosun_host *host, const char *action, const bosun_run_options *options,
                        bosun_status *status)
{
    int64_t start = bosun_monotonic() - host->limits.stood;
    bosun_err err = {0};
    action_run r = {.host = host, .action = bosun_action_find(action), .options = options, .status = status};
    host_enter(host);
    host->plan.len = 0;
    host_context_begin(&host->context, r.action ? r.action->name : NULL);
    if (run_named(&r, action, &err) < 0) {
        bosun_status_fail(status, &err);
        status->state = state_after(&r, &err);
        status->duration = (double)(bosun_monotonic() - host->limits.stood - start) / (double)BOSUN_SECOND;
        status->timestamp = bosun_realtime() / 1000000;
    }
    if (host_redact_status(status, &host->secrets) < 0) {
        bosun_err_nomem(&err, "remove secrets from the status");
        bosun_status_fail(status, &err);
    }
    bosun_status_check(status); /* before anything is said about it */
    log_outcome(host, action, status, err.several);
    host_end(host);
    host_leave(host);
}

/* Checks what the embedder has passed, and fills *ours. */
static int check_call(const bosun_host *host, const char *action, const bosun_run_options *options,
                      bosun_run_options *ours, bosun_err *err)
{
    if (!host)
        return host_missing(err);
    if (!action)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "run", "no action was named: it is NULL");
    if (host_run_options_take(ours, options, err) < 0)
        return -1;
    if (ours->timeout == BOSUN_TIMEOUT_OF_HOST)
        return 0;
    return host_check_timeout(ours->timeout, "run", err);
}

bosun_status *bosun_host_run_with(bosun_host *host, const char *action, const bosun_run_options *options)
{
    bosun_run_options ours;
    bosun_err err = {0};
    bosun_status *status = bosun_status_new();
    if (!status)
        return NULL;
    if (check_call(host, action, options, &ours, &err) == 0) {
        run_on_host(host, action, &ours, status);
        return status;
    }
    bosun_status_fail(status, &err);
    status->timestamp = bosun_realtime() / 1000000;
    bosun_status_check(status);
    return status;
}

bosun_status *bosun_host_run(bosun_host *host, const char *action, const char *config)
{
    bosun_run_options options;
    bosun_run_options_init(&options);
    options.config = config;
    return bosun_host_run_with(host, action, &options);
}
