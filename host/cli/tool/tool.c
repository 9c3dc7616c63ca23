/* What bosun's subcommands share. The plugin runs in this process: Ctrl-C ends it like any program, the
 * host's deadline stops Lua code, and an alarm ends the process when C code does not return. */
#include "tool.h"
#include "cli/color.h"
#include "cli/sink.h"
#include "core/fs/fs.h"
#include "engine/host/tool.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

int tool_print(const char *text, size_t len)
{
    bosun_err err = {0};
    if (bosun_fs_write_all(STDOUT_FILENO, text, len, "standard output", &err) == 0)
        return TOOL_OK;
    return tool_fail(TOOL_OUTPUT, err.message);
}

int tool_print_help(const args_command *command)
{
    bosun_buf text = {0};
    args_write_help(&text, command);
    int status = text.failed ? tool_fail(TOOL_OUTPUT, "out of memory") : tool_print(text.data, text.len);
    bosun_buf_free(&text);
    return status;
}

int tool_fail(int status, const char *message)
{
    color_report("bosun", message);
    return status;
}

int tool_report_plugin(const bosun_error *error)
{
    bool no_file = strcmp(error->code, "plugin_not_found") == 0 || strcmp(error->code, "EACCES") == 0;
    return tool_fail(no_file ? TOOL_NO_FILE : TOOL_BROKEN, error->message);
}

static void on_alarm(int number)
{
    static const char text[] = "bosun: timed out: the plugin does not stop\n";
    (void)number;
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n; /* nowhere to report a failure */
    _exit(TOOL_BROKEN);
}

static int set_alarm(double seconds)
{
    struct itimerval when = {.it_value = {.tv_sec = (time_t)fmin(ceil(seconds), 1e9)}};
    return signal(SIGALRM, on_alarm) == SIG_ERR || setitimer(ITIMER_REAL, &when, NULL) < 0 ? -1 : 0;
}

static bosun_options host_options(double timeout)
{
    static sink log = {
        .level = BOSUN_LOG_WARN, .format = BOSUN_LOG_TEXT, .log_fd = STDERR_FILENO, .trace_fd = -1};
    bosun_options options;
    bosun_options_init(&options);
    options.plugin_path = getenv("BOSUN_PLUGIN_PATH");
    options.dry_run = true;
    options.timeout = timeout;
    log.color = color_wanted(STDERR_FILENO);
    options.log_level = log.level;
    options.log = sink_log;
    options.log_data = &log;
    return options;
}

bosun_host *tool_load_plugin(const char *plugin, const char *private_config, double timeout, int *status)
{
    if (set_alarm(timeout + 1) < 0) {
        *status = tool_fail(TOOL_BROKEN, "cannot set a timer for --timeout");
        return NULL;
    }
    bosun_options options = host_options(timeout);
    bosun_error error = {.code = ""};
    bosun_host *host = bosun_host_new(&options, &error);
    if (host && bosun_host_load(host, plugin, private_config, &error) == 0)
        return host;
    *status = tool_report_plugin(&error);
    bosun_host_free(host);
    return NULL;
}

/* A message of several lines is one for each of them. */
static void report_lines(const char *text)
{
    char line[4096];
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)len, text);
        color_report("bosun", line);
    }
}

static int print_result(const host_tool_call *call)
{
    int status = tool_print(bosun_buf_text(&call->out), call->out.len);
    report_lines(bosun_buf_text(&call->message));
    return status == TOOL_OK ? call->status : status;
}

int tool_run_lua(const char *module, const char *const *words, const char *const *fields, double timeout)
{
    host_tool_call call = {.module = module, .words = words, .fields = fields};
    bosun_options options = host_options(timeout);
    bosun_error error;
    bosun_err err = {0};
    options.dry_run = false;
    bosun_host *host = bosun_host_new(&options, &error);
    int status;
    if (!host)
        status = tool_fail(TOOL_BROKEN, error.message);
    else if (host_run_tool(host, &call, &err) < 0)
        status = tool_fail(TOOL_BROKEN, err.message);
    else
        status = print_result(&call);
    bosun_host_free(host);
    bosun_buf_free(&call.out);
    bosun_buf_free(&call.message);
    return status;
}
