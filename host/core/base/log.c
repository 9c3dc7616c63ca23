/* Log events as lines of text, JSON or logfmt. Messages and values come from outside: nothing in them may
 * look like another event, or reach a terminal as a command. Times are computed here because gmtime_r may
 * read files. */
#include "log.h"
#include <stdbool.h>
#include <string.h>

const char *const bosun_log_level_names[5] = {"trace", "debug", "info", "warn", "error"};
const char *const bosun_log_format_names[3] = {"text", "json", "logfmt"};

static int find(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int bosun_log_level_find(const char *name, bosun_log_level *out)
{
    int at = find(name, bosun_log_level_names, 5);
    if (at >= 0)
        *out = (bosun_log_level)at;
    return at < 0 ? -1 : 0;
}

int bosun_log_format_find(const char *name, bosun_log_format *out)
{
    int at = find(name, bosun_log_format_names, 3);
    if (at >= 0)
        *out = (bosun_log_format)at;
    return at < 0 ? -1 : 0;
}

/* 2026-11-23T08:00:00.123Z.  Days to date:
 * https://howardhinnant.github.io/date_algorithms.html#civil_from_days */
static void write_time(bosun_buf *out, int64_t time_ns)
{
    const int64_t day_ms = 86400 * INT64_C(1000);
    int64_t ms = time_ns / 1000000 - (time_ns % 1000000 < 0);
    int64_t days = ms / day_ms - (ms % day_ms < 0);
    int of_day = (int)(ms - days * day_ms);
    int64_t shifted = days + 719468; /* since 0000-03-01; 64 bits of nanoseconds cannot make it negative */
    int64_t era = shifted / 146097;
    int64_t doe = shifted % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int day = (int)(doy - (153 * mp + 2) / 5 + 1);
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    int year = (int)(yoe + era * 400 + (month <= 2));
    bosun_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day, of_day / 3600000,
                     of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000);
}

/* Bytes of the control character at `text` (C0, DEL or C1), 0 when another character stands there. */
static size_t control_size(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    if (len > 0 && (s[0] < 0x20 || s[0] == 0x7F))
        return 1;
    return len > 1 && s[0] == 0xC2 && s[1] < 0xA0 && s[1] >= 0x80 ? 2 : 0;
}

/* How a control character, '"' or '\\' is written inside quotes; both formats have JSON's escapes. */
static void write_escape(bosun_buf *out, const char *text, size_t size)
{
    static const char named[] = "\"\\\n\r\t";
    static const char letters[] = "\"\\nrt";
    unsigned char c = (unsigned char)text[size - 1];
    const char *at = c ? strchr(named, c) : NULL;
    if (at && size == 1)
        bosun_buf_printf(out, "\\%c", letters[at - named]);
    else
        bosun_buf_printf(out, "\\u%04x", c);
}

void bosun_log_quote(bosun_buf *out, const char *text, size_t len)
{
    size_t start = 0;
    bosun_buf_putc(out, '"');
    for (size_t at = 0; at < len;) {
        size_t size = control_size(text + at, len - at);
        if (size == 0 && (text[at] == '"' || text[at] == '\\'))
            size = 1;
        if (size == 0) {
            at++;
            continue;
        }
        bosun_buf_append_utf8(out, text + start, at - start);
        write_escape(out, text + at, size);
        start = at += size;
    }
    bosun_buf_append_utf8(out, text + start, len - start);
    bosun_buf_putc(out, '"');
}

/* As it is when that cannot be misread, else quoted. */
static void write_word(bosun_buf *out, const char *text, size_t len)
{
    bool quote = len == 0;
    for (size_t i = 0; i < len && !quote; i++)
        quote = strchr(" =\"\\", text[i]) || control_size(text + i, len - i) > 0;
    if (quote)
        bosun_log_quote(out, text, len);
    else
        bosun_buf_append_utf8(out, text, len);
}

/* A name as a bare word: whatever could end it becomes '_'. */
static void write_name(bosun_buf *out, const char *name)
{
    size_t len = strlen(name);
    if (len == 0)
        bosun_buf_putc(out, '_');
    for (size_t i = 0; i < len; i++) {
        bool plain =
            (unsigned char)name[i] > 0x20 && (unsigned char)name[i] < 0x7F && !strchr("=\"\\", name[i]);
        bosun_buf_append(out, plain ? &name[i] : "_", 1);
    }
}

