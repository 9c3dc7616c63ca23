/* FNV-1a, 64 bits: shortens long names, and detects an incomplete record. Not for security.
 * http://www.isthe.com/chongo/tech/comp/fnv/ */
#ifndef BOSUN_CORE_BASE_HASH_H
#define BOSUN_CORE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t bosun_hash(const void *bytes, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
