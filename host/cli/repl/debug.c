/* The debugger's commands. What they do is Lua, lua/lib/bosun/debug/terminal.lua: the values that they show
 * are there. */
#include "engine/debug/debug.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

static repl_result call(repl *session, const char *function, const char *arguments)
{
    return repl_call(session, "bosun.debug.terminal", function, arguments, NULL, NULL);
}

/* A command that lets the action go on. */
static repl_result resume(repl *session, const char *function, const char *arguments)
{
    repl_result result = call(session, function, arguments);
    return result == REPL_OK ? REPL_RESUME : result;
}

#define COMMAND(name, does)                                                                                  \
    static repl_result run_##name(repl *session, char *arguments)                                            \
    {                                                                                                        \
        return does(session, #name, arguments);                                                              \
    }

COMMAND(break, call)
COMMAND(breaks, call)
COMMAND(delete, call)
COMMAND(enable, call)
COMMAND(disable, call)
COMMAND(watch, call)
COMMAND(display, call)
COMMAND(catch, call)
COMMAND(step, resume)
COMMAND(next, resume)
COMMAND(finish, resume)
COMMAND(continue, resume)
COMMAND(until, resume)
COMMAND(up, call)
COMMAND(down, call)
COMMAND(frame, call)
COMMAND(bt, call)
COMMAND(locals, call)
COMMAND(list, call)
COMMAND(let, call)

static repl_result run_print(repl *session, char *arguments)
{
    return repl_call(session, "bosun.repl.evaluate", "whole", arguments, NULL, NULL);
}

const repl_command repl_debug_commands[] = {
    {.name = ":break",
     .section = "The debugger",
     .arguments = "FILE:LINE|FUNCTION [if EXPR]",
     .help = "stop there, perhaps only if EXPR is true",
     .more =
         "FILE is a path, or its end: sample_plugin.lua:42. Of a built-in file: plugins/filesystem.lua:42.\n"
         "A breakpoint on a line without code moves to the next line with code. While stopped, LINE alone is "
         "of this file.",
     .run = run_break,
     .kept = true,
     .words = REPL_FILES},
    {.name = ":breaks", .arguments = "", .help = "list them", .run = run_breaks},
    {.name = ":delete", .arguments = "N|all", .help = "remove one, or all", .run = run_delete, .kept = true},
    {.name = ":enable", .arguments = "N", .help = "let it stop again", .run = run_enable, .kept = true},
    {.name = ":disable",
     .arguments = "N",
     .help = "keep it, but do not stop there",
     .run = run_disable,
     .kept = true},
    {.name = ":watch",
     .arguments = "EXPR",
     .help = "stop when the value changes",
     .more = "It is looked at after each line, until the function that it was set in returns.",
     .run = run_watch,
     .words = REPL_LUA,
     .while_stopped = true},
    {.name = ":display",
     .arguments = "[EXPR]",
     .help = "show it at every stop; without EXPR: no more",
     .run = run_display,
     .kept = true,
     .words = REPL_LUA},
    {.name = ":catch",
     .arguments = "error|all|off",
     .help = "stop where an error is raised, if nobody catches it, or in any case",
     .run = run_catch,
     .kept = true,
     .choices = "error all off",
     .words = REPL_CHOICES},
    {.name = ":step",
     .section = "While stopped",
     .arguments = "",
     .help = "to the next line, into functions",
     .run = run_step,
     .while_stopped = true,
     .repeats = true},
    {.name = ":next",
     .arguments = "",
     .help = "to the next line of this function",
     .run = run_next,
     .while_stopped = true,
     .repeats = true},
    {.name = ":finish",
     .arguments = "",
     .help = "until this function has returned",
     .run = run_finish,
     .while_stopped = true},
    {.name = ":continue", .arguments = "", .help = "go on", .run = run_continue, .while_stopped = true},
    {.name = ":until", .arguments = "LINE", .help = "to that line", .run = run_until, .while_stopped = true},
    {.name = ":up", .arguments = "", .help = "look at the caller", .run = run_up, .while_stopped = true},
    {.name = ":down", .arguments = "", .help = "and back", .run = run_down, .while_stopped = true},
    {.name = ":frame",
     .arguments = "[N]",
     .help = "look at that frame",
     .run = run_frame,
     .while_stopped = true},
    {.name = ":bt",
     .arguments = "[full]",
     .help = "the functions that are active; full: with their variables",
     .run = run_bt,
     .choices = "full",
     .words = REPL_CHOICES,
     .while_stopped = true},
    {.name = ":locals",
     .arguments = "",
     .help = "the variables of the frame",
     .run = run_locals,
     .while_stopped = true},
    {.name = ":list",
     .arguments = "[LINE]",
     .help = "the source around; again: what follows",
     .run = run_list,
     .while_stopped = true},
    {.name = ":p", .arguments = "EXPR", .help = "its value", .run = run_print, .words = REPL_LUA},
    {.name = ":let",
     .arguments = "VAR=EXPR",
     .help = "change a variable of the frame",
     .run = run_let,
     .words = REPL_LUA,
     .while_stopped = true},
    {.name = NULL}};

bool repl_debug_prompt(void *data, lua_State *L, int env)
{
    repl *session = data;
    if (session->quitting)
        return false;
    const host_scope scope = {.L = L, .env = env};
    if (L)
        repl_stopped(session, "debug> ", &scope);
    return true;
}

void repl_debug_attach(repl *session, bosun_host *host)
{
    static const char *const none[] = {NULL};
    bosun_buf kept = {0};
    if (session->host)
        host_console_call(session->host, NULL, "bosun.debug.terminal", "save", none, &kept);
    host_debug_on_prompt(host, repl_debug_prompt, session, repl_source);
    const char *const lines[] = {bosun_buf_text(&kept), NULL};
    if (kept.len > 0)
        host_console_call(host, NULL, "bosun.debug.terminal", "restore", lines, NULL);
    bosun_buf_free(&kept);
}
