/* Trees of plain data, like those of YAML and JSON, allocated in one arena. Values from a config know their
 * line and column. A document is built once and then only read. The embedder reads that of a status with the
 * functions of bosun.h. */
#ifndef BOSUN_CORE_BASE_VALUE_H
#define BOSUN_CORE_BASE_VALUE_H

#include "bosun.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1-based; 0 if a value does not come from a file. Columns count characters, not bytes. */
typedef struct bosun_mark {
    uint32_t line;
    uint32_t column;
} bosun_mark;

typedef struct bosun_pair {
    bosun_value *key; /* NULL, BOOL, INT, FLOAT or STRING */
    bosun_value *value;
} bosun_pair;

struct bosun_value {
    bosun_kind kind;
    bosun_mark mark;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct {
            const char *bytes; /* NUL-terminated, but can also contain NULs */
            size_t len;
        } string;
        struct {
            bosun_value **items;
            size_t count;
            size_t cap;
        } sequence;
        struct {
            bosun_pair *pairs; /* in the order they were added */
            size_t count;
            size_t cap;
        } mapping;
    } as;
};

typedef struct bosun_arena bosun_arena;

bosun_arena *bosun_arena_new(void);                       /* NULL: out of memory */
void bosun_arena_free(bosun_arena *arena);                /* NULL is allowed */
void *bosun_arena_alloc(bosun_arena *arena, size_t size); /* aligned, zeroed; NULL: out of memory */

/* Constructors: NULL means out of memory. Strings are copied into the arena. */
bosun_value *bosun_value_new(bosun_arena *arena, bosun_kind kind);
bosun_value *bosun_value_string(bosun_arena *arena, const char *bytes, size_t len);
bosun_value *bosun_value_int(bosun_arena *arena, int64_t integer);
bosun_value *bosun_value_float(bosun_arena *arena, double number);
bosun_value *bosun_value_bool(bosun_arena *arena, bool boolean);

/* 0, or -1: out of memory. Duplicate keys are not detected. */
int bosun_value_push(bosun_arena *arena, bosun_value *sequence, bosun_value *item);
int bosun_value_put(bosun_arena *arena, bosun_value *mapping, bosun_value *key, bosun_value *value);
int bosun_value_set(bosun_arena *arena, bosun_value *mapping, const char *key, bosun_value *value);

/* The value at a string key, or NULL: not a mapping, or no such key. */
bosun_value *bosun_value_get(const bosun_value *mapping, const char *key);

/* An order among scalar keys (by kind, then value; strings by bytes): <0, 0, >0. */
int bosun_value_compare_keys(const bosun_value *a, const bosun_value *b);

/* True when both are scalars of one kind and equal (as mapping keys: 1 and 1.0 and true differ). */
bool bosun_value_same_key(const bosun_value *a, const bosun_value *b);

/* "a string", "an integer", "a mapping" … for messages; static. */
const char *bosun_kind_name(bosun_kind kind);

#endif
