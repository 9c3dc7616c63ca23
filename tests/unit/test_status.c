/* The text of a status file, and the accessors of a status. */
#include "core/status.h"
#include "tap.h"
#include <math.h>

static const char *text_of(bosun_status *status)
{
    bosun_buf_free(&status->yaml);
    return bosun_status_yaml(status, NULL);
}

static void empty_status(void)
{
    bosun_status *status = bosun_status_new();
    is_text(text_of(status),
            "status: \"unknown\"\nmsg: null\nstate: null\nduration: 0.0000\ntimestamp: 0\ndata: null\n",
            "an empty status has the six keys");
    ok(bosun_status_outcome(status) == BOSUN_UNKNOWN && !bosun_status_message(status) &&
           !bosun_status_state(status),
       "and nothing in them");
    bosun_status_free(status);
    bosun_status_free(NULL);
}

static void full_status(void)
{
    bosun_status *status = bosun_status_new();
    bosun_value *data = bosun_value_new(status->arena, BOSUN_MAPPING);
    bosun_value *list = bosun_value_new(status->arena, BOSUN_SEQUENCE);
    status->outcome = BOSUN_PASSING;
    bosun_status_set_message(status, "it \"runs\"\nnow", 13);
    bosun_status_set_state(status, "ready");
    status->duration = 0.01324;
    status->timestamp = 1795420800123;
    status->data = data;
    bosun_value_push(status->arena, list, bosun_value_bool(status->arena, true));
    bosun_value_set(status->arena, data, "list", list);
    bosun_value_set(status->arena, data, "none", bosun_value_new(status->arena, BOSUN_MAPPING));
    is_text(text_of(status),
            "status: \"passing\"\nmsg: \"it \\\"runs\\\"\\nnow\"\nstate: \"ready\"\nduration: 0.0132\n"
            "timestamp: 1795420800123\ndata:\n  \"list\":\n    - true\n  \"none\": {}\n",
            "a full one");
    size_t len = 0;
    const char *again = bosun_status_yaml(status, &len);
    ok(again && len == strlen(again), "the text is kept, and its length told");
    is_text(bosun_status_message(status), "it \"runs\"\nnow", "the message");
    status->data = list;
    ok(strstr(text_of(status), "\ndata:\n  - true\n") != NULL, "data that is a sequence");
    status->data = bosun_value_new(status->arena, BOSUN_SEQUENCE);
    ok(strstr(text_of(status), "\ndata: []\n") != NULL, "data that is an empty sequence");
    status->data = bosun_value_int(status->arena, 5);
    ok(strstr(text_of(status), "\ndata: 5\n") != NULL, "data that is a scalar");
    bosun_status_free(status);
}

static void durations(void)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{1.99996, "2.0000"},
                 {12.5, "12.5000"},
                 {-3, "0.0000"},
                 {NAN, "0.0000"},
                 {0.00004, "0.0000"},
                 {INFINITY, "100000000000000.0000"},
                 {86400.00005, "86400.0001"}};
    bosun_status *status = bosun_status_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[64];
        status->duration = cases[i].seconds;
        snprintf(line, sizeof line, "\nduration: %s\n", cases[i].text);
        ok(strstr(text_of(status), line) != NULL, "a duration of %g s is %s", cases[i].seconds,
           cases[i].text);
    }
    bosun_status_free(status);
}

static void names(void)
{
    bosun_outcome outcome;
    ok(bosun_outcome_find("warning", &outcome) == 0 && outcome == BOSUN_WARNING, "an outcome by its name");
    ok(bosun_outcome_find("fine", &outcome) < 0, "an unknown one");
    is_text(bosun_outcome_name((bosun_outcome)9), "unknown", "an outcome that is none");
}

static void too_large(void)
{
    char storage[100];
    bosun_buf small = bosun_buf_fixed(storage, sizeof storage);
    bosun_err err = {0};
    bosun_status *status = bosun_status_new();
    ok(bosun_status_write(&small, status, &err) < 0 || strlen(storage) < 100,
       "a short status fits 100 bytes or says so");
    bosun_status_set_message(status, "a text that does not fit any more at all, whatever one does", 58);
    small = bosun_buf_fixed(storage, sizeof storage);
    ok(bosun_status_write(&small, status, &err) < 0 && strcmp(err.code, BOSUN_ERR_TOO_LARGE) == 0,
       "a long one does not, and that is an error");
    bosun_status_free(status);
}

/* What the supervisor relies on: the text of any message fits, without allocating. */
static void failing(void)
{
    bosun_err err = {.code = "deadline"};
    memset(err.message, 1, sizeof err.message - 1);
    memset(err.op, 1, sizeof err.op - 1);
    memset(err.hint, 1, sizeof err.hint - 1);
    char storage[BOSUN_STATUS_FAILING_MAX];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    bosun_status_write_failing(&text, &err, 1500000000);
    ok(!text.failed && strncmp(text.data, "status: \"failing\"\nmsg: \"\\x01", 27) == 0,
       "the longest message, with every byte escaped, fits");
    ok(strstr(text.data, "\nstate: null\nduration: 1.5000\ntimestamp: ") != NULL, "the other keys");
    ok(strstr(text.data, "\ndata:\n  \"error\":\n    \"code\": \"deadline\"\n    \"hint\": \"\\x01") != NULL,
       "and the error");
    ok(strstr(text.data, "\"\n    \"retryable\": true\n") != NULL, "with what its code means");
}

static int append(void *data, const char *bytes, size_t len)
{
    bosun_buf_append(data, bytes, len);
    return 0;
}

static void streams(void)
{
    static char text[100000];
    memset(text, '\n', sizeof text);
    bosun_status *status = bosun_status_new();
    status->data = bosun_value_new(status->arena, BOSUN_SEQUENCE);
    for (int i = 0; i < 1000; i++)
        bosun_value_push(status->arena, status->data, bosun_value_int(status->arena, i));
    bosun_value_push(status->arena, status->data, bosun_value_string(status->arena, text, sizeof text));
    bosun_buf pieces = {0};
    bosun_outlet outlet = {.write = append, .data = &pieces};
    bosun_err err = {0};
    ok(bosun_status_stream(status, &outlet, &err) == 0, "a status in pieces");
    size_t len;
    const char *yaml = bosun_status_yaml(status, &len);
    ok(yaml && len == pieces.len && memcmp(yaml, pieces.data, len) == 0, "is the same text");
    bosun_buf_free(&pieces);
    bosun_status_free(status);
}

static void data_too_large(void)
{
    static char text[68 * 1000 * 1000];
    memset(text, 'x', sizeof text);
    bosun_status *status = bosun_status_new();
    status->outcome = BOSUN_PASSING;
    status->data = bosun_value_string(status->arena, text, sizeof text);
    bosun_status_set_state(status, "ready");
    bosun_status_check(status);
    ok(bosun_status_outcome(status) == BOSUN_FAILING, "data that is too large makes the status failing");
    const char *yaml = bosun_status_yaml(status, NULL);
    ok(yaml && strstr(yaml, "\nmsg: \"the data is too large: ") && strstr(yaml, "\nstate: null\n") &&
           bosun_status_outcome(status) == BOSUN_FAILING,
       "and its text says so");
    bosun_status_free(status);
}

int main(void)
{
    empty_status();
    full_status();
    durations();
    names();
    too_large();
    failing();
    streams();
    data_too_large();
    return done();
}
