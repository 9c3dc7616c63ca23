/* FNV-1a, 64 bits: shortens long names, and detects an incomplete record. Not for security.
 * http://www.isthe.com/chongo/tech/comp/fnv/ */
#ifndef BOSUN_CORE_BASE_HASH_H
#define BOSUN_CORE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define BOSUN_HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of a text whose beginning has the hash `hash`. */
static inline uint64_t bosun_hash_more(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static inline uint64_t bosun_hash(const void *bytes, size_t len)
{
    return bosun_hash_more(BOSUN_HASH_START, bytes, len);
}

#endif
