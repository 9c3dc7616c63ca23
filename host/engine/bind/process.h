/* What the process*.c files share. */
#ifndef BOSUN_ENGINE_BIND_PROCESS_H
#define BOSUN_ENGINE_BIND_PROCESS_H

#include "bind.h"
#include "core/base/buf.h"
#include "core/process/process.h"

/* A process in a userdata. Its uservalues keep what C borrows: DRY_RESULT is the result of a program that a
 * dry run did not start, INPUT the text or secret for its standard input. */
typedef struct bosun_process_box {
    bosun_process process;
    bool check;        /* an end other than exit status 0 is a failure */
    bool dry;          /* not started: a dry run */
    size_t taken;      /* bytes of process.out.text that lines() has returned */
    bosun_buf command; /* for the trace; empty: nobody reads it, or the end was told */
    int64_t start;     /* bosun_monotonic's */
} bosun_process_box;

enum { BOSUN_PROCESS_DRY_RESULT = 1, BOSUN_PROCESS_INPUT, BOSUN_PROCESS_VALUES = BOSUN_PROCESS_INPUT };

/* The arguments (argv, options) at stack slots 1 and 2, checked. What the options point to stays on the
 * stack. */
typedef struct bosun_process_request {
    bosun_process_options options;
    struct bosun_buf *env; /* what options.env is; to be wiped once it was used */
    bool check;
    bool reads; /* changes nothing: a dry run runs it */
} bosun_process_request;

/* Raises on what is wrong. Leaves some values on the stack. [-0, +n, e] */
void bind_process_check_request(lua_State *L, bosun_process_request *request);

/* Forgets the environment, which can hold secrets. */
void bind_process_wipe(bosun_process_request *request);

/* An empty box on the stack, with its metatable, to be closed by the caller's frame when `closes`. */
bosun_process_box *bind_process_push_box(lua_State *L, const bosun_process_request *request, bool closes);

/* True: to be done. False: noted in the plan, and the box at the top of the stack has the result to return.
 */
bool bind_process_begin(lua_State *L, const bosun_process_request *request, const char *op);

/* The result of a process that is over: a table, or nil, err where the box wants it checked. [-0, +1|2, m] */
int bind_process_push_result(lua_State *L, bosun_process_box *box, int box_index);

/* Adds spawn to the module at the top of the stack, and makes the metatable. [-0, +0, m] */
void bind_process_add_spawn(lua_State *L);

/* Tells the trace that the program was started, or has ended (then the last time), or that err came of it
 * (NULL: nothing failed). Does not touch Lua. */
void bind_process_trace(bosun_host *host, const char *op, bosun_process_box *box, const bosun_err *err);

#endif
