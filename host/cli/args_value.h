/* The values of options: from text to the field of a struct. For args.c and args_help.c. */
#ifndef BOSUN_CLI_ARGS_VALUE_H
#define BOSUN_CLI_ARGS_VALUE_H

#include "args.h"

#define ARGS_SHOWN 64 /* bytes of a mistyped word that a message repeats */

/* Puts the value of an option into its field of *out. 0, or -1 with *err filled. */
int args_value_set(const args_option *option, const char *value, void *out, bosun_err *err);

/* `unknown <what> "<word>"`, with a suggestion or the list of the known words. Returns -1. */
int args_value_unknown(bosun_err *err, const char *what, const char *word, const char *const *known,
                       size_t count);

/* Appends "a, b or c"; `marked` (NULL: none) is followed by "(the default)". */
void args_value_list(bosun_buf *out, const char *const *words, size_t count, const char *marked);

#endif
