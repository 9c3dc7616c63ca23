/* Thin wrappers around nettle and getrandom(2). */
#include "crypto.h"
#include <errno.h>
#include <nettle/hmac.h>
#include <sys/random.h>

void bosun_sha256_init(bosun_sha256 *sha)
{
    sha256_init(sha);
}

void bosun_sha256_update(bosun_sha256 *sha, const void *bytes, size_t len)
{
    sha256_update(sha, len, bytes);
}

void bosun_sha256_final(bosun_sha256 *sha, unsigned char digest[BOSUN_SHA256_SIZE])
{
    sha256_digest(sha, BOSUN_SHA256_SIZE, digest);
}

void bosun_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                       unsigned char digest[BOSUN_SHA256_SIZE])
{
    struct hmac_sha256_ctx hmac;
    hmac_sha256_set_key(&hmac, key_len, key);
    hmac_sha256_update(&hmac, len, bytes);
    hmac_sha256_digest(&hmac, BOSUN_SHA256_SIZE, digest);
}

int bosun_random_bytes(void *out, size_t len, bosun_err *err)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bosun_err_errno(err, errno, "read", "random bytes");
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

void bosun_hex(char *out, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}
