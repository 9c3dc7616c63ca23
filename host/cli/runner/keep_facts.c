/* The facts of a run: who ran what, when, where. Of the environment, only names. */
#include "keep_facts.h"
#include "core/base/log.h"
#include "core/base/wait.h"
#include "core/config_secrets.h"
#include "core/fs/fs.h"
#include "core/yaml/yaml.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void add_text(bosun_buf *out, const char *name, const char *text)
{
    bosun_buf_printf(out, ",\n  \"%s\": ", name);
    if (text)
        bosun_log_quote(out, text, strlen(text));
    else
        bosun_buf_puts(out, "null");
}

static void add_time(bosun_buf *out, const char *name, int64_t nanoseconds)
{
    char text[32];
    struct tm parts;
    time_t seconds = (time_t)(nanoseconds / BOSUN_SECOND);
    bool known = gmtime_r(&seconds, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0;
    add_text(out, name, known ? text : NULL);
}

static void add_path(bosun_buf *out, const char *name, const char *path)
{
    char absolute[PATH_MAX];
    add_text(out, name, path && realpath(path, absolute) ? absolute : path);
}

static void add_command(bosun_buf *out, char *const *argv)
{
    bosun_buf_puts(out, ",\n  \"commandLine\": [");
    for (size_t i = 0; argv[i]; i++) {
        bosun_buf_puts(out, i > 0 ? ", " : "");
        bosun_log_quote(out, argv[i], strlen(argv[i]));
    }
    bosun_buf_putc(out, ']');
}

static void add_environment(bosun_buf *out)
{
    bosun_buf_puts(out, ",\n  \"environment\": [");
    for (char **entry = environ; entry && *entry; entry++) {
        bosun_buf_puts(out, entry > environ ? ", " : "");
        bosun_log_quote(out, *entry, strcspn(*entry, "="));
    }
    bosun_buf_putc(out, ']');
}

static void add_system(bosun_buf *out)
{
    struct utsname name;
    char folder[PATH_MAX];
    char text[256];
    bool known = uname(&name) == 0;
    add_text(out, "workingDirectory", getcwd(folder, sizeof folder));
    bosun_buf_printf(out, ",\n  \"user\": %u,\n  \"group\": %u", (unsigned)geteuid(), (unsigned)getegid());
    add_text(out, "machine", known ? name.nodename : NULL);
    snprintf(text, sizeof text, "%.80s %.80s %.80s", name.sysname, name.release, name.machine);
    add_text(out, "system", known ? text : NULL);
}

void keep_facts_write(bosun_buf *out, const keep_run *run)
{
    const options *opt = run->options;
    bosun_buf_puts(out, "{\n  \"bosun\": \"" BOSUN_VERSION "\"");
    add_command(out, opt->argv);
    add_text(out, "plugin", opt->plugin);
    add_text(out, "action", opt->action->name);
    add_text(out, "run", run->ids->text);
    add_text(out, "trace_id", run->ids->trace.id);
    add_time(out, "started", run->started);
    add_time(out, "ended", bosun_realtime());
    bosun_buf_printf(out, ",\n  \"exitStatus\": %d", run->exit_status);
    add_path(out, "config", opt->config);
    add_path(out, "privateConfig", opt->private_config);
    add_path(out, "statusFile", opt->status_file);
    add_system(out);
    add_environment(out);
    bosun_buf_puts(out, "\n}\n");
}

static int add_config_secrets(bosun_secrets *secrets, const char *path)
{
    struct stat st;
    bosun_buf text = {0};
    if (!path || stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
        bosun_fs_read(path, BOSUN_YAML_MAX_BYTES, &text, NULL, NULL) < 0) {
        bosun_buf_free(&text);
        return 0;
    }
    int rc = bosun_config_add_text_secrets(secrets, bosun_buf_text(&text), text.len, false);
    bosun_buf_free(&text);
    return rc;
}

int keep_facts_secrets(bosun_secrets *secrets, const options *opt)
{
    int rc = bosun_secrets_add_environment(secrets);
    if (rc == 0)
        rc = bosun_secrets_add_arguments(secrets, (const char *const *)opt->argv);
    if (rc == 0)
        rc = add_config_secrets(secrets, opt->config);
    return rc == 0 ? add_config_secrets(secrets, opt->private_config) : rc;
}
