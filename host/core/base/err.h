/* The one error of the house: what went wrong, as fields for programs and as a text for people. A function
 * that can fail takes a bosun_err *, returns 0 or -1 (or NULL), and fills the error on failure only. The text
 * is made once, at the rim (bosun_err_text); below it everybody looks at the fields, never at the message.
 * The error owns nothing outside itself: it can be copied and dropped at any point.
 */
#ifndef BOSUN_CORE_BASE_ERR_H
#define BOSUN_CORE_BASE_ERR_H

#include "buf.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define BOSUN_ERR_CODE_MAX    32
#define BOSUN_ERR_OP_MAX      64
#define BOSUN_ERR_FILE_MAX    512
#define BOSUN_ERR_PATH_MAX    256
#define BOSUN_ERR_HINT_MAX    256
#define BOSUN_ERR_MESSAGE_MAX 2048

/* Codes that are not the name of an errno value. err_codes.c lists them all, with what they mean. */
#define BOSUN_ERR_TIMEOUT      "timeout"
#define BOSUN_ERR_DEADLINE     "deadline" /* the action's; "timeout" is a limit of the call itself */
#define BOSUN_ERR_CANCELLED    "cancelled"
#define BOSUN_ERR_INSTRUCTIONS "instructions" /* those that a call may execute */
#define BOSUN_ERR_INVALID      "invalid"
#define BOSUN_ERR_SYNTAX       "syntax"
#define BOSUN_ERR_TOO_LARGE    "too_large"
#define BOSUN_ERR_NOMEM        "ENOMEM"

/* Those of the runner and the host. */
#define BOSUN_ERR_COMMAND_LINE "command_line"
#define BOSUN_ERR_CONFIG       "config"
#define BOSUN_ERR_NO_PLUGIN    "plugin_not_found"
#define BOSUN_ERR_PLUGIN       "plugin"
#define BOSUN_ERR_FAILED       "failed"
#define BOSUN_ERR_NO_OUTCOME   "no_outcome"
#define BOSUN_ERR_KILLED       "killed"
#define BOSUN_ERR_CRASHED      "crashed"
#define BOSUN_ERR_INTERNAL     "internal"

typedef enum bosun_retry {
    BOSUN_RETRY_BY_CODE, /* as err_codes.c has it */
    BOSUN_RETRY_NO,
    BOSUN_RETRY_YES,
} bosun_retry;

typedef struct bosun_err {
    char code[BOSUN_ERR_CODE_MAX];       /* "ENOENT", "timeout", …; "" while nothing failed */
    char op[BOSUN_ERR_OP_MAX];           /* what was being done: "open", "rename", "parse" */
    char message[BOSUN_ERR_MESSAGE_MAX]; /* for people, without the place and without a newline at the end */
    size_t cause;                  /* where in `message` that of the error below begins; 0: none below */
    char file[BOSUN_ERR_FILE_MAX]; /* the file that is wrong; "": none. A long name lacks its beginning */
    unsigned line;                 /* in that file, 1-based; 0: no place in it */
    unsigned column;               /* in characters, 1-based; 0: not known */
    bool several;                  /* each line of `message` is an error of its own, with its place */
    char path[BOSUN_ERR_PATH_MAX]; /* of the key in that file: "peInfo.deployments[2].id"; "": none */
    char hint[BOSUN_ERR_HINT_MAX]; /* what to do about it; "": as the code has it */
    bosun_retry retry; /* can the same action again succeed, without anybody changing something? */
} bosun_err;

/* Makes err a new error with code, op and a formatted message; returns -1, so that `return bosun_err_set(…)`
 * works. err may be NULL. A message that is too long ends in "…", at a UTF-8 boundary. */
int bosun_err_set(bosun_err *err, const char *code, const char *op, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "cannot <op> <path>: <text of errno value>", code = the name of the errno value. `errnum` is errno as it
 * was when the call failed. Returns -1. */
int bosun_err_errno(bosun_err *err, int errnum, const char *op, const char *path);

/* The same where the operation reads better in other words: "cannot <words> <path>: …". Returns -1. */
int bosun_err_errno_as(bosun_err *err, int errnum, const char *op, const char *words, const char *path);

/* Out of memory, with what was being done. Returns -1. */
int bosun_err_nomem(bosun_err *err, const char *op);

/* Puts a formatted text in front of the message: what the failed step was part of. The message so far is the
 * cause. Returns -1. */
int bosun_err_context(bosun_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the place that the error is about. line 0: only the file. path may be NULL. Returns -1. */
int bosun_err_at(bosun_err *err, const char *file, unsigned line, unsigned column, const char *path);

/* Appends the text for people: "file:line:column: path: message", as much of it as there is. A file alone,
 * without line and path, is not repeated: the message names it. */
void bosun_err_text(bosun_buf *out, const bosun_err *err);

/* The name of an errno value ("ENOENT"), or "EUNKNOWN"; static. */
const char *bosun_err_name(int errnum);

#endif
