/* What a failing status says in data.error, for programs: code, operation, retryable, hint. Needs no memory
 * but its own, because the supervisor allocates none, and a status has to be possible when memory is out. */
#ifndef BOSUN_CORE_FAILURE_H
#define BOSUN_CORE_FAILURE_H

#include "core/base/err.h"
#include "core/base/value.h"

#define BOSUN_FAILURE_FIELDS 4

typedef struct bosun_failure {
    char code[BOSUN_ERR_CODE_MAX];
    char operation[BOSUN_ERR_OP_MAX];
    char hint[BOSUN_ERR_HINT_MAX];
    bosun_value keys[BOSUN_FAILURE_FIELDS];
    bosun_value values[BOSUN_FAILURE_FIELDS];
    bosun_pair pairs[BOSUN_FAILURE_FIELDS];
    bosun_value error; /* the mapping of these four */
    bosun_value error_key;
    bosun_pair error_pair;
    bosun_value data; /* the mapping with `error` alone */
} bosun_failure;

/* Fills it from the error; what the error leaves open is what its code says. It must not be moved afterwards.
 * Returns &failure->data. */
bosun_value *bosun_failure_fill(bosun_failure *failure, const bosun_err *err);

/* Whether the action that ended in this error can succeed if it is run again as it is. */
bool bosun_err_is_retryable(const bosun_err *err);

/* What to do about the error, for people. Valid as long as *err. */
const char *bosun_err_hint(const bosun_err *err);

#endif
