/* bosun.crypto: digests, random bytes and UUIDs. */
#include "core/base/crypto.h"
#include "bind.h"
#include <stdio.h>
#include <string.h>

#define RANDOM_MAX 1048576
#define HASHER     "bosun.crypto.Hasher"

static int push_hex(lua_State *L, const unsigned char digest[BOSUN_SHA256_SIZE])
{
    char hex[2 * BOSUN_SHA256_SIZE + 1];
    bosun_hex(hex, digest, BOSUN_SHA256_SIZE);
    lua_pushstring(L, hex);
    return 1;
}

/* crypto.sha256(s) -> hex */
static int crypto_sha256(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    unsigned char digest[BOSUN_SHA256_SIZE];
    bosun_sha256 sha;
    bosun_sha256_init(&sha);
    bosun_sha256_update(&sha, bytes, len);
    bosun_sha256_final(&sha, digest);
    return push_hex(L, digest);
}

/* crypto.hmac(key, s, {algorithm="sha256"}) -> hex */
static int crypto_hmac(lua_State *L)
{
    static const char *const known[] = {"algorithm", NULL};
    size_t key_len;
    size_t len;
    const char *key = luaL_checklstring(L, 1, &key_len);
    const char *bytes = luaL_checklstring(L, 2, &len);
    bind_check_options(L, 3, known);
    const char *algorithm = bind_option_string(L, 3, "algorithm", NULL);
    luaL_argcheck(L, !algorithm || strcmp(algorithm, "sha256") == 0, 3,
                  "option algorithm: expected \"sha256\"");
    unsigned char digest[BOSUN_SHA256_SIZE];
    bosun_hmac_sha256(key, key_len, bytes, len, digest);
    return push_hex(L, digest);
}

/* crypto.random_bytes(n) -> bytes | nil, err */
static int crypto_random_bytes(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 0 && n <= RANDOM_MAX, 1, "expected 0 to 1048576 bytes");
    luaL_Buffer bytes;
    char *to = luaL_buffinitsize(L, &bytes, (size_t)n);
    bosun_err err = {0};
    if (bosun_random_bytes(to, (size_t)n, &err) < 0)
        return bind_push_failure(L, &err);
    luaL_pushresultsize(&bytes, (size_t)n);
    return 1;
}

/* crypto.uuid() -> random UUID (RFC 9562, version 4) | nil, err */
static int crypto_uuid(lua_State *L)
{
    unsigned char bytes[16];
    char hex[2 * sizeof bytes + 1];
    bosun_err err = {0};
    if (bosun_random_bytes(bytes, sizeof bytes, &err) < 0)
        return bind_push_failure(L, &err);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    bosun_hex(hex, bytes, sizeof bytes);
    char uuid[37];
    snprintf(uuid, sizeof uuid, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    lua_pushstring(L, uuid);
    return 1;
}

/* hasher:update(bytes) -> hasher */
static int hasher_update(lua_State *L)
{
    bosun_sha256 *sha = luaL_checkudata(L, 1, HASHER);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    bosun_sha256_update(sha, bytes, len);
    lua_settop(L, 1);
    return 1;
}

/* hasher:hex() -> the digest of all bytes so far */
static int hasher_hex(lua_State *L)
{
    bosun_sha256 so_far = *(const bosun_sha256 *)luaL_checkudata(L, 1, HASHER);
    unsigned char digest[BOSUN_SHA256_SIZE];
    bosun_sha256_final(&so_far, digest);
    return push_hex(L, digest);
}

/* crypto.hasher() -> a SHA-256 of bytes that arrive in pieces. It owns nothing outside of Lua. */
static int crypto_hasher(lua_State *L)
{
    static const luaL_Reg methods[] = {{"update", hasher_update}, {"hex", hasher_hex}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{NULL, NULL}};
    bosun_sha256 *sha = lua_newuserdatauv(L, sizeof *sha, 0);
    bosun_sha256_init(sha);
    bind_push_class(L, HASHER, methods, metamethods);
    lua_setmetatable(L, -2);
    return 1;
}

int bind_crypto_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"sha256", crypto_sha256}, {"hmac", crypto_hmac},
        {"hasher", crypto_hasher}, {"random_bytes", crypto_random_bytes},
        {"uuid", crypto_uuid},     {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
