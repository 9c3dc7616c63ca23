/* Command lines: every option is a line of a table. Options come in any order, as --name value or
 * --name=value; an option with a value is given once. */
#ifndef BOSUN_CLI_ARGS_H
#define BOSUN_CLI_ARGS_H

#include "core/action.h"
#include "core/base/err.h"
#include <stddef.h>

/* Takes a value over into what is parsed into. 0, or -1 with *err saying what is wrong. */
typedef int args_set(void *out, const char *value, bosun_err *err);

typedef enum args_kind {
    ARGS_FLAG,    /* without a value; its bool at `offset` becomes true */
    ARGS_TEXT,    /* the const char * at `offset` becomes the value, which is argv's */
    ARGS_SET,     /* the value goes to `set` */
    ARGS_OPERAND, /* as ARGS_TEXT, but a word by itself: the name is for the help only */
} args_kind;

typedef struct args_option {
    const char *name; /* "--plugin" */
    args_kind kind;
    size_t offset;
    args_set *set;
} args_option;

/* Reads argv[1] and what follows into `out`, which holds the defaults; at most 32 options. 0, or -1: *err
 * tells the first mistake, and the rest was read all the same. -h is --help. */
int args_parse(const args_option *options, size_t count, void *out, int argc, char **argv, bosun_err *err);

/* "<what> "<value>" is not known", with a suggestion or the list of what there is. Returns -1. */
int args_unknown_word(bosun_err *err, const char *what, const char *value, const char *const *known,
                      size_t count);

/* Values that several programs take: of --action, and of --timeout, seconds above 0. */
int args_action(const char *value, const bosun_action **out, bosun_err *err);
int args_seconds(const char *value, double *out, bosun_err *err);

#endif
