/* Stops an action from inside. A count hook checks the cancel flag and the deadline. Once the action has to
 * stop, the hook raises at every call, return, line and instruction, so that no pcall in a loop can swallow
 * the error. Where no hook runs (string.find, __gc), only another process can stop the action: see
 * cli/runner/supervisor.c. */
#include "host.h"
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define INSTRUCTIONS_BETWEEN_CHECKS 1000
#define REPORT_TIME                 (BOSUN_SECOND / 5) /* at most, from the end of all waits to the deadline */

int host_limits_init(bosun_limits *limits, double timeout, bosun_err *err)
{
    limits->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (limits->cancel_fd < 0)
        return bosun_err_errno(err, errno, "create", "an eventfd");
    limits->timeout = timeout;
    limits->deadline = BOSUN_NO_DEADLINE;
    limits->wait = (bosun_wait){.cancelled = &limits->cancelled,
                                .cancel_fd = limits->cancel_fd,
                                .cut = &limits->cut,
                                .deadline = BOSUN_NO_DEADLINE};
    int64_t nanoseconds = bosun_nanoseconds(timeout);
    if (nanoseconds <= 0)
        return 0;
    int64_t margin = nanoseconds / 20 < REPORT_TIME ? nanoseconds / 20 : REPORT_TIME;
    limits->deadline = bosun_wait_after(nanoseconds);
    limits->wait.deadline = limits->deadline - margin;
    return 0;
}

void host_limits_begin_clean_up(bosun_limits *limits)
{
    limits->cleaning_up = true;
    limits->deadline = bosun_wait_after(BOSUN_CLEAN_UP_SECONDS * BOSUN_SECOND);
    limits->wait = (bosun_wait){.cancel_fd = -1, .deadline = limits->deadline - REPORT_TIME};
}

void host_limits_cancel(bosun_limits *limits, const char *reason)
{
    int saved = errno;
    if (reason)
        atomic_store(&limits->reason, reason);
    atomic_store(&limits->cancelled, 1);
    uint64_t one = 1;
    ssize_t n = write(limits->cancel_fd, &one, sizeof one);
    (void)n; /* fails only if the counter is full, and then the eventfd is readable already */
    errno = saved;
}

void host_limits_free(bosun_limits *limits)
{
    if (limits->cancel_fd >= 0)
        close(limits->cancel_fd);
    limits->cancel_fd = -1;
}

const char *host_limits_stopped(const bosun_limits *limits, char *text, size_t size)
{
    if (limits->deadline != BOSUN_NO_DEADLINE && bosun_monotonic() >= limits->deadline) {
        if (limits->cleaning_up)
            snprintf(text, size, "not done within %d s", BOSUN_CLEAN_UP_SECONDS);
        else
            snprintf(text, size, "timed out after %g s", limits->timeout);
        return BOSUN_ERR_DEADLINE;
    }
    if (limits->cleaning_up || !atomic_load(&limits->cancelled))
        return NULL;
    const char *reason = atomic_load(&limits->reason);
    snprintf(text, size, "%s", reason ? reason : "cancelled");
    return BOSUN_ERR_CANCELLED;
}

static void check(lua_State *L, lua_Debug *activation)
{
    (void)activation;
    char text[128];
    if (!host_limits_stopped(&host_of(L)->limits, text, sizeof text))
        return;
    lua_sethook(L, check, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
    luaL_error(L, "%s", text);
}

void host_limits_arm(lua_State *L)
{
    lua_sethook(L, check, LUA_MASKCOUNT, INSTRUCTIONS_BETWEEN_CHECKS);
}

void host_limits_disarm(lua_State *L)
{
    lua_sethook(L, NULL, 0, 0);
}
