/* Writing JSON (RFC 8259). */
#ifndef BOSUN_CLI_TOOL_JSON_H
#define BOSUN_CLI_TOOL_JSON_H

#include "core/base/buf.h"
#include "core/base/value.h"

/* Appends a value, indented by two spaces for each level. `indent`: of the line it begins in. Keys that are
 * not text become text; inf and nan become null. */
void tool_add_json(bosun_buf *out, const bosun_value *value, int indent);

#endif
