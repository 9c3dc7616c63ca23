/* "did you mean": the nearest of some known words. */
#ifndef BOSUN_CORE_BASE_SUGGEST_H
#define BOSUN_CORE_BASE_SUGGEST_H

#include <stddef.h>

/* The candidate nearest to `word` by edit distance (a swap of neighbours counts once, case and '-'/'_' count
 * nothing), or NULL when none is near. Words over 64 bytes are never near. Does not allocate. */
const char *bosun_suggest(const char *word, const char *const *candidates, size_t count);

#endif
