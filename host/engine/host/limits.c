/* When a call into the host has to stop: it is cancelled, or its time is up. A count hook checks both while
 * Lua runs. Once the call has to stop, the hook raises at every call, return, line and instruction, so that
 * no pcall in a loop can swallow the error. Where no hook runs (string.find, a message handler), only another
 * process can stop the plugin: see cli/runner/supervisor.c. */
#include "host.h"
#include <errno.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define REPORT_TIME (BOSUN_SECOND / 5) /* at most, from the end of all waits to the deadline */

/* Returns whether the eventfd is this process's. A child that was forked inherits its parent's: writing or
 * reading there would wake the parent, or take its wake-up away. */
static bool is_owner(const bosun_limits *limits)
{
    return atomic_load(&limits->owner) == getpid();
}

/* Replaces the eventfd by one of this process. */
static int own_eventfd(bosun_limits *limits, bosun_err *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return bosun_err_errno(err, errno, "create", "an eventfd");
    if (limits->cancel_fd >= 0)
        close(limits->cancel_fd);
    limits->cancel_fd = limits->wait.cancel_fd = fd;
    atomic_store(&limits->owner, getpid());
    return 0;
}

static void set_unlimited(bosun_limits *limits)
{
    limits->cleaning_up = false;
    limits->deadline = BOSUN_NO_DEADLINE;
    limits->wait = (bosun_wait){.cancelled = &limits->cancelled,
                                .cancel_fd = limits->cancel_fd,
                                .cut = &limits->cut,
                                .deadline = BOSUN_NO_DEADLINE};
}

int host_check_timeout(double timeout, const char *op, bosun_err *err)
{
    if (timeout >= 0)
        return 0;
    return bosun_err_set(err, BOSUN_ERR_INVALID, op,
                         "the timeout is %g: expected a number of seconds, or 0 for none", timeout);
}

int host_limits_init(bosun_limits *limits, double timeout, bosun_err *err)
{
    if (host_check_timeout(timeout, "create a host", err) < 0)
        return -1;
    limits->cancel_fd = -1;
    set_unlimited(limits);
    return own_eventfd(limits, err);
}

void host_limits_free(bosun_limits *limits)
{
    if (limits->cancel_fd >= 0)
        close(limits->cancel_fd);
    limits->cancel_fd = -1;
}

int host_limits_begin(bosun_limits *limits, double seconds, uint64_t instructions, bosun_err *err)
{
    atomic_store(&limits->cut, 0);
    limits->instructions = 0;
    limits->instruction_limit = instructions;
    limits->started = bosun_monotonic();
    limits->seconds = seconds;
    set_unlimited(limits);
    if (seconds > 0) {
        int64_t time = bosun_nanoseconds(seconds);
        int64_t margin = time / 20 < REPORT_TIME ? time / 20 : REPORT_TIME;
        limits->deadline = bosun_wait_after(time - limits->spent);
        limits->wait.deadline = limits->deadline - margin;
    }
    limits->spent = 0;
    return is_owner(limits) ? 0 : own_eventfd(limits, err);
}

/* The flag goes first. Of a cancel that arrives meanwhile, the flag may then stay without the wake-up, which
 * no wait misses because it looks at the flag first; the wake-up without the flag would make waits spin. */
void host_limits_clear(bosun_limits *limits)
{
    atomic_store(&limits->cancelled, 0);
    uint64_t count;
    ssize_t n = is_owner(limits) ? read(limits->cancel_fd, &count, sizeof count) : 0;
    (void)n; /* fails only if there was no wake-up */
}

void host_limits_end(bosun_limits *limits)
{
    if (atomic_exchange(&limits->cut, 0))
        host_limits_clear(limits);
}

/* A reason goes into the next of some places, so that nobody waits for anybody, not even for a canceller that
 * was interrupted by a signal handler. Whoever reads one while so many more come reads a mixture of two. */
static void set_reason(bosun_limits *limits, const char *reason)
{
    unsigned place = atomic_fetch_add(&limits->reasons, 1) % HOST_REASONS;
    atomic_char *to = limits->reason_texts[place];
    size_t i = 0;
    for (; reason[i] && i + 1 < HOST_REASON_MAX; i++)
        atomic_store_explicit(&to[i], reason[i], memory_order_relaxed);
    atomic_store_explicit(&to[i], '\0', memory_order_relaxed);
    atomic_store(&limits->reason, place);
}

