/* The outcome of an action: its fields, and its text in the status file. */
#include "status.h"
#include "core/base/wait.h"
#include "core/yaml/yaml.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE            8192 /* bytes at once for an outlet */
#define LONGEST_DURATION 1e14 /* seconds: far past sense, and its four decimals still fit 64 bits */

static const char *const outcome_names[] = {
    [BOSUN_PASSING] = "passing",
    [BOSUN_FAILING] = "failing",
    [BOSUN_WARNING] = "warning",
    [BOSUN_UNKNOWN] = "unknown",
};

bosun_status *bosun_status_new(void)
{
    bosun_status *status = calloc(1, sizeof *status);
    if (!status)
        return NULL;
    status->outcome = BOSUN_UNKNOWN;
    status->arena = bosun_arena_new();
    if (!status->arena) {
        free(status);
        return NULL;
    }
    return status;
}

void bosun_status_free(bosun_status *status)
{
    if (!status)
        return;
    bosun_buf_free(&status->yaml);
    bosun_buf_free(&status->json);
    bosun_arena_free(status->arena);
    free(status);
}

int bosun_status_set_message(bosun_status *status, const char *text, size_t len)
{
    const bosun_value *copy = bosun_value_string(status->arena, text, len);
    if (!copy)
        return -1;
    status->message = copy->as.string.bytes;
    status->message_len = len;
    return 0;
}

int bosun_status_set_state(bosun_status *status, const char *text)
{
    const bosun_value *copy = bosun_value_string(status->arena, text, strlen(text));
    if (!copy)
        return -1;
    status->state = copy->as.string.bytes;
    return 0;
}

void bosun_status_fail(bosun_status *status, const bosun_err *err)
{
    bosun_buf text = {0};
    bosun_err_text(&text, err);
    status->outcome = BOSUN_FAILING;
    status->state = NULL;
    status->data = bosun_failure_fill(&status->failure, err);
    if (text.failed || bosun_status_set_message(status, bosun_buf_text(&text), text.len) < 0) {
        status->message = "out of memory";
        status->message_len = strlen(status->message);
    }
    bosun_buf_free(&text);
}

/* `key: "text"`, or null. */
static void write_text(bosun_buf *out, const char *key, const char *text, size_t len)
{
    bosun_buf_printf(out, "%s: ", key);
    if (text)
        bosun_yaml_write_string(out, text, len);
    else
        bosun_buf_puts(out, "null");
    bosun_buf_putc(out, '\n');
}

/* In whole ten-thousandths, because printf's %f has the locale's decimal point. */
void bosun_status_write_duration(bosun_buf *out, double seconds)
{
    double sane = seconds > 0 ? fmin(seconds, LONGEST_DURATION) : 0; /* not-a-number is 0 too */
    int64_t parts = llround(sane * 10000);
    bosun_buf_printf(out, "%" PRId64 ".%04" PRId64, parts / 10000, parts % 10000);
}

static int write_data(bosun_buf *out, const bosun_value *data, bosun_err *err)
{
    bool nested = data && ((data->kind == BOSUN_SEQUENCE && data->as.sequence.count > 0) ||
                           (data->kind == BOSUN_MAPPING && data->as.mapping.count > 0));
    if (!data) {
        bosun_buf_puts(out, "data: null\n");
        return 0;
    }
    bosun_buf_puts(out, nested ? "data:\n" : "data: ");
    return bosun_yaml_write(out, data, nested ? 2 : 0, err);
}

