/* Shows what this library makes of YAML, to compare it with another implementation. Standard input contains
 * documents, each as "LENGTH\n" and that many bytes. With "read", prints the tokens of each tree, one a
 * line; with "write", "LENGTH\n" and the document written again. An error is "! " and the message. */
#include "core/yaml/yaml.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void dump_float(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (isnan(number))
        puts("d nan");
    else
        printf("d %016" PRIx64 "\n", bits);
}

static void dump_string(const bosun_value *value)
{
    printf("s ");
    for (size_t i = 0; i < value->as.string.len; i++)
        printf("%02x", (unsigned char)value->as.string.bytes[i]);
    putchar('\n');
}

static void dump(const bosun_value *value)
{
    switch (value->kind) {
    case BOSUN_NULL: puts("n"); break;
    case BOSUN_BOOL: puts(value->as.boolean ? "b 1" : "b 0"); break;
    case BOSUN_INT: printf("i %" PRId64 "\n", value->as.integer); break;
    case BOSUN_FLOAT: dump_float(value->as.number); break;
    case BOSUN_STRING: dump_string(value); break;
    case BOSUN_SEQUENCE:
        puts("[");
        for (size_t i = 0; i < value->as.sequence.count; i++)
            dump(value->as.sequence.items[i]);
        puts("]");
        break;
    case BOSUN_MAPPING:
        puts("{");
        for (size_t i = 0; i < value->as.mapping.count; i++) {
            dump(value->as.mapping.pairs[i].key);
            dump(value->as.mapping.pairs[i].value);
        }
        puts("}");
        break;
    }
}

static int write_out(const bosun_value *value, bosun_err *err)
{
    bosun_buf text = {0};
    int rc = bosun_yaml_write(&text, value, 0, err);
    if (rc == 0)
        printf("%zu\n%s", text.len, bosun_buf_text(&text));
    bosun_buf_free(&text);
    return rc;
}

static int answer(const char *text, size_t len, bool writes)
{
    bosun_err err = {0};
    bosun_arena *arena = bosun_arena_new();
    if (!arena)
        return -1;
    const bosun_value *value = bosun_yaml_read(arena, text, len, "in", &err);
    if (value && !writes)
        dump(value);
    if (!value || (writes && write_out(value, &err) < 0))
        printf("! %s\n", err.message);
    bosun_arena_free(arena);
    return 0;
}

int main(int argc, char **argv)
{
    bool writes = argc > 1 && strcmp(argv[1], "write") == 0;
    char number[32];
    while (fgets(number, sizeof number, stdin)) {
        size_t len = strtoul(number, NULL, 10);
        char *text = malloc(len + 1);
        if (!text || fread(text, 1, len, stdin) != len || answer(text, len, writes) < 0)
            return 1;
        free(text);
    }
    return 0;
}
