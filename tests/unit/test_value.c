/* Values and their arena. */
#include "core/base/value.h"
#include "tap.h"
#include <stdint.h>

static void arena_gives_aligned_zeroed_memory(void)
{
    bosun_arena *arena = bosun_arena_new();
    bool aligned = true;
    bool zeroed = true;
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *p = bosun_arena_alloc(arena, size);
        aligned = aligned && p && (uintptr_t)p % _Alignof(max_align_t) == 0;
        for (size_t i = 0; p && i < size; i++)
            zeroed = zeroed && p[i] == 0;
        if (p)
            memset(p, 0xAA, size);
    }
    ok(aligned, "memory is aligned for anything");
    ok(zeroed, "and zeroed");
    ok(bosun_arena_alloc(arena, 10000000) != NULL, "one large piece");
    ok(!bosun_arena_alloc(arena, SIZE_MAX) && !bosun_arena_alloc(arena, SIZE_MAX - 64),
       "sizes that overflow");
    bosun_arena_free(arena);
    bosun_arena_free(NULL);
}

static void collections_grow_and_keep_order(void)
{
    bosun_arena *arena = bosun_arena_new();
    bosun_value *list = bosun_value_new(arena, BOSUN_SEQUENCE);
    bosun_value *map = bosun_value_new(arena, BOSUN_MAPPING);
    bool same = true;
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        bosun_value_push(arena, list, bosun_value_int(arena, i));
        bosun_value_set(arena, map, key, list->as.sequence.items[i]);
    }
    for (int i = 0; i < 1000; i++)
        same = same && list->as.sequence.items[i]->as.integer == i &&
               map->as.mapping.pairs[i].value == list->as.sequence.items[i];
    ok(same && list->as.sequence.count == 1000 && map->as.mapping.count == 1000,
       "1000 items and pairs, in order");
    ok(bosun_value_get(map, "k999") == list->as.sequence.items[999], "a value by its key");
    ok(!bosun_value_get(map, "k1000") && !bosun_value_get(list, "k1") && !bosun_value_get(NULL, "k1"),
       "no value by another key, of a sequence, of nothing");
    bosun_arena_free(arena);
}

static void keys_compare_by_kind_and_content(void)
{
    bosun_arena *arena = bosun_arena_new();
    const bosun_value *one = bosun_value_int(arena, 1);
    const bosun_value *text = bosun_value_string(arena, "a\0b", 3);
    ok(bosun_value_same_key(one, bosun_value_int(arena, 1)), "equal integers");
    ok(!bosun_value_same_key(one, bosun_value_float(arena, 1)) &&
           !bosun_value_same_key(one, bosun_value_bool(arena, true)),
       "1, 1.0 and true differ");
    ok(bosun_value_same_key(text, bosun_value_string(arena, "a\0b", 3)) &&
           !bosun_value_same_key(text, bosun_value_string(arena, "a\0c", 3)) &&
           !bosun_value_same_key(text, bosun_value_string(arena, "a", 1)),
       "strings are compared past a NUL");
    bosun_value *list = bosun_value_new(arena, BOSUN_SEQUENCE);
    ok(!bosun_value_same_key(list, list), "collections are no keys");
    ok(bosun_value_compare_keys(bosun_value_string(arena, "a", 1), bosun_value_string(arena, "ab", 2)) < 0 &&
           bosun_value_compare_keys(bosun_value_int(arena, INT64_MIN), bosun_value_int(arena, INT64_MAX)) < 0,
       "keys have an order");
    is_text(bosun_value_new(arena, BOSUN_STRING)->as.string.bytes, "", "an empty string has bytes");
    is_text(bosun_kind_name(BOSUN_INT), "an integer", "a kind has a name");
    bosun_arena_free(arena);
}

int main(void)
{
    arena_gives_aligned_zeroed_memory();
    collections_grow_and_keep_order();
    keys_compare_by_kind_and_content();
    return done();
}
