/* The trace: how a plugin affects and queries the world outside, one event for each call. */
#include "host.h"
#include <stdio.h>
#include <string.h>

bool host_traces(const bosun_host *host)
{
    return host_logs(host, BOSUN_LOG_TRACE);
}

void host_trace(bosun_host *host, const char *op, const char *args, size_t args_len, int64_t start,
                const char *outcome, size_t outcome_len)
{
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%.6f", (double)(bosun_monotonic() - start) / (double)BOSUN_SECOND);
    const bosun_log_field fields[] = {
        {.name = "args", .text = args, .len = args_len},
        {.name = "seconds", .text = seconds, .len = strlen(seconds), .bare = true},
        {.name = "outcome", .text = outcome, .len = outcome_len},
    };
    host_log(host, BOSUN_LOG_TRACE, fields, sizeof fields / sizeof fields[0], op, strlen(op));
}
