/* Log events as text, JSON and logfmt, and texts that try to imitate other events. */
#include "core/base/log.h"
#include "tap.h"

static bosun_buf out;

static const char *line(bosun_log_format format, const char *message, const bosun_log_field *fields,
                        size_t count)
{
    bosun_log_event event = {.level = BOSUN_LOG_INFO,
                             .time_ns = INT64_C(1795420800123456789),
                             .message = message,
                             .fields = fields,
                             .field_count = count};
    bosun_buf_clear(&out);
    bosun_log_write(&out, format, &event);
    return bosun_buf_text(&out);
}

#define FIELD(n, t, b)                                                                                       \
    {                                                                                                        \
        .name = (n), .text = (t), .len = sizeof(t) - 1, .bare = (b)                                          \
    }

static const bosun_log_field fields[] = {
    FIELD("id", "d-1", false),
    FIELD("text", "a \"b\"\n", false),
    FIELD("n", "5", true),
};

static void formats(void)
{
    is_text(line(BOSUN_LOG_TEXT, "hello", fields, 3),
            "2026-11-23T08:00:00.123Z INFO  hello id=d-1 text=\"a \\\"b\\\"\\n\" n=5\n", "text");
    is_text(line(BOSUN_LOG_JSON, "hello", fields, 3),
            "{\"time\":\"2026-11-23T08:00:00.123Z\",\"level\":\"info\",\"message\":\"hello\",\"id\":\"d-1\","
            "\"text\":\"a \\\"b\\\"\\n\",\"n\":5}\n",
            "json");
    is_text(line(BOSUN_LOG_LOGFMT, "hello you", fields, 3),
            "time=2026-11-23T08:00:00.123Z level=info msg=\"hello you\" id=d-1 text=\"a \\\"b\\\"\\n\" n=5\n",
            "logfmt");
}

static void hostile_texts(void)
{
    is_text(line(BOSUN_LOG_TEXT, "a\n2026-11-23T08:00:00.123Z ERROR forged\x1b[31m\xC2\x9B", NULL, 0),
            "2026-11-23T08:00:00.123Z INFO  a\n    2026-11-23T08:00:00.123Z ERROR forged\\u001b[31m\\u009b\n",
            "a message cannot forge an event or reach the terminal");
    static const bosun_log_field bad[] = {FIELD("a b=\"\n", "x", false), FIELD("", "", false),
                                          FIELD("level", "\xFF", false)};
    is_text(line(BOSUN_LOG_LOGFMT, "", bad, 3),
            "time=2026-11-23T08:00:00.123Z level=info msg=\"\" a_b___=x _=\"\" level=\xEF\xBF\xBD\n",
            "names that would end early, empty values, bad UTF-8");
    is_text(line(BOSUN_LOG_JSON, "", bad + 2, 1),
            "{\"time\":\"2026-11-23T08:00:00.123Z\",\"level\":\"info\",\"message\":\"\",\"level_\":"
            "\"\xEF\xBF\xBD\"}\n",
            "a field cannot hide the event's own keys");
    static const bosun_log_field numbers[] = {FIELD("a", "inf", true),  FIELD("b", "-1.5e+3", true),
                                              FIELD("c", "0x10", true), FIELD("d", "01", true),
                                              FIELD("e", "1.", true),   FIELD("f", "null", true),
                                              FIELD("g", "-", true)};
    starts_with(
        strstr(line(BOSUN_LOG_JSON, "", numbers, 7), ",\"a\""),
        ",\"a\":\"inf\",\"b\":-1.5e+3,\"c\":\"0x10\",\"d\":\"01\",\"e\":\"1.\",\"f\":null,\"g\":\"-\"}",
        "only JSON's own numbers are bare");
}

static void times(void)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},
                 {INT64_C(951782400) * 1000000000, "2000-02-29T00:00:00.000Z"},
                 {INT64_C(4107542399) * 1000000000, "2100-02-28T23:59:59.000Z"},
                 {INT64_C(4107542400) * 1000000000, "2100-03-01T00:00:00.000Z"},
                 {INT64_MAX, "2262-04-11T23:47:16.854Z"},
                 {INT64_MIN, "1677-09-21T00:12:43.145Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bosun_log_event event = {.time_ns = cases[i].ns, .message = ""};
        bosun_buf_clear(&out);
        bosun_log_write(&out, BOSUN_LOG_TEXT, &event);
        starts_with(bosun_buf_text(&out), cases[i].text, cases[i].text);
    }
}

static void colors(void)
{
    bosun_log_field field = FIELD("a", "b", false);
    bosun_log_event event = {
        .level = BOSUN_LOG_WARN, .message = "one\ntwo\033[0m", .fields = &field, .field_count = 1};
    bosun_buf_clear(&out);
    bosun_log_write_colored(&out, &event);
    is_text(bosun_buf_text(&out),
            "\033[2m1970-01-01T00:00:00.000Z\033[0m \033[33mWARN \033[0m one\033[2m a=b\033[0m\n    "
            "two\\u001b[0m\n",
            "colours of a terminal, and none from a message");
}

static void names(void)
{
    bosun_log_level level;
    bosun_log_format format;
    ok(bosun_log_level_find("warn", &level) == 0 && level == BOSUN_LOG_WARN, "a level by its name");
    ok(bosun_log_format_find("logfmt", &format) == 0 && format == BOSUN_LOG_LOGFMT, "a format by its name");
    ok(bosun_log_level_find("loud", &level) < 0 && bosun_log_format_find("xml", &format) < 0, "unknown ones");
}

int main(void)
{
    formats();
    hostile_texts();
    times();
    colors();
    names();
    bosun_buf_free(&out);
    return done();
}
