/* POSIX extended regular expressions for values that people write into configs: strict about what is in one,
 * and bounded in time and memory whatever the text is. */
#ifndef BOSUN_CORE_BASE_REGEX_H
#define BOSUN_CORE_BASE_REGEX_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>

#define BOSUN_REGEX_MOST_PATTERN 1000  /* bytes */
#define BOSUN_REGEX_MOST_TEXT    16384 /* bytes */

/* Is this a regular expression? Bytes are compared, whatever the locale; "." also matches a line's end.
 * Refuses what POSIX leaves undefined, such as "\d", and back references, whose time has no bound. Returns 0,
 * or -1 with BOSUN_ERR_INVALID and a message that begins with the problem. */
int bosun_regex_check(const char *pattern, size_t len, bosun_err *err);

/* Does some part of the text match the pattern? `text` ends in a NUL byte. Fails as bosun_regex_check does,
 * with BOSUN_ERR_TOO_LARGE for a longer text, BOSUN_ERR_INVALID for one with a NUL byte. */
int bosun_regex_match(const char *pattern, size_t pattern_len, const char *text, size_t len, bool *matches,
                      bosun_err *err);

#endif
