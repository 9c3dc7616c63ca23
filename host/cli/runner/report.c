/* Failing statuses of the runner's own. */
#include "report.h"
#include "core/base/wait.h"
#include "core/status.h"
#include <string.h>

void report_failing(bosun_buf *out, const char *message, int64_t duration)
{
    const bosun_status status = {
        .outcome = BOSUN_FAILING,
        .message = message,
        .message_len = strlen(message),
        .duration = (double)duration / (double)BOSUN_SECOND,
        .timestamp = bosun_realtime() / 1000000,
    };
    bosun_err err;
    bosun_status_write(out, &status, &err); /* cannot fail: REPORT_SIZE holds the longest message */
}
