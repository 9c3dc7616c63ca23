/* For the program bosun alone: its commands that are written in Lua (lua/lib/bosun/tool). */
#ifndef BOSUN_ENGINE_HOST_TOOL_H
#define BOSUN_ENGINE_HOST_TOOL_H

#include "bosun.h"
#include "core/base/buf.h"
#include "core/base/err.h"

typedef struct host_tool_call {
    const char *module;        /* "bosun.tool.bundle": its function `run` gets one table */
    const char *const *words;  /* its items; ends with NULL. NULL: none */
    const char *const *fields; /* its fields: name, value, …, NULL; a value can be NULL */
    bosun_buf out;             /* what `run` returns for standard output, as it is if its fourth result is
                                * true, else without secrets; the caller frees it */
    bosun_buf message;         /* the same for standard error */
    int status;                /* the exit status that it returns */
} host_tool_call;

/* Runs the command under the host's limits. Returns 0, or -1 with *err filled: it raised an error, was
 * stopped, or out of memory. */
int host_run_tool(bosun_host *host, host_tool_call *call, bosun_err *err);

#endif
