/* Digests and random bytes, on nettle and getrandom(2). Nothing here allocates. */
#ifndef BOSUN_CORE_BASE_CRYPTO_H
#define BOSUN_CORE_BASE_CRYPTO_H

#include "err.h"
#include <nettle/sha2.h>
#include <stddef.h>

#define BOSUN_SHA256_SIZE SHA256_DIGEST_SIZE

/* SHA-256 (FIPS 180-4) of bytes that arrive in pieces. bosun_sha256_final resets it for the next use. */
typedef struct sha256_ctx bosun_sha256;

void bosun_sha256_init(bosun_sha256 *sha);
void bosun_sha256_update(bosun_sha256 *sha, const void *bytes, size_t len);
void bosun_sha256_final(bosun_sha256 *sha, unsigned char digest[BOSUN_SHA256_SIZE]);

/* HMAC (RFC 2104) with SHA-256. */
void bosun_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                       unsigned char digest[BOSUN_SHA256_SIZE]);

/* Random bytes fit for keys. Blocks only in the first moments after boot, until the kernel's pool is
 * ready. */
int bosun_random_bytes(void *out, size_t len, bosun_err *err);

/* Lower-case hex: 2 * len characters and a NUL. */
void bosun_hex(char *out, const unsigned char *bytes, size_t len);

#endif
