/* The plan of a dry run: the changes it would have made, in order. An entry is kept as six texts, of which
 * those that are absent have no '='. The last one is for this file: the other path of a move or an exchange.
 */
#include "host.h"
#include <lauxlib.h>
#include <string.h>

enum { OPERATION, TARGET, BEFORE, AFTER, REASON, SHOWN, OTHER = SHOWN, FIELDS };

static const char *const field_names[SHOWN] = {"operation", "target", "before", "after", "reason"};

static const char reason_key;

static void add_text(bosun_buf *plan, const char *text)
{
    if (text)
        bosun_buf_printf(plan, "=%s", text);
    bosun_buf_putc(plan, '\0');
}

/* Replaces control characters, such as a newline in a file name, because an entry is shown on one line. */
static void replace_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\0') || text[i] == 0x7F)
            text[i] = '?';
}

/* Splits an entry into its texts, NULL for those that are absent. Returns where the next entry begins. */
static const char *read_entry(const char *at, const char *fields[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = *at == '=' ? at + 1 : NULL;
        at += strlen(at) + 1;
    }
    return at;
}

static void log_entry(bosun_host *host, const char *entry)
{
    const char *fields[FIELDS];
    read_entry(entry, fields);
    bosun_buf line = {0};
    bosun_buf_printf(&line, "%s: %s %s", host->console ? "held back" : "dry run", fields[OPERATION],
                     fields[TARGET]);
    if (fields[BEFORE])
        bosun_buf_printf(&line, ": %s -> %s", fields[BEFORE], fields[AFTER] ? fields[AFTER] : "nothing");
    else if (fields[AFTER])
        bosun_buf_printf(&line, ": %s", fields[AFTER]);
    if (fields[REASON])
        bosun_buf_printf(&line, " (%s)", fields[REASON]);
    if (host->console) {
        bosun_buf_putc(&line, '\n');
        host_print(host, bosun_buf_text(&line), line.len);
    } else {
        host_log(host, BOSUN_LOG_INFO, NULL, 0, bosun_buf_text(&line), line.len);
    }
    bosun_buf_free(&line);
}

/* Pushes the reason of the scope, NULL if there is none. [-0, +1, -] */
static const char *push_reason(lua_State *L)
{
    return lua_rawgetp(L, LUA_REGISTRYINDEX, &reason_key) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

void host_effect_swap_reason(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &reason_key);
    lua_insert(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &reason_key);
}

bool host_effect_begin(lua_State *L, const host_change *change)
{
    bosun_host *host = host_of(L);
    if (!host->options.dry_run)
        return true;
    const char *of_scope = push_reason(L);
    size_t start = host->plan.len;
    add_text(&host->plan, change->op);
    add_text(&host->plan, change->target);
    add_text(&host->plan, change->before);
    add_text(&host->plan, change->after);
    add_text(&host->plan, change->reason ? change->reason : of_scope);
    add_text(&host->plan, change->other);
    lua_pop(L, 1);
    if (host->plan.failed)
        luaL_error(L, "out of memory while recording the plan of a dry run");
    replace_controls(host->plan.data + start, host->plan.len - start);
    log_entry(host, host->plan.data + start);
    return false;
}

/* Does the entry create what is at `path` or below it? */
static bool creates(const char *const fields[FIELDS], const char *path)
{
    size_t len = strlen(path);
    const char *target = fields[TARGET];
    return !fields[BEFORE] && fields[AFTER] && !fields[OTHER] && strncmp(target, path, len) == 0 &&
           (target[len] == '\0' || target[len] == '/');
}

/* Takes out of the plan, from its byte `start` on, what creates `path`. */
static bool take_out(bosun_buf *plan, size_t start, const char *path)
{
    const char *end = plan->data + plan->len;
    char *kept = plan->data + start;
    for (char *entry = kept; entry < end;) {
        const char *fields[FIELDS];
        size_t len = (size_t)(read_entry(entry, fields) - entry);
        if (!creates(fields, path)) {
            memmove(kept, entry, len);
            kept += len;
        }
        entry += len;
    }
    bool any = kept < end;
    plan->len = (size_t)(kept - plan->data);
    return any;
}

/* Where in the plan the part after the last move from or to `path` begins. *was: where what is at the path
 * since then was before; NULL: nothing was moved there. */
static size_t after_last_move(const bosun_buf *plan, const char *path, const char **was)
{
    const char *end = plan->data + plan->len;
    size_t start = 0;
    *was = NULL;
    for (const char *at = plan->data; at < end;) {
        const char *fields[FIELDS];
        at = read_entry(at, fields);
        bool from = fields[OTHER] && strcmp(fields[TARGET], path) == 0;
        bool to = fields[OTHER] && strcmp(fields[OTHER], path) == 0;
        if (!from && !to)
            continue;
        bool both_ways = strcmp(fields[OPERATION], HOST_EXCHANGE) == 0;
        *was = to ? fields[TARGET] : both_ways ? fields[OTHER] : NULL;
        start = (size_t)(at - plan->data);
    }
    return start;
}

bool host_effect_undo(lua_State *L, const char *path, const char **was)
{
    bosun_buf *plan = &host_of(L)->plan;
    *was = NULL;
    if (plan->len == 0)
        return false;
    size_t start = after_last_move(plan, path, was);
    bool undone = take_out(plan, start, path);
    return undone || *was;
}

/* NULL: out of memory. */
static bosun_value *entry_value(const char *const fields[FIELDS], bosun_arena *arena)
{
    bosun_value *entry = bosun_value_new(arena, BOSUN_MAPPING);
    for (int i = 0; entry && i < SHOWN; i++) {
        bosun_value *value = fields[i] ? bosun_value_string(arena, fields[i], strlen(fields[i]))
                                       : bosun_value_new(arena, BOSUN_NULL);
        if (!value || bosun_value_set(arena, entry, field_names[i], value) < 0)
            return NULL;
    }
    return entry;
}

bosun_value *host_plan_value(const bosun_host *host, bosun_arena *arena)
{
    bosun_value *list = bosun_value_new(arena, BOSUN_SEQUENCE);
    const char *at = bosun_buf_text(&host->plan);
    const char *end = at + host->plan.len;
    while (list && at < end) {
        const char *fields[FIELDS];
        at = read_entry(at, fields);
        bosun_value *entry = entry_value(fields, arena);
        if (!entry || bosun_value_push(arena, list, entry) < 0)
            return NULL;
    }
    return list;
}
