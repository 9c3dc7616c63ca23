/* Messages of the Debug Adapter Protocol in a stream: "Content-Length: 12\r\n\r\n" and so many bytes. What
 * comes from the other side is not trusted: lengths have caps. */
#ifndef BOSUN_ENGINE_DEBUG_FRAMES_H
#define BOSUN_ENGINE_DEBUG_FRAMES_H

#include "core/base/err.h"
#include <stddef.h>

#define HOST_FRAME_MAX ((size_t)16 * 1024 * 1024)

/* Finds the first message of `text`. Returns 1: it is the *len bytes at *start · 0: it is not complete ·
 * -1: this is not the protocol; *err says why. */
int host_frame_find(const char *text, size_t size, size_t *start, size_t *len, bosun_err *err);

#endif
