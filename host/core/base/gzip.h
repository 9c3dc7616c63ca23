/* zlib, which is loaded when it is needed: libcurl needs it, too, so it is there. */
#ifndef BOSUN_CORE_BASE_GZIP_H
#define BOSUN_CORE_BASE_GZIP_H

#include "buf.h"
#include "err.h"
#include <stdbool.h>

/* Puts the address of a function of zlib into the pointer at `field`. False: it cannot be loaded. It stays
 * loaded. */
bool bosun_zlib_find(const char *name, void *field);

/* Appends the text, compressed as gzip does (RFC 1952). The same text gives the same bytes. Returns 0, or -1
 * with *err filled. */
int bosun_gzip(bosun_buf *out, const char *text, size_t len, bosun_err *err);

#endif
