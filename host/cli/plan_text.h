/* The plan of a dry run as a text for people: what it would change, as a diff. */
#ifndef BOSUN_CLI_PLAN_TEXT_H
#define BOSUN_CLI_PLAN_TEXT_H

#include "core/base/buf.h"
#include <stdbool.h>
#include <stddef.h>

/* Appends the plan in `data` of a status as comments of YAML, so that what is printed stays a status. Nothing
 * is appended where there is no plan, or where the text cannot be read or there is no memory for that: the
 * status has it all. colored: for a terminal. */
void plan_text_add(bosun_buf *out, const char *status, size_t len, bool colored);

#endif
