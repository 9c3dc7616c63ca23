/* Sizes in bytes as people write them, and back. */
#ifndef BOSUN_CORE_BASE_SIZE_H
#define BOSUN_CORE_BASE_SIZE_H

#include "err.h"
#include <stddef.h>
#include <stdint.h>

/* "512Mi", "1.5 GiB", "10kB", "4096": a decimal number of bytes and an optional unit, in any case. k, M, G, T
 * and P are powers of 1000 and Ki, Mi, Gi, Ti and Pi powers of 1024, each with or without a "B". Fractions of
 * a byte are dropped. Fails with BOSUN_ERR_INVALID on anything else, and on sizes past INT64_MAX. */
int bosun_size_parse(const char *text, size_t len, int64_t *bytes, bosun_err *err);

/* The same by the rules of `docker run --memory`: k, M, G, T and P are powers of 1024 too, and white space
 * around the text is ignored. */
int bosun_size_parse_docker(const char *text, size_t len, int64_t *bytes, bosun_err *err);

/* "1.5 GiB", "512 B" to `out`, which needs 16 bytes at most; whatever the locale. */
void bosun_size_show(char *out, size_t size, uint64_t bytes);

#endif
