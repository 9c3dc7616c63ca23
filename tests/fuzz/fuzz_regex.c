/* libFuzzer: no pattern and no text, the pattern the part before the first line end, crashes the reader or
 * the C library's matcher, or keeps it busy (test_fuzz.sh limits the time of a run). */
#include "core/base/regex.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *copy_of(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, bytes, size);
    text[size] = '\0';
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t length = end ? (size_t)(end - data) : size;
    size_t rest = end ? size - length - 1 : 0;
    char *pattern = copy_of(data, length), *text = copy_of(end ? end + 1 : data, rest);
    bool matches = false;
    bosun_err err = {0};
    if (bosun_regex_match(pattern, length, text, rest, &matches, &err) < 0 && !err.message[0])
        abort();
    if (bosun_regex_check(pattern, length, &err) == 0 &&
        bosun_regex_match(pattern, length, "", 0, &matches, &err) < 0 &&
        strcmp(err.code, BOSUN_ERR_NOMEM) != 0)
        abort();
    free(pattern);
    free(text);
    return 0;
}