int bosun_status_write(bosun_buf *out, const bosun_status *status, bosun_err *err)
{
    write_text(out, "status", bosun_outcome_name(status->outcome),
               strlen(bosun_outcome_name(status->outcome)));
    write_text(out, "msg", status->message, status->message_len);
    write_text(out, "state", status->state, status->state ? strlen(status->state) : 0);
    bosun_buf_puts(out, "duration: ");
    bosun_status_write_duration(out, status->duration);
    bosun_buf_printf(out, "\ntimestamp: %" PRId64 "\n", status->timestamp);
    if (write_data(out, status->data, err) < 0)
        return -1;
    if (!out->failed)
        return 0;
    if (out->fixed && !out->outlet)
        return bosun_err_set(err, BOSUN_ERR_TOO_LARGE, "write", "the status is too large");
    return bosun_err_nomem(err, "write the status");
}

int bosun_status_stream(const bosun_status *status, bosun_outlet *outlet, bosun_err *err)
{
    char storage[PIECE];
    bosun_buf out = bosun_buf_flowing(storage, sizeof storage, outlet);
    if (bosun_status_write(&out, status, err) < 0)
        return -1;
    bosun_buf_flush(&out);
    return out.failed ? bosun_err_set(err, BOSUN_ERR_INVALID, "write", "cannot write the status") : 0;
}

static int drop(void *data, const char *bytes, size_t len)
{
    (void)data;
    (void)bytes;
    (void)len;
    return 0;
}

void bosun_status_check(bosun_status *status)
{
    if (!status->data)
        return; /* whatever else there is can be written */
    bosun_outlet nowhere = {.write = drop};
    bosun_err err = {0};
    if (bosun_status_stream(status, &nowhere, &err) < 0)
        bosun_status_fail(status, &err);
}

void bosun_status_write_failing(bosun_buf *out, const bosun_err *err, int64_t duration)
{
    bosun_failure failure = {.code = ""};
    const bosun_status status = {
        .outcome = BOSUN_FAILING,
        .message = err->message,
        .message_len = strlen(err->message),
        .data = bosun_failure_fill(&failure, err),
        .duration = (double)duration / (double)BOSUN_SECOND,
        .timestamp = bosun_realtime() / 1000000,
    };
    bosun_err ignored;
    bosun_status_write(out, &status, &ignored);
}

int bosun_outcome_find(const char *name, bosun_outcome *out)
{
    for (size_t i = 0; i < sizeof outcome_names / sizeof outcome_names[0]; i++)
        if (strcmp(outcome_names[i], name) == 0) {
            *out = (bosun_outcome)i;
            return 0;
        }
    return -1;
}

const char *bosun_outcome_name(bosun_outcome outcome)
{
    return (unsigned)outcome < 4 ? outcome_names[outcome] : "unknown";
}

bosun_outcome bosun_status_outcome(const bosun_status *status)
{
    return status ? status->outcome : BOSUN_UNKNOWN;
}

const char *bosun_status_message(const bosun_status *status)
{
    return status ? status->message : NULL;
}

size_t bosun_status_message_length(const bosun_status *status)
{
    return status && status->message ? status->message_len : 0;
}

const char *bosun_status_state(const bosun_status *status)
{
    return status ? status->state : NULL;
}

double bosun_status_duration(const bosun_status *status)
{
    return status ? status->duration : 0;
}

int64_t bosun_status_timestamp(const bosun_status *status)
{
    return status ? status->timestamp : 0;
}

/* Data that cannot be written makes the status failing. -1: out of memory. */
static int make_yaml(bosun_status *status)
{
    bosun_err err = {0};
    if (bosun_status_write(&status->yaml, status, &err) == 0)
        return 0;
    bool out_of_memory = status->yaml.failed;
    bosun_buf_free(&status->yaml);
    if (out_of_memory)
        return -1;
    bosun_status_fail(status, &err);
    return bosun_status_write(&status->yaml, status, NULL);
}

const char *bosun_status_yaml(bosun_status *status, size_t *len)
{
    if (len)
        *len = 0;
    if (!status)
        return NULL;
    if (status->yaml.len == 0 && make_yaml(status) < 0) {
        bosun_buf_free(&status->yaml);
        return NULL;
    }
    if (len)
        *len = status->yaml.len;
    return status->yaml.data;
}
