/* "did you mean": the known word closest to a misspelled one. */
#ifndef BOSUN_CORE_BASE_SUGGEST_H
#define BOSUN_CORE_BASE_SUGGEST_H

#include <stddef.h>

/* The candidate closest to `word` by edit distance (swapping two neighbours counts as one edit; case and '-'
 * versus '_' are ignored), or NULL if none is close. Words over 64 bytes never match. Does not allocate. */
const char *bosun_suggest(const char *word, const char *const *candidates, size_t count);

#endif
