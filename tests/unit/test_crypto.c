/* Digests against published vectors, and random bytes as far as they can be tested. */
#include "core/base/crypto.h"
#include "tap.h"
#include <string.h>

static void check_sha256(const char *text, size_t pieces, const char *expected)
{
    unsigned char digest[BOSUN_SHA256_SIZE];
    char hex[2 * BOSUN_SHA256_SIZE + 1];
    bosun_sha256 sha;
    bosun_sha256_init(&sha);
    for (size_t i = 0; i < pieces; i++)
        bosun_sha256_update(&sha, text, strlen(text));
    bosun_sha256_final(&sha, digest);
    bosun_hex(hex, digest, sizeof digest);
    ok(strcmp(hex, expected) == 0, "SHA-256 of %zu times \"%.20s\"", pieces, text);
}

static void check_hmac(const char *key, size_t key_len, const char *text, const char *expected)
{
    unsigned char digest[BOSUN_SHA256_SIZE];
    char hex[2 * BOSUN_SHA256_SIZE + 1];
    bosun_hmac_sha256(key, key_len, text, strlen(text), digest);
    bosun_hex(hex, digest, sizeof digest);
    ok(strcmp(hex, expected) == 0, "HMAC-SHA-256 with a key of %zu bytes", key_len);
}

static void test_random(void)
{
    enum { SIZE = 100000 };
    static unsigned char bytes[2 * SIZE];
    bosun_err err = {0};
    ok(bosun_random_bytes(bytes, SIZE, &err) == 0 && bosun_random_bytes(bytes + SIZE, SIZE, &err) == 0,
       "more random bytes than one getrandom gives");
    ok(memcmp(bytes, bytes + SIZE, SIZE) != 0, "two draws differ");
    size_t ones = 0;
    for (size_t i = 0; i < SIZE; i++)
        ones += (size_t)__builtin_popcount(bytes[i]);
    ok(ones > SIZE * 4 - SIZE / 10 && ones < SIZE * 4 + SIZE / 10,
       "about half of the bits are set: all are filled");
}

int main(void)
{
    /* FIPS 180-4 examples:
     * https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values */
    check_sha256("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha256("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    /* RFC 4231, cases 1, 2 and 6 */
    char key[131];
    memset(key, 0x0b, 20);
    check_hmac(key, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac("Jefe", 4, "what do ya want for nothing?",
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    check_hmac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    test_random();
    return done();
}
