/* The nearest word by edit distance, in fixed memory. */
#include "suggest.h"
#include <string.h>

#define LONGEST_WORD 64

/* Folds case, and '-' to '_': differences that people overlook. */
static unsigned char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned char)(c - 'A' + 'a');
    return c == '-' ? '_' : (unsigned char)c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace, or swap two neighbours. Keeps three rows of the usual
 * table. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LONGEST_WORD + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = last[j - 1] + (fold(a[i - 1]) != fold(b[j - 1]));
            row[j] = least(replace, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_len];
}

const char *bosun_suggest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 0;
    size_t len = strnlen(word, LONGEST_WORD + 1);
    for (size_t i = 0; i < count; i++) {
        size_t candidate_len = strnlen(candidates[i], LONGEST_WORD + 1);
        if (len > LONGEST_WORD || candidate_len > LONGEST_WORD)
            continue;
        size_t d = distance(word, len, candidates[i], candidate_len);
        size_t allowed = (len > candidate_len ? len : candidate_len) / 3;
        if (d <= allowed && (!best || d < best_distance)) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