/* The message for people: further lines are indented, so that none looks like an event of its own. */
static void write_message(bosun_buf *out, const char *text, size_t len)
{
    size_t start = 0;
    for (size_t at = 0; at < len; at++) {
        size_t size = control_size(text + at, len - at);
        if (size == 0 || text[at] == '\t')
            continue;
        bosun_buf_append_utf8(out, text + start, at - start);
        if (text[at] == '\n')
            bosun_buf_puts(out, "\n    ");
        else
            write_escape(out, text + at, size);
        at += size - 1;
        start = at + 1;
    }
    bosun_buf_append_utf8(out, text + start, len - start);
}

static void write_fields(bosun_buf *out, const bosun_log_event *event)
{
    for (size_t i = 0; i < event->field_count; i++) {
        const bosun_log_field *field = &event->fields[i];
        bosun_buf_putc(out, ' ');
        write_name(out, field->name);
        bosun_buf_putc(out, '=');
        write_word(out, field->text, field->len);
    }
}

#define DIM "\033[2m"
#define END "\033[0m"

static void write_level(bosun_buf *out, bosun_log_level level, bool color)
{
    static const char *const names[5] = {"TRACE", "DEBUG", "INFO ", "WARN ", "ERROR"};
    static const char *const colors[5] = {DIM, DIM, "\033[32m", "\033[33m", "\033[1;31m"};
    bosun_buf_printf(out, " %s%s%s ", color ? colors[level] : "", names[level], color ? END : "");
}

static void write_text(bosun_buf *out, const bosun_log_event *event, bool color)
{
    bosun_buf_puts(out, color ? DIM : "");
    write_time(out, event->time_ns);
    bosun_buf_puts(out, color ? END : "");
    write_level(out, event->level, color);
    size_t first_line = strcspn(event->message, "\n");
    write_message(out, event->message, first_line);
    bosun_buf_puts(out, color ? DIM : "");
    write_fields(out, event);
    bosun_buf_puts(out, color ? END : "");
    write_message(out, event->message + first_line, strlen(event->message + first_line));
}

static void write_logfmt(bosun_buf *out, const bosun_log_event *event)
{
    bosun_buf_puts(out, "time=");
    write_time(out, event->time_ns);
    bosun_buf_printf(out, " level=%s msg=", bosun_log_level_names[event->level]);
    bosun_log_quote(out, event->message, strlen(event->message));
    write_fields(out, event);
}

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

static bool is_json_number(const char *at)
{
    at += *at == '-';
    size_t digits = count_digits(at);
    if (digits == 0 || (digits > 1 && *at == '0'))
        return false;
    at += digits;
    if (*at == '.') {
        digits = count_digits(++at);
        at += digits;
    }
    if (digits > 0 && (*at == 'e' || *at == 'E')) {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        digits = count_digits(at);
        at += digits;
    }
    return digits > 0 && *at == '\0';
}

/* JSON has no bare inf, nan or hexadecimals, which Lua's numbers can be. */
static bool is_json_bare(const char *text, size_t len)
{
    static const char *const words[] = {"true", "false", "null"};
    char copy[64];
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return find(copy, words, 3) >= 0 || is_json_number(copy);
}

static void write_json_field(bosun_buf *out, const bosun_log_field *field)
{
    static const char *const taken[] = {"time", "level",
                                        "message"}; /* a second one would hide the event's own */
    static const char *const instead[] = {"time_", "level_", "message_"};
    int at = find(field->name, taken, 3);
    const char *name = at >= 0 ? instead[at] : field->name;
    bosun_buf_putc(out, ',');
    bosun_log_quote(out, name, strlen(name));
    bosun_buf_putc(out, ':');
    if (field->bare && is_json_bare(field->text, field->len))
        bosun_buf_append(out, field->text, field->len);
    else
        bosun_log_quote(out, field->text, field->len);
}

static void write_json(bosun_buf *out, const bosun_log_event *event)
{
    bosun_buf_puts(out, "{\"time\":\"");
    write_time(out, event->time_ns);
    bosun_buf_printf(out, "\",\"level\":\"%s\",\"message\":", bosun_log_level_names[event->level]);
    bosun_log_quote(out, event->message, strlen(event->message));
    for (size_t i = 0; i < event->field_count; i++)
        write_json_field(out, &event->fields[i]);
    bosun_buf_putc(out, '}');
}

void bosun_log_write(bosun_buf *out, bosun_log_format format, const bosun_log_event *event)
{
    switch (format) {
    case BOSUN_LOG_TEXT: write_text(out, event, false); break;
    case BOSUN_LOG_JSON: write_json(out, event); break;
    case BOSUN_LOG_LOGFMT: write_logfmt(out, event); break;
    }
    bosun_buf_putc(out, '\n');
}

void bosun_log_write_colored(bosun_buf *out, const bosun_log_event *event)
{
    write_text(out, event, true);
    bosun_buf_putc(out, '\n');
}
