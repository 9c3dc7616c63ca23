/* Completes mappings: merges "<<" and finds duplicate keys. All pairs are sorted by key. Among equal keys
 * the mapping's own pair comes first, then the merged ones in their order. So the first of equals wins, and
 * the time stays n log n whatever keys a hostile text picks. */
#include "internal.h"
#include <stdlib.h>

#define FAIL(source, err, mark, ...) bosun_yaml_fail(err, BOSUN_ERR_SYNTAX, source, mark, __VA_ARGS__)

static int append_pairs(bosun_arena *arena, bosun_value *mapping, const bosun_value *from, size_t *budget,
                        const char *source, bosun_err *err)
{
    if (from->kind != BOSUN_MAPPING)
        return FAIL(source, err, from->mark, "<< expects a mapping or a list of mappings, not %s",
                    bosun_kind_name(from->kind));
    size_t count = from->as.mapping.count;
    if (count > *budget)
        return bosun_yaml_fail(err, BOSUN_ERR_TOO_LARGE, source, mapping->mark, "<< merges more than %d keys",
                               BOSUN_YAML_MAX_ALIAS_NODES);
    *budget -= count;
    for (size_t i = 0; i < count; i++)
        if (bosun_value_put(arena, mapping, from->as.mapping.pairs[i].key, from->as.mapping.pairs[i].value) <
            0)
            return bosun_yaml_nomem(err);
    return 0;
}

static int append_merged(bosun_arena *arena, bosun_value *mapping, const bosun_value *merge, size_t *budget,
                         const char *source, bosun_err *err)
{
    if (merge->kind != BOSUN_SEQUENCE)
        return append_pairs(arena, mapping, merge, budget, source, err);
    for (size_t i = 0; i < merge->as.sequence.count; i++)
        if (append_pairs(arena, mapping, merge->as.sequence.items[i], budget, source, err) < 0)
            return -1;
    return 0;
}

/* Sorted instead of the pairs, whose addresses tell their original order. */
typedef struct rank {
    bosun_pair *pair;
} rank;

static int by_key_then_position(const void *a, const void *b)
{
    const bosun_pair *left = ((const rank *)a)->pair;
    const bosun_pair *right = ((const rank *)b)->pair;
    int order = bosun_value_compare_keys(left->key, right->key);
    return order ? order : (left > right) - (left < right);
}

/* Sets the key of each merged pair that lost to an equal one to NULL. Returns the first of the mapping's own
 * pairs that repeats a key, with the pair it repeats in *first; NULL: none. */
static bosun_pair *drop_losers(const rank *order, size_t count, const bosun_pair *end_of_own,
                               bosun_pair **first)
{
    bosun_pair *twice = NULL;
    bosun_pair *winner = order[0].pair;
    for (size_t i = 1; i < count; i++) {
        bosun_pair *pair = order[i].pair;
        if (!bosun_value_same_key(winner->key, pair->key)) {
            winner = pair;
            continue;
        }
        if (pair < end_of_own && (!twice || pair < twice)) {
            twice = pair;
            *first = winner;
        } else {
            pair->key = NULL;
        }
    }
    return twice;
}

static void close_gaps(bosun_value *mapping)
{
    size_t kept = 0;
    for (size_t i = 0; i < mapping->as.mapping.count; i++)
        if (mapping->as.mapping.pairs[i].key)
            mapping->as.mapping.pairs[kept++] = mapping->as.mapping.pairs[i];
    mapping->as.mapping.count = kept;
}

static int reject_twice(const bosun_value *first, const bosun_value *twice, const char *source,
                        bosun_err *err)
{
    char storage[sizeof(bosun_excerpt)];
    bosun_buf shown = bosun_buf_fixed(storage, sizeof storage);
    if (twice->kind == BOSUN_STRING)
        bosun_buf_puts(&shown, bosun_yaml_excerpt(twice->as.string.bytes, twice->as.string.len).text);
    else
        bosun_yaml_write_scalar(&shown, twice);
    return FAIL(source, err, twice->mark, "duplicate key %s, first on line %u: remove one",
                bosun_buf_text(&shown), first->mark.line);
}

int bosun_yaml_finish_mapping(bosun_arena *arena, bosun_value *mapping, const bosun_value *merge,
                              size_t *budget, const char *source, bosun_err *err)
{
    size_t own = mapping->as.mapping.count;
    if (merge && append_merged(arena, mapping, merge, budget, source, err) < 0)
        return -1;
    size_t count = mapping->as.mapping.count;
    if (count < 2)
        return 0;
    rank *order = bosun_arena_alloc(arena, count * sizeof *order);
    if (!order)
        return bosun_yaml_nomem(err);
    for (size_t i = 0; i < count; i++)
        order[i].pair = &mapping->as.mapping.pairs[i];
    qsort(order, count, sizeof *order, by_key_then_position);
    bosun_pair *first = NULL;
    bosun_pair *twice = drop_losers(order, count, mapping->as.mapping.pairs + own, &first);
    if (twice)
        return reject_twice(first->key, twice->key, source, err);
    close_gaps(mapping);
    return 0;
}
