/* What tells the log events of one action from those of others: its name, its deployment, and the id of the
 * run. */
#include "core/base/crypto.h"
#include "host.h"
#include <stdlib.h>
#include <string.h>

/* A host without a run id from its embedder has one of its own for each action. */
static int make_run_id(host_context *context, bosun_err *err)
{
    unsigned char random[8];
    if (bosun_random_bytes(random, sizeof random, err) < 0)
        return -1;
    bosun_hex(context->run, random, sizeof random);
    return 0;
}

int host_context_init(host_context *context, const char *run_id, bosun_err *err)
{
    context->given = run_id != NULL;
    if (!run_id)
        return make_run_id(context, err);
    size_t len = strlen(run_id);
    if (len >= sizeof context->run)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "start",
                             "the run id has %zu bytes: expected at most %zu", len, sizeof context->run - 1);
    memcpy(context->run, run_id, len + 1);
    return 0;
}

void host_context_free(host_context *context)
{
    free(context->deployment);
    context->deployment = NULL;
}

void host_context_begin(host_context *context, const char *action)
{
    if (context->action && !context->given)
        make_run_id(context, NULL); /* or keeps the last one */
    host_context_free(context);
    context->action = action;
}

void host_context_set_deployment(host_context *context, const bosun_value *deployment)
{
    const bosun_value *id = deployment ? bosun_value_get(deployment, "id") : NULL;
    if (id && id->kind == BOSUN_STRING)
        context->deployment = strdup(id->as.string.bytes); /* NULL, out of memory: an event without it */
}

const char *host_deployment(const bosun_host *host)
{
    return host->context.deployment;
}

static bool has_field(const bosun_log_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

size_t host_context_add(const host_context *context, bosun_log_field *fields, size_t count)
{
    const bosun_log_field own[HOST_CONTEXT_FIELDS] = {
        {.name = "action", .text = context->action},
        {.name = "deployment", .text = context->deployment},
        {.name = "run", .text = context->run},
    };
    size_t all = count;
    for (size_t i = 0; i < HOST_CONTEXT_FIELDS; i++) {
        if (!own[i].text || has_field(fields, count, own[i].name))
            continue;
        fields[all] = own[i];
        fields[all++].len = strlen(own[i].text);
    }
    return all;
}
