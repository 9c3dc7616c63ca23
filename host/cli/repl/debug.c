/* The debugger's commands. */
#include "repl.h"

const repl_command repl_debug_commands[] = {{.name = NULL}};

void repl_debug_attach(repl *session, bosun_host *host)
{
    (void)session;
    (void)host;
}
