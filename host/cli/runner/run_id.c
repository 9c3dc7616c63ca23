/* Where a run's id comes from. */
#include "run_id.h"
#include "core/base/crypto.h"
#include <stdlib.h>
#include <string.h>

#define ALLOWED "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:-"

run_id run_id_make(void)
{
    run_id id = {"unknown"};
    unsigned char random[8];
    const char *given = getenv(RUN_ID_VARIABLE);
    size_t len = given ? strlen(given) : 0;
    if (len > 0 && len <= RUN_ID_MAX && strspn(given, ALLOWED) == len)
        memcpy(id.text, given, len + 1);
    else if (bosun_random_bytes(random, sizeof random, NULL) == 0)
        bosun_hex(id.text, random, sizeof random);
    return id;
}
