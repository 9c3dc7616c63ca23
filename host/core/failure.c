/* data.error of a failing status. */
#include "failure.h"
#include "core/base/err_codes.h"
#include <stdio.h>
#include <string.h>

static bosun_value string_value(const char *text)
{
    return (bosun_value){.kind = BOSUN_STRING, .as.string = {.bytes = text, .len = strlen(text)}};
}

static bosun_value mapping_value(bosun_pair *pairs, size_t count)
{
    return (bosun_value){.kind = BOSUN_MAPPING, .as.mapping = {.pairs = pairs, .count = count, .cap = count}};
}

static const bosun_err_code *known(const bosun_err *err)
{
    return bosun_err_code_find(err->code[0] ? err->code : BOSUN_ERR_FAILED);
}

bool bosun_err_is_retryable(const bosun_err *err)
{
    if (err->retry == BOSUN_RETRY_BY_CODE)
        return known(err)->retryable;
    return err->retry == BOSUN_RETRY_YES;
}

const char *bosun_err_hint(const bosun_err *err)
{
    return err->hint[0] ? err->hint : known(err)->hint;
}

bosun_value *bosun_failure_fill(bosun_failure *failure, const bosun_err *err)
{
    snprintf(failure->code, sizeof failure->code, "%s", err->code[0] ? err->code : BOSUN_ERR_FAILED);
    snprintf(failure->operation, sizeof failure->operation, "%s", err->op);
    snprintf(failure->hint, sizeof failure->hint, "%s", bosun_err_hint(err));
    static const char *const names[BOSUN_FAILURE_FIELDS] = {"code", "hint", "operation", "retryable"};
    failure->values[0] = string_value(failure->code);
    failure->values[1] = string_value(failure->hint);
    failure->values[2] = string_value(failure->operation);
    failure->values[3] = (bosun_value){.kind = BOSUN_BOOL, .as.boolean = bosun_err_is_retryable(err)};
    for (size_t i = 0; i < BOSUN_FAILURE_FIELDS; i++) {
        failure->keys[i] = string_value(names[i]);
        failure->pairs[i] = (bosun_pair){.key = &failure->keys[i], .value = &failure->values[i]};
    }
    failure->error = mapping_value(failure->pairs, BOSUN_FAILURE_FIELDS);
    failure->error_key = string_value("error");
    failure->error_pair = (bosun_pair){.key = &failure->error_key, .value = &failure->error};
    failure->data = mapping_value(&failure->error_pair, 1);
    return &failure->data;
}
