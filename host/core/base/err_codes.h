/* What the code of an error means for whoever has to act on it: the one list of the codes that a failing
 * status can have. docs/reference/errors.md is made from it. */
#ifndef BOSUN_CORE_BASE_ERR_CODES_H
#define BOSUN_CORE_BASE_ERR_CODES_H

#include <stdbool.h>

typedef struct bosun_err_code {
    const char *code;
    bool retryable;   /* the same action again can succeed without anybody changing something */
    const char *hint; /* what to do, for people */
} bosun_err_code;

/* What is known about a code. One that is not in the list, such as a plugin's own, is not retryable, and its
 * hint is to read the message. The result is static; its `code` is NULL for such a code. */
const bosun_err_code *bosun_err_code_find(const char *code);

#endif
