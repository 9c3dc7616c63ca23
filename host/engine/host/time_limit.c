/* Time limits inside an action: `wait.poll` with a timeout, say, and whatever it calls. Every wait inside
 * ends at the nearest one, with "timeout"; at the deadline of the action itself, with "deadline".
 *
 * A limit is for the coroutine that began it and for those that it resumes. While it is suspended, others
 * run, which do not have to hurry: of all coroutines, only those on the way to the running one are not
 * suspended. */
#include "host.h"

void host_time_limit_begin(bosun_host *host, host_time_limit *limit, lua_State *thread)
{
    limit->thread = thread;
    limit->next = host->time_limits;
    host->time_limits = limit;
}

void host_time_limit_end(bosun_host *host, host_time_limit *limit)
{
    for (host_time_limit **at = &host->time_limits; *at; at = &(*at)->next)
        if (*at == limit) {
            *at = limit->next;
            return;
        }
}

const bosun_wait *host_wait(bosun_host *host)
{
    int64_t nearest = BOSUN_NO_DEADLINE;
    for (const host_time_limit *limit = host->time_limits; limit; limit = limit->next)
        if (lua_status(limit->thread) == LUA_OK && limit->end < nearest)
            nearest = limit->end;
    host->limits.wait.limit = nearest == BOSUN_NO_DEADLINE ? 0 : nearest;
    return &host->limits.wait;
}
