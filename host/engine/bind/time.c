/* bosun.time: clocks, sleeping up to the deadline, times and durations as text. */
#include "bind.h"
#include "time_limit.h"
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

/* time.monotonic() -> seconds on a clock that is never set back. It does not count the time for which a
 * debugger has stopped the action. */
static int time_monotonic(lua_State *L)
{
    int64_t now = bosun_monotonic() - host_of(L)->limits.stood;
    lua_pushnumber(L, (lua_Number)now / (lua_Number)BOSUN_SECOND);
    return 1;
}

/* time.deadline() -> seconds left until the deadline or the nearest limit | nil if there is none */
static int time_deadline(lua_State *L)
{
    int64_t end = bosun_wait_end(bind_wait(L));
    if (end == BOSUN_NO_DEADLINE)
        lua_pushnil(L);
    else
        bind_push_seconds_left(L, end);
    return 1;
}

/* time.sleep(seconds) -> true | nil, err */
static int time_sleep(lua_State *L)
{
    luaL_checknumber(L, 1);
    int64_t until = bosun_wait_after(bind_check_seconds(L, 1, "seconds", -1));
    bosun_err err = {0};
    int rc = bosun_wait_fd(bind_wait(L), -1, 0, until, "sleep", &err);
    return bind_push_done(L, rc, &err);
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

/* Reads two digits into *out and moves *at past them. Returns false if there are none. */
static bool parse_two_digits(const char **at, int *out)
{
    if (!isdigit((unsigned char)(*at)[0]) || !isdigit((unsigned char)(*at)[1]))
        return false;
    *out = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
    *at += 2;
    return true;
}

/* Reads the offset that ends a time, "Z", "+02:00" or "-0530", as seconds. Returns false on anything else. */
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
    if (!parse_two_digits(&at, &hours))
        return false;
    at += *at == ':';
    if (!parse_two_digits(&at, &minutes) || *at != '\0')
        return false;
    *offset = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
    return true;
}

/* Reads ".123" and moves *at past it. Returns 0 if there is no fraction. */
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

/* Returns whether the calendar has that day: timegm turns 31 February into 3 March. */
static bool is_day(const struct tm *tm)
{
    struct tm day = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};
    (void)timegm(&day);
    return day.tm_mon == tm->tm_mon && day.tm_mday == tm->tm_mday;
}

/* Reads an RFC 3339 time as seconds since the epoch. Returns -1 on anything else. */
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

/* Returns the seconds in a unit, 0 if there is no such unit. */
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

/* Reads the number in the first `len` bytes. Returns -1 if they are not a number. */
static int parse_number(lua_State *L, const char *text, size_t len, lua_Number *out)
{
    char number[32];
    if (len == 0 || len >= sizeof number)
        return -1;
    memcpy(number, text, len);
    number[len] = '\0';
    if (lua_stringtonumber(L, number) != len + 1) /* not strtod, which depends on the locale */
        return -1;
    *out = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return 0;
}

/* Reads "1h30m", "500ms", "2.5s" or a bare number of seconds. Returns -1 on anything else. */
static int parse_duration(lua_State *L, const char *text, lua_Number *out)
{
    size_t len = strspn(text, "0123456789.");
    if (text[len] == '\0')
        return parse_number(L, text, len, out);
    for (*out = 0; *text;) {
        lua_Number number;
        len = strspn(text, "0123456789.");
        if (parse_number(L, text, len, &number) < 0)
            return -1;
        text += len;
        len = strspn(text, "abcdefghijklmnopqrstuvwxyz");
        lua_Number seconds = unit_seconds(text, len);
        if (seconds == 0)
            return -1;
        text += len;
        *out += number * seconds;
    }
    return 0;
}

/* time.duration("1h30m") -> seconds | nil, err. A number of seconds is returned unchanged. */
static int time_duration(lua_State *L)
{
    lua_Number seconds = lua_tonumber(L, 1);
    if (lua_type(L, 1) == LUA_TNUMBER && seconds >= 0 && isfinite(seconds)) {
        lua_settop(L, 1);
        return 1;
    }
    bool is_text = lua_type(L, 1) == LUA_TSTRING;
    const char *text = luaL_checkstring(L, 1);
    if (is_text && parse_duration(L, text, &seconds) == 0) {
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
    bind_time_add_limit(L);
    return 1;
}
