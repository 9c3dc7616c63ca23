/* What the files of bosun.process share. */
#ifndef BOSUN_ENGINE_BIND_PROCESS_H
#define BOSUN_ENGINE_BIND_PROCESS_H

#include "bind.h"
#include "core/base/buf.h"
#include "core/base/trace_context.h"
#include "core/process/process.h"

/* A process in a userdata. */
typedef struct bosun_process_box {
    bosun_process process;
    bool check;        /* ending with anything but exit status 0 is a failure */
    bool dry;          /* a dry run, which did not start the program */
    size_t taken;      /* bytes of process.out.text that Lua has already got */
    bosun_buf command; /* for the trace; empty: not traced, or the end has been */
    int64_t start;     /* from bosun_monotonic */
    char span[BOSUN_SPAN_ID_SIZE];
    char traceparent[BOSUN_TRACEPARENT_SIZE];
} bosun_process_box;

/* User values of the box. DRY_RESULT: the result of a program that a dry run did not start. INPUT: the text
 * or secret for standard input, kept alive because C borrows it. */
enum { BOSUN_PROCESS_DRY_RESULT = 1, BOSUN_PROCESS_INPUT, BOSUN_PROCESS_VALUES = BOSUN_PROCESS_INPUT };

/* The checked arguments (argv, options) at stack slots 1 and 2. Values on the stack own what it points to. */
typedef struct bosun_process_request {
    bosun_process_options options;
    struct bosun_buf *env; /* owns options.env; wipe it after use */
    bool check;
    bool reads; /* the program changes nothing, so a dry run starts it too */
} bosun_process_request;

/* Fills *request from the arguments; raises if they are invalid. Leaves the values it borrows from on the
 * stack. [-0, +n, e] */
void bind_process_check_request(lua_State *L, bosun_process_request *request);

/* Wipes and frees the environment, which may contain secrets. */
void bind_process_wipe(bosun_process_request *request);

/* Pushes an empty box with its metatable; if `closes`, it is closed when the calling C function returns or
 * raises. [-0, +1, m] */
bosun_process_box *bind_process_push_box(lua_State *L, const bosun_process_request *request, bool closes);

/* Returns true if the program has to be started, in the trace of the action. Returns false in a dry run: then
 * the plan has the command, and the box at the top of the stack has the result. [-0, +0, e] */
bool bind_process_begin(lua_State *L, bosun_process_request *request, const char *op);

/* Pushes the result of a process that is over: a table, or nil and an error if the box says to check it and
 * it failed. Returns how many values. [-0, +1|2, m] */
int bind_process_push_result(lua_State *L, bosun_process_box *box, int box_index);

/* Creates the class of processes, and adds `spawn` to the module at the top of the stack. [-0, +0, m] */
void bind_process_add_spawn(lua_State *L);

/* Logs to the trace that the program has started or ended, or failed with err (NULL: no failure). After the
 * end or a failure, further calls do nothing. Does not touch Lua. */
void bind_process_trace(bosun_host *host, const char *op, bosun_process_box *box, const bosun_err *err);

#endif
