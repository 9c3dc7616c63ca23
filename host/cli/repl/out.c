/* Printing, and what others may ask of a session. */
#include "cli/color.h"
#include "internal.h"
#include <stdarg.h>
#include <stdio.h>

void repl_print(repl *session, const char *text, size_t len)
{
    (void)session;
    fwrite(text, 1, len, stdout);
    fflush(stdout);
}

void repl_printf(repl *session, const char *format, ...)
{
    (void)session;
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout);
}

repl_result repl_problem(repl *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs(session->console.color ? COLOR_ERROR : "", stdout);
    vprintf(format, args);
    fputs(session->console.color ? COLOR_END "\n" : "\n", stdout);
    va_end(args);
    fflush(stdout);
    return REPL_FAILED;
}

const host_scope *repl_scope(const repl *session)
{
    return session->scope;
}

bosun_host *repl_host(const repl *session)
{
    return session->host;
}
