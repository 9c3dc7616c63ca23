/* The moment before an action's first process. */
#include "announce.h"
#include "host.h"

void host_on_first_process(bosun_host *host, host_process_function *function, void *data)
{
    host->on_first_process = function;
    host->process_data = data;
}

int host_announce_process(bosun_host *host, const char *what, bosun_err *err)
{
    if (host->on_first_process && host->on_first_process(host->process_data, err) < 0)
        return bosun_err_context(err, "cannot start %s: ", what);
    if (host->on_first_process)
        host_limits_adopt(&host->limits);
    host->on_first_process = NULL;
    return 0;
}
