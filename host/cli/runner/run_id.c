/* Where a run's ids come from. */
#include "run_id.h"
#include "core/base/crypto.h"
#include <stdlib.h>
#include <string.h>

#define ALLOWED "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:-"

run_id run_id_make(void)
{
    run_id id = {.text = "unknown"};
    unsigned char random[8 + BOSUN_TRACE_RANDOM] = {0};
    int rc = bosun_random_bytes(random, sizeof random, NULL);
    const char *given = getenv(RUN_ID_VARIABLE);
    size_t len = given ? strlen(given) : 0;
    if (len > 0 && len <= RUN_ID_MAX && strspn(given, ALLOWED) == len)
        memcpy(id.text, given, len + 1);
    else if (rc == 0)
        bosun_hex(id.text, random, 8);
    bosun_trace_begin(&id.trace, getenv(BOSUN_TRACE_VARIABLE), random + 8);
    return id;
}
