/* The plan of a dry run: the changes it would have made, in order. */
#include "host.h"
#include <lauxlib.h>
#include <stdarg.h>
#include <string.h>

/* Replaces control characters, such as a newline in a file name, because an entry of the plan is one line. */
static void replace_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            *text = '?';
}

static void log_entry(bosun_host *host, const char *entry)
{
    bosun_buf line = {0};
    if (host->console) {
        bosun_buf_printf(&line, "held back: %s\n", entry);
        host_print(host, bosun_buf_text(&line), line.len);
        bosun_buf_free(&line);
        return;
    }
    bosun_buf_printf(&line, "dry run: %s", entry);
    host_log(host, BOSUN_LOG_INFO, NULL, 0, bosun_buf_text(&line), line.len);
    bosun_buf_free(&line);
}

bool host_effect_begin(lua_State *L, const char *op, const char *format, ...)
{
    bosun_host *host = host_of(L);
    if (!host->options.dry_run)
        return true;
    size_t start = host->plan.len;
    bosun_buf_printf(&host->plan, "%s ", op);
    va_list args;
    va_start(args, format);
    bosun_buf_vprintf(&host->plan, format, args);
    va_end(args);
    bosun_buf_putc(&host->plan, '\0');
    if (host->plan.failed)
        luaL_error(L, "out of memory while recording the plan of a dry run");
    char *entry = host->plan.data + start;
    replace_controls(entry);
    log_entry(host, entry);
    return false;
}

bosun_value *host_plan_value(const bosun_host *host, bosun_arena *arena)
{
    bosun_value *list = bosun_value_new(arena, BOSUN_SEQUENCE);
    const char *plan = bosun_buf_text(&host->plan);
    const char *end = plan + host->plan.len;
    for (const char *entry = plan; list && entry < end; entry += strlen(entry) + 1) {
        bosun_value *text = bosun_value_string(arena, entry, strlen(entry));
        if (!text || bosun_value_push(arena, list, text) < 0)
            return NULL;
    }
    return list;
}
