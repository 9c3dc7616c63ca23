/* Time stands still while a person looks at a stopped action: the deadline and the time limits are out of
 * reach meanwhile, and later by that time afterwards. */
#include "host.h"

#define OUT_OF_REACH (INT64_C(1) << 60) /* nanoseconds: 36 years */

static void move(int64_t *end, int64_t by)
{
    if (*end != BOSUN_NO_DEADLINE && *end != 0)
        *end += by;
}

static void move_limits(bosun_host *host, int64_t by)
{
    move(&host->limits.deadline, by);
    move(&host->limits.wait.deadline, by);
    for (host_time_limit *limit = host->time_limits; limit; limit = limit->next)
        move(&limit->end, by);
}

void host_stand_still(bosun_host *host, bool still)
{
    if (still == (host->stopped_since != 0))
        return;
    int64_t now = bosun_monotonic();
    int64_t stood = still ? 0 : now - host->stopped_since;
    host->stopped_since = still ? now : 0;
    move_limits(host, still ? OUT_OF_REACH : stood - OUT_OF_REACH);
    host->limits.stood += stood;
    if (host->on_stopped)
        host->on_stopped(host->stopped_data, still);
}

void host_on_stopped(bosun_host *host, host_stopped_function *function, void *data)
{
    host->on_stopped = function;
    host->stopped_data = data;
}
