/* The standard streams, for the Lua inside the shared library: see $(BUILD)/hidden in the Makefile. */
#include <stdio.h>

extern FILE *host_lua_stdin, *host_lua_stdout, *host_lua_stderr;
FILE *host_lua_stdin, *host_lua_stdout, *host_lua_stderr;

__attribute__((constructor)) static void take_streams(void)
{
    host_lua_stdin = stdin;
    host_lua_stdout = stdout;
    host_lua_stderr = stderr;
}
