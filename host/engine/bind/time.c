/* bosun.time: clocks, sleeping within the deadline, times and durations as text. */
#include "bind.h"
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* time.now() -> seconds since the epoch */
static int time_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)bosun_realtime() / (lua_Number)BOSUN_SECOND);
    return 1;
}

/* time.monotonic() -> seconds on a clock that never goes back */
static int time_monotonic(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)bosun_monotonic() / (lua_Number)BOSUN_SECOND);
    return 1;
}

/* time.deadline() -> seconds left, or nil when there is no deadline */
static int time_deadline(lua_State *L)
{
    const bosun_wait *wait = bind_wait(L);
    if (wait->deadline == BOSUN_NO_DEADLINE) {
        lua_pushnil(L);
        return 1;
    }
    int64_t left = wait->deadline - bosun_monotonic();
    lua_pushnumber(L, left > 0 ? (lua_Number)left / (lua_Number)BOSUN_SECOND : 0);
    return 1;
}

/* time.sleep(seconds) -> true | nil, err */
static int time_sleep(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds >= 0, 1, "expected 0 or more seconds");
    bosun_err err = {0};
    int64_t until = bosun_wait_after(bosun_nanoseconds(seconds));
    if (bosun_wait_fd(bind_wait(L), -1, 0, until, "sleep", &err) < 0)
        return bind_push_failure(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* time.format(t) -> "2026-11-23T08:00:00.123Z" */
static int time_format(lua_State *L)
{
    lua_Number t = luaL_checknumber(L, 1);
    luaL_argcheck(L, isfinite(t) && fabs(t) < 2e11, 1, "expected seconds since the epoch");
    lua_Number whole = floor(t);
    int milliseconds = (int)((t - whole) * 1000);
    time_t seconds = (time_t)whole;
    struct tm tm;
    char text[40];
    if (!gmtime_r(&seconds, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return luaL_error(L, "the time %f cannot be formatted", t);
    lua_pushfstring(L, "%s.%d%d%dZ", text, milliseconds / 100, milliseconds / 10 % 10, milliseconds % 10);
    return 1;
}

/* Reads two digits into *out and moves *at behind them; false: there are none. */
static bool two_digits(const char **at, int *out)
{
    if (!isdigit((unsigned char)(*at)[0]) || !isdigit((unsigned char)(*at)[1]))
        return false;
    *out = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
    *at += 2;
    return true;
}

/* Reads the offset "Z", "+02:00" or "-0530" at the end into seconds; false: it is none of them. */
static bool parse_offset(const char *text, int *offset)
{
    int hours;
    int minutes;
    *offset = 0;
    if (text[0] == 'Z' || text[0] == 'z')
        return text[1] == '\0';
    if (text[0] != '+' && text[0] != '-')
        return false;
    const char *at = text + 1;
    if (!two_digits(&at, &hours))
        return false;
    at += *at == ':';
    if (!two_digits(&at, &minutes) || *at != '\0')
        return false;
    *offset = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
    return true;
}

/* Reads ".123" and moves *at behind it; nothing there is 0. */
static lua_Number parse_fraction(const char **at)
{
    lua_Number fraction = 0;
    lua_Number place = 1;
    if (**at == '.')
        (*at)++;
    while (isdigit((unsigned char)**at)) {
        place /= 10;
        fraction += place * (**at - '0');
        (*at)++;
    }
    return fraction;
}

/* Is it a day of the calendar? timegm takes 31 February for 3 March. */
static bool is_day(const struct tm *tm)
{
    struct tm day = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};
    (void)timegm(&day);
    return day.tm_mon == tm->tm_mon && day.tm_mday == tm->tm_mday;
}

/* RFC 3339 text as seconds since the epoch; -1: it is not one. */
static int parse_time(const char *text, lua_Number *out)
{
    struct tm tm = {0};
    int offset;
    if (strspn(text, "0123456789") != 4)
        return -1;
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    if (!rest || !strchr("Tt ", *rest) || !*rest || !is_day(&tm))
        return -1;
    rest = strptime(rest + 1, "%H:%M:%S", &tm);
    if (!rest)
        return -1;
    lua_Number fraction = parse_fraction(&rest);
    if (!parse_offset(rest, &offset))
        return -1;
    *out = (lua_Number)timegm(&tm) - offset + fraction;
    return 0;
}

/* time.parse("2026-11-23T08:00:00Z") -> seconds since the epoch | nil, err */
static int time_parse(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    lua_Number t;
    if (parse_time(text, &t) == 0) {
        lua_pushnumber(L, t);
        return 1;
    }
    bosun_err err = {0};
    bosun_err_set(&err, BOSUN_ERR_INVALID, "time.parse",
                  "\"%s\" is not a time: expected RFC 3339, as in 2026-11-23T08:00:00Z", text);
    return bind_push_failure(L, &err);
}

static lua_Number unit_seconds(const char *unit, size_t len)
{
    static const struct {
        const char *name;
        lua_Number seconds;
    } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i].name) == len && memcmp(units[i].name, unit, len) == 0)
            return units[i].seconds;
    return 0;
}

/* "1h30m", "500ms", "2.5s", or a bare number of seconds; -1: none of them. */
static int parse_duration(lua_State *L, const char *text, lua_Number *out)
{
    *out = 0;
    const char *start = text;
    if (!*text)
        return -1;
    while (*text) {
        size_t digits = strspn(text, "0123456789.");
        size_t unit = strspn(text + digits, "abcdefghijklmnopqrstuvwxyz");
        char number[32];
        if (digits == 0 || digits >= sizeof number)
            return -1;
        memcpy(number, text, digits);
        number[digits] = '\0';
        lua_Number scale = unit ? unit_seconds(text + digits, unit) : 1;
        if (scale == 0 || (unit == 0 && text != start))
            return -1;
        if (lua_stringtonumber(L, number) != digits + 1) /* not strtod: that minds the locale */
            return -1;
        *out += lua_tonumber(L, -1) * scale;
        lua_pop(L, 1);
        text += digits + unit;
        if (unit == 0 && *text)
            return -1;
    }
    return 0;
}

/* time.duration("1h30m") -> seconds | nil, err; a number is returned as it is */
static int time_duration(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_settop(L, 1);
        return 1;
    }
    const char *text = luaL_checkstring(L, 1);
    lua_Number seconds;
    if (parse_duration(L, text, &seconds) == 0) {
        lua_pushnumber(L, seconds);
        return 1;
    }
    bosun_err err = {0};
    bosun_err_set(&err, BOSUN_ERR_INVALID, "time.duration",
                  "\"%s\" is not a duration: expected numbers with ms, s, m, h or d, as in 1h30m", text);
    return bind_push_failure(L, &err);
}

int bind_time_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"now", time_now},           {"monotonic", time_monotonic},
        {"sleep", time_sleep},       {"deadline", time_deadline},
        {"format", time_format},     {"parse", time_parse},
        {"duration", time_duration}, {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
