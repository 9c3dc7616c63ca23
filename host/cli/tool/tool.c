/* The shared parts of bosun's subcommands. The plugin runs in this process: Ctrl-C ends it as it ends any
 * program, the host's deadline stops Lua code, and an alarm what no hook reaches. */
#include "tool.h"
#include "cli/sink.h"
#include "core/fs/fs.h"
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

int tool_fail(int status, const char *message)
{
    fprintf(stderr, "bosun: %s\n", message);
    return status;
}

int tool_plugin_failed(const bosun_error *error)
{
    bool no_file = strcmp(error->code, "ENOENT") == 0 || strcmp(error->code, "EACCES") == 0;
    return tool_fail(no_file ? TOOL_NO_FILE : TOOL_BROKEN, error->message);
}

static void on_alarm(int number)
{
    static const char text[] = "bosun: timed out: the plugin's code did not stop\n";
    (void)number;
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n; /* there is no other way to tell */
    _exit(TOOL_BROKEN);
}

static int set_alarm(double seconds)
{
    struct itimerval when = {.it_value = {.tv_sec = (time_t)fmin(ceil(seconds), 1e9)}};
    return signal(SIGALRM, on_alarm) == SIG_ERR || setitimer(ITIMER_REAL, &when, NULL) < 0 ? -1 : 0;
}

bosun_host *tool_open(const char *plugin, const char *private_config, double timeout, int *status)
{
    static sink log = {.level = BOSUN_LOG_WARN, .format = BOSUN_LOG_TEXT, .trace_fd = -1};
    bosun_options options;
    bosun_error error = {.code = ""};
    bosun_options_init(&options);
    options.plugin_path = getenv("BOSUN_PLUGIN_PATH");
    options.dry_run = true;
    options.timeout = timeout;
    options.log_level = log.level;
    options.log = sink_log;
    options.log_data = &log;
    if (set_alarm(timeout + 1) < 0) {
        *status = tool_fail(TOOL_BROKEN, "cannot set the alarm of --timeout");
        return NULL;
    }
    bosun_host *host = bosun_host_new(&options, &error);
    if (host && bosun_host_load(host, plugin, private_config, &error) == 0)
        return host;
    *status = tool_plugin_failed(&error);
    bosun_host_free(host);
    return NULL;
}
