/* The failing status that the runner itself writes, made without allocating. */
#ifndef BOSUN_CLI_RUNNER_REPORT_H
#define BOSUN_CLI_RUNNER_REPORT_H

#include "core/base/buf.h"
#include <stdint.h>

#define REPORT_SIZE (20 * 1024) /* the longest message, with every byte escaped, and the rest */

/* Appends the text of a failing status file. duration: nanoseconds. */
void report_failing(bosun_buf *out, const char *message, int64_t duration);

#endif
