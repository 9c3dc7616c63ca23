/* For the runner alone: what a host knows to be secret, taken out of texts that it has not made. */
#ifndef BOSUN_ENGINE_HOST_REDACTION_H
#define BOSUN_ENGINE_HOST_REDACTION_H

#include "bosun.h"
#include "core/base/buf.h"

/* Appends the text with each secret replaced. Does not touch Lua. */
void host_redact(const bosun_host *host, bosun_buf *out, const char *text, size_t len);

#endif
