/* libFuzzer: what an editor sends to the debugger, before it is JSON. Whatever it is, a message that is found
 * lies inside the bytes, and more bytes after it change nothing about it. */
#include "engine/debug/frames.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    bosun_err err = {0};
    size_t start = 0;
    size_t len = 0;
    int whole = host_frame_find(text, size, &start, &len, &err);
    check(whole >= 0 || err.message[0], "a failure without a message");
    if (whole <= 0)
        return 0;
    check(start <= size && len <= size - start, "a message beyond the bytes");
    size_t at = 0;
    size_t same = 0;
    check(host_frame_find(text, start + len, &at, &same, &err) == 1 && at == start && same == len,
          "the message depends on what follows it");
    check(host_frame_find(text, start + len - (len > 0), &at, &same, &err) == (len == 0),
          "an incomplete message is found");
    return 0;
}
