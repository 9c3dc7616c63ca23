/* The arena, and the values that live in it. The arena is a list of chunks that only grows. An array that a
 * sequence or mapping has outgrown stays in it unused, which costs less than bookkeeping. */
#include "value.h"
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHUNK  ((size_t)4 * 1024)
#define BIGGEST_STEP ((size_t)256 * 1024)

typedef struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
} chunk;

struct bosun_arena {
    chunk *current;
    size_t next_size;
};

bosun_arena *bosun_arena_new(void)
{
    bosun_arena *arena = calloc(1, sizeof *arena);
    if (arena)
        arena->next_size = FIRST_CHUNK;
    return arena;
}

void bosun_arena_free(bosun_arena *arena)
{
    if (!arena)
        return;
    for (chunk *c = arena->current; c;) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
    free(arena);
}

static chunk *add_chunk(bosun_arena *arena, size_t wanted)
{
    size_t size = wanted > arena->next_size ? wanted : arena->next_size;
    if (size > PTRDIFF_MAX - sizeof(chunk))
        return NULL;
    chunk *c = calloc(1, sizeof(chunk) + size);
    if (!c)
        return NULL;
    c->size = size;
    c->next = arena->current;
    arena->current = c;
    if (arena->next_size < BIGGEST_STEP)
        arena->next_size *= 2;
    return c;
}

void *bosun_arena_alloc(bosun_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - align)
        return NULL;
    size_t rounded = (size + align - 1) / align * align;
    chunk *c = arena->current;
    if (!c || rounded > c->size - c->used)
        c = add_chunk(arena, rounded);
    if (!c)
        return NULL;
    void *p = c->bytes + c->used;
    c->used += rounded;
    return p;
}

bosun_value *bosun_value_new(bosun_arena *arena, bosun_kind kind)
{
    bosun_value *value = bosun_arena_alloc(arena, sizeof *value);
    if (!value)
        return NULL;
    value->kind = kind;
    if (kind == BOSUN_STRING)
        value->as.string.bytes = "";
    return value;
}

bosun_value *bosun_value_string(bosun_arena *arena, const char *bytes, size_t len)
{
    bosun_value *value = bosun_value_new(arena, BOSUN_STRING);
    char *copy = value && len < SIZE_MAX ? bosun_arena_alloc(arena, len + 1) : NULL;
    if (!copy)
        return NULL;
    if (len > 0)
        memcpy(copy, bytes, len);
    value->as.string.bytes = copy;
    value->as.string.len = len;
    return value;
}

bosun_value *bosun_value_int(bosun_arena *arena, int64_t integer)
{
    bosun_value *value = bosun_value_new(arena, BOSUN_INT);
    if (value)
        value->as.integer = integer;
    return value;
}

bosun_value *bosun_value_float(bosun_arena *arena, double number)
{
    bosun_value *value = bosun_value_new(arena, BOSUN_FLOAT);
    if (value)
        value->as.number = number;
    return value;
}

bosun_value *bosun_value_bool(bosun_arena *arena, bool boolean)
{
    bosun_value *value = bosun_value_new(arena, BOSUN_BOOL);
    if (value)
        value->as.boolean = boolean;
    return value;
}

/* Makes room for one more element in an array of `count`, and returns the array, which moves if it was full.
 * NULL: out of memory. */
static void *grown(bosun_arena *arena, void *array, size_t count, size_t *cap, size_t element)
{
    if (count < *cap)
        return array;
    size_t wider = *cap ? *cap * 2 : 4;
    if (wider > SIZE_MAX / 2 / element)
        return NULL;
    void *moved = bosun_arena_alloc(arena, wider * element);
    if (!moved)
        return NULL;
    if (count > 0)
        memcpy(moved, array, count * element);
    *cap = wider;
    return moved;
}

int bosun_value_push(bosun_arena *arena, bosun_value *sequence, bosun_value *item)
{
    size_t count = sequence->as.sequence.count;
    bosun_value **items =
        grown(arena, sequence->as.sequence.items, count, &sequence->as.sequence.cap, sizeof(bosun_value *));
    if (!items)
        return -1;
    items[count] = item;
    sequence->as.sequence.items = items;
    sequence->as.sequence.count = count + 1;
    return 0;
}

int bosun_value_put(bosun_arena *arena, bosun_value *mapping, bosun_value *key, bosun_value *value)
{
    size_t count = mapping->as.mapping.count;
    bosun_pair *pairs =
        grown(arena, mapping->as.mapping.pairs, count, &mapping->as.mapping.cap, sizeof(bosun_pair));
    if (!pairs)
        return -1;
    pairs[count] = (bosun_pair){.key = key, .value = value};
    mapping->as.mapping.pairs = pairs;
    mapping->as.mapping.count = count + 1;
    return 0;
}

int bosun_value_set(bosun_arena *arena, bosun_value *mapping, const char *key, bosun_value *value)
{
    bosun_value *name = bosun_value_string(arena, key, strlen(key));
    return name ? bosun_value_put(arena, mapping, name, value) : -1;
}

bosun_value *bosun_value_get(const bosun_value *mapping, const char *key)
{
    if (!mapping || mapping->kind != BOSUN_MAPPING)
        return NULL;
    size_t len = strlen(key);
    for (size_t i = 0; i < mapping->as.mapping.count; i++) {
        const bosun_value *k = mapping->as.mapping.pairs[i].key;
        if (k->kind == BOSUN_STRING && k->as.string.len == len && memcmp(k->as.string.bytes, key, len) == 0)
            return mapping->as.mapping.pairs[i].value;
    }
    return NULL;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_strings(const bosun_value *a, const bosun_value *b)
{
    size_t shorter = a->as.string.len < b->as.string.len ? a->as.string.len : b->as.string.len;
    int order = shorter ? memcmp(a->as.string.bytes, b->as.string.bytes, shorter) : 0;
    return order ? order : ORDER(a->as.string.len, b->as.string.len);
}

int bosun_value_compare_keys(const bosun_value *a, const bosun_value *b)
{
    if (a->kind != b->kind)
        return ORDER(a->kind, b->kind);
    switch (a->kind) {
    case BOSUN_BOOL: return ORDER(a->as.boolean, b->as.boolean);
    case BOSUN_INT: return ORDER(a->as.integer, b->as.integer);
    case BOSUN_FLOAT: return ORDER(a->as.number, b->as.number);
    case BOSUN_STRING: return compare_strings(a, b);
    default: return 0;
    }
}

bool bosun_value_same_key(const bosun_value *a, const bosun_value *b)
{
    return a->kind < BOSUN_SEQUENCE && b->kind < BOSUN_SEQUENCE && bosun_value_compare_keys(a, b) == 0;
}

const char *bosun_kind_name(bosun_kind kind)
{
    static const char *const names[] = {"null",     "a boolean",  "an integer", "a float",
                                        "a string", "a sequence", "a mapping"};
    return names[kind];
}