/* What is not UTF-8, as the end of a reason that was cut, becomes "?". */
static void copy_reason(bosun_limits *limits, char *text, size_t size)
{
    atomic_char *from = limits->reason_texts[atomic_load(&limits->reason)];
    char copy[HOST_REASON_MAX];
    for (size_t i = 0; i < sizeof copy; i++)
        copy[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
    size_t len = strnlen(copy, sizeof copy - 1);
    for (size_t i = 0; i < len;) {
        size_t bytes = bosun_utf8_sequence(copy + i, len - i);
        if (bytes == 0)
            copy[i] = '?';
        i += bytes ? bytes : 1;
    }
    snprintf(text, size, "%.*s", (int)len, copy);
}

/* Sets the flag of a cancel whose reason is there. The wake-up goes first: see host_limits_clear. */
static void wake_and_flag(bosun_limits *limits, int stop)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t n = is_owner(limits) ? write(limits->cancel_fd, &one, sizeof one) : 0;
    (void)n; /* fails only if the counter is full, and then the eventfd is readable already */
    atomic_store(&limits->cancelled, stop);
    errno = saved;
}

void host_limits_cancel(bosun_limits *limits, int stop, const char *reason)
{
    set_reason(limits, reason ? reason : "cancelled");
    wake_and_flag(limits, stop);
}

void host_limits_restore(bosun_limits *limits, int stop)
{
    if (stop)
        wake_and_flag(limits, stop);
}

void host_limits_adopt(bosun_limits *limits)
{
    atomic_store(&limits->owner, getpid());
    host_limits_restore(limits, atomic_load(&limits->cancelled)); /* perhaps only the flag was set */
}

void host_limits_begin_clean_up(bosun_limits *limits)
{
    limits->cleaning_up = true;
    limits->deadline = bosun_wait_after(BOSUN_CLEAN_UP_SECONDS * BOSUN_SECOND);
    limits->wait = (bosun_wait){.cancel_fd = -1, .deadline = limits->deadline - REPORT_TIME};
}

bool host_limits_cancelled(const bosun_limits *limits)
{
    return !limits->cleaning_up && atomic_load(&limits->cancelled);
}

static bool is_exhausted(const bosun_limits *limits)
{
    return limits->instruction_limit > 0 && limits->instructions >= limits->instruction_limit &&
           !limits->cleaning_up;
}

bool host_limits_is_stop(const char *code)
{
    return strcmp(code, BOSUN_ERR_CANCELLED) == 0 || strcmp(code, BOSUN_ERR_DEADLINE) == 0 ||
           strcmp(code, BOSUN_ERR_INSTRUCTIONS) == 0;
}

const char *host_limits_stopped(bosun_limits *limits, char *text, size_t size)
{
    const char *code = NULL;
    int stop = limits->cleaning_up ? 0 : atomic_load(&limits->cancelled);
    if (limits->deadline != BOSUN_NO_DEADLINE && bosun_monotonic() >= limits->deadline) {
        code = BOSUN_ERR_DEADLINE;
        if (limits->cleaning_up)
            snprintf(text, size, "not done within %d s", BOSUN_CLEAN_UP_SECONDS);
        else
            snprintf(text, size, "timed out after %g s", limits->seconds);
    } else if (stop) {
        code = stop == BOSUN_STOP_EXPIRED ? BOSUN_ERR_DEADLINE : BOSUN_ERR_CANCELLED;
        copy_reason(limits, text, size);
    } else if (is_exhausted(limits)) {
        code = BOSUN_ERR_INSTRUCTIONS;
        snprintf(text, size, "stopped after %" PRIu64 " instructions", limits->instruction_limit);
    }
    if (code)
        atomic_store(&limits->cut, 1);
    return code;
}

static void check(lua_State *L, lua_Debug *activation)
{
    if (activation->event == LUA_HOOKCOUNT)
        host_of(L)->limits.instructions += (uint64_t)lua_gethookcount(L);
    host_limits_check(L);
    host_plugin_hook_run(L, activation);
}

void host_limits_tighten(lua_State *L)
{
    lua_sethook(L, check, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void host_limits_check(lua_State *L)
{
    char text[128];
    if (host_limits_stopped(&host_of(L)->limits, text, sizeof text)) {
        host_limits_tighten(L);
        luaL_error(L, "%s", text);
    } else if (lua_gethook(L) == check && lua_gethookcount(L) == 1) {
        host_limits_arm(L); /* a coroutine that was stopped in an earlier call */
    }
}

void host_limits_arm(lua_State *L)
{
    const host_watcher *watcher = host_of(L)->watcher;
    int count;
    int mask = host_plugin_hook_mask(L, &count) | LUA_MASKCOUNT | (watcher ? watcher->mask : 0);
    lua_sethook(L, watcher ? watcher->hook : check, mask, count);
}

void host_limits_disarm(lua_State *L)
{
    lua_sethook(L, NULL, 0, 0);
}
