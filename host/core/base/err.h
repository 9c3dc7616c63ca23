/* What went wrong, as core functions report it. A function that can fail takes a bosun_err *, returns 0 or -1
 * (or NULL), and fills the error on failure only. The error owns nothing, so it can be dropped at any point.
 */
#ifndef BOSUN_CORE_BASE_ERR_H
#define BOSUN_CORE_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define BOSUN_ERR_MESSAGE_MAX 2048

/* Codes that are not the name of an errno value. */
#define BOSUN_ERR_TIMEOUT   "timeout"
#define BOSUN_ERR_DEADLINE  "deadline" /* the action's; "timeout" is a limit of the call itself */
#define BOSUN_ERR_CANCELLED "cancelled"
#define BOSUN_ERR_INVALID   "invalid"
#define BOSUN_ERR_SYNTAX    "syntax"
#define BOSUN_ERR_TOO_LARGE "too_large"
#define BOSUN_ERR_NOMEM     "ENOMEM"

typedef struct bosun_err {
    const char *code;                    /* static: "ENOENT", "timeout", …; NULL while nothing failed */
    const char *op;                      /* static: what was being done: "open", "rename", "parse" */
    char message[BOSUN_ERR_MESSAGE_MAX]; /* whole sentence for people, without a newline at the end */
} bosun_err;

/* Fills err with code, op and a formatted message; returns -1, so that `return bosun_err_set(…)` works.
 * err may be NULL. A message that is too long is cut at a UTF-8 boundary. */
int bosun_err_set(bosun_err *err, const char *code, const char *op, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "cannot <op> <path>: <text of errno value>", code = the name of the errno value. `errnum` is errno as it
 * was when the call failed. Returns -1. */
int bosun_err_errno(bosun_err *err, int errnum, const char *op, const char *path);

/* Out of memory, with what was being done. Returns -1. */
int bosun_err_nomem(bosun_err *err, const char *op);

/* Puts a formatted text in front of the message: what the failed step was part of. Returns -1. */
int bosun_err_context(bosun_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The name of an errno value ("ENOENT"), or "EUNKNOWN"; static. */
const char *bosun_err_name(int errnum);

#endif
