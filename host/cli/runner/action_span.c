/* Appends the action's span to the trace. */
#include "action_span.h"
#include "core/base/otlp.h"
#include "core/base/wait.h"
#include "core/status.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE       5000 /* milliseconds for a FIFO that is not read */
#define ATTRIBUTES_MAX 8

static void add(bosun_log_field *fields, size_t *count, const char *name, const char *text, bool bare)
{
    if (*text)
        fields[(*count)++] = (bosun_log_field){.name = name, .text = text, .len = strlen(text), .bare = bare};
}

static void write_span(bosun_buf *out, const options *opt, const run_id *run, const action_end *end)
{
    char pid[16];
    char code[16];
    bosun_log_field attributes[ATTRIBUTES_MAX];
    bool failed = end->outcome == BOSUN_FAILING;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(code, sizeof code, "%d", end->exit_status);
    bosun_otlp_span span = {
        .id = run->trace.span,
        .parent = run->trace.parent,
        .flags = BOSUN_OTLP_PARENT_IS_KNOWN | (*run->trace.parent ? BOSUN_OTLP_PARENT_IS_REMOTE : 0),
        .name = opt->action->name,
        .kind = BOSUN_OTLP_INTERNAL,
        .start = end->started,
        .end = bosun_realtime(),
        .attributes = attributes,
        .error = failed ? end->message : NULL,
    };
    add(attributes, &span.attribute_count, "bosun.action", opt->action->name, false);
    add(attributes, &span.attribute_count, "bosun.plugin", opt->plugin, false);
    add(attributes, &span.attribute_count, "bosun.deployment.id", end->deployment, false);
    add(attributes, &span.attribute_count, "bosun.run", run->text, false);
    add(attributes, &span.attribute_count, "bosun.outcome", bosun_outcome_name(end->outcome), false);
    add(attributes, &span.attribute_count, "error.type", failed ? "failing" : "", false);
    add(attributes, &span.attribute_count, "process.pid", pid, true);
    add(attributes, &span.attribute_count, "process.exit.code", code, true);
    bosun_otlp_write(out, &run->trace, &span);
}

/* A worker that was killed may have left a part of a line. */
static bool is_in_line(int fd, const char *path)
{
    struct stat st;
    char last = '\n';
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return false;
    int reading = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    bool cut = reading >= 0 && pread(reading, &last, 1, st.st_size - 1) == 1 && last != '\n';
    if (reading >= 0)
        close(reading);
    return cut;
}

void action_span_write(const options *opt, const run_id *run, const action_end *end, const sink *log)
{
    if (!opt->trace_file || opt->trace_format != TRACE_OTLP_JSON)
        return;
    bosun_err err = {0};
    bosun_buf line = {0};
    int fd = sink_open_trace(opt->trace_file, &err);
    bosun_buf_puts(&line, fd >= 0 && is_in_line(fd, opt->trace_file) ? "\n" : "");
    write_span(&line, opt, run, end);
    if (fd >= 0 && line.failed)
        bosun_err_nomem(&err, "write the action's span to the trace");
    else if (fd >= 0 && sink_write(fd, line.data, line.len, PATIENCE) < 0)
        bosun_err_errno(&err, errno, "write the trace", opt->trace_file);
    if (*err.code)
        sink_printf(log, BOSUN_LOG_WARN, "%s; the action's own span is missing from it", err.message);
    if (fd >= 0)
        close(fd);
    bosun_buf_free(&line);
}
