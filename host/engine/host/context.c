/* What tells the log events of one action from those of others: its name, its deployment, and the ids of the
 * run and of its trace. */
#include "core/base/crypto.h"
#include "host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each action has a span of its own and, without a run id from the embedder, such an id. */
static int make_ids(host_context *context, bosun_err *err)
{
    unsigned char random[8 + BOSUN_TRACE_RANDOM];
    if (bosun_random_bytes(random, sizeof random, err) < 0)
        return -1;
    if (!context->given)
        bosun_hex(context->run, random, 8);
    if (!context->trace_given)
        bosun_trace_begin(&context->trace, context->parent, random + 8);
    return 0;
}

int host_context_init(host_context *context, const char *run_id, const char *traceparent, bosun_err *err)
{
    context->given = run_id != NULL;
    snprintf(context->parent, sizeof context->parent, "%s", traceparent ? traceparent : "");
    size_t len = run_id ? strlen(run_id) : 0;
    if (len >= sizeof context->run)
        return bosun_err_set(err, BOSUN_ERR_INVALID, "start",
                             "the run id has %zu bytes: expected at most %zu", len, sizeof context->run - 1);
    if (!run_id)
        return make_ids(context, err);
    memcpy(context->run, run_id, len + 1);
    return 0; /* the runner knows the trace, too; any other embedder's begins with the action */
}

void host_context_free(host_context *context)
{
    free(context->deployment);
    context->deployment = NULL;
}

void host_context_begin(host_context *context, const char *action)
{
    if (context->action || !*context->trace.id)
        make_ids(context, NULL); /* or keeps the last ones */
    host_context_free(context);
    context->action = action;
}

void host_context_set_deployment(host_context *context, const bosun_value *deployment)
{
    const bosun_value *id = deployment ? bosun_value_get(deployment, "id") : NULL;
    if (id && id->kind == BOSUN_STRING)
        context->deployment = strdup(id->as.string.bytes); /* NULL, out of memory: an event without it */
}

void host_set_trace(bosun_host *host, const bosun_trace *trace)
{
    host->context.trace = *trace;
    host->context.trace_given = true;
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
        {.name = "trace_id", .text = *context->trace.id ? context->trace.id : NULL},
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
