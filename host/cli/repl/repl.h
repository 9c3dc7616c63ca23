/* The prompt: `bosun repl`, and the prompt of the debugger.
 *
 * For the debugger (host/engine/debug, and its commands in host/cli/repl/debug*.c):
 *
 * - Its commands are rows of one table, repl_debug_commands, which ends with a row of NULLs; commands.c joins
 *   it to the prompt's own. A row names the command, its arguments, one line of help and the function.
 * - When the program stops, call repl_stopped with the thread and, in its stack, a table whose fields are
 *   what the frame sees (locals, upvalues, then globals; __index and __newindex do the work). It reads lines
 *   with the same editor, evaluates Lua in that table, and returns when a command returns REPL_RESUME. It may
 *   be called inside a hook or a message handler: lines are evaluated in a new thread, with the host's
 *   limits put aside and given back as they were, and Ctrl-C stops the line, not the action. Whoever calls
 *   it lets the deadline stand still meanwhile.
 * - A stopped thread's frame can change while the prompt is open (:up, :down, :frame N): the command replaces
 *   the table in the stack slot.
 * - Commands print with repl_print and repl_printf, and report with repl_problem. */
#ifndef BOSUN_CLI_REPL_REPL_H
#define BOSUN_CLI_REPL_REPL_H

#include "bosun.h"
#include "engine/console/console.h"
#include <stdbool.h>

/* A session: a host, what it was told, and the terminal. */
typedef struct repl repl;

typedef enum repl_result {
    REPL_OK,
    REPL_FAILED,     /* and that is printed: with plain lines, the session's exit status is 1 */
    REPL_INCOMPLETE, /* Lua that needs another line */
    REPL_RESUME,     /* the program that stands still goes on */
    REPL_QUIT,       /* the session ends */
} repl_result;

/* What Tab offers after a command. */
typedef enum repl_words {
    REPL_NOTHING,
    REPL_COMMANDS,
    REPL_ACTIONS, /* an action first, then key=value with the ids of deployments */
    REPL_FILES,
    REPL_LUA,
    REPL_PLUGINS,
    REPL_CHOICES, /* the words in `choices` */
} repl_words;

typedef struct repl_command {
    const char *name;      /* ":break" */
    const char *arguments; /* "FILE:LINE|FUNCTION [if EXPR]"; "": none */
    const char *help;      /* one line */
    const char *more;      /* what `:help break` prints below that; NULL: nothing */
    repl_result (*run)(repl *session, char *arguments); /* without blanks around; may be changed */
    const char *choices;                                /* "on off last" */
    const char *section; /* the heading in :help that begins with this row; NULL: none */
    repl_words words;
    bool kept;          /* when it has worked, a session that has to start anew repeats it */
    bool while_stopped; /* only where the program stands still */
    bool repeats;       /* an empty line runs it again */
} repl_command;

/* The debugger's rows. */
extern const repl_command repl_debug_commands[];

/* The prompt while the program stands still, until a command resumes it. prompt: "bosun debug> ". scope->L:
 * the thread; it needs five free slots in its stack. Where the session ends, the action is cancelled. */
void repl_stopped(repl *session, const char *prompt, const host_scope *scope);

/* The scope of the innermost repl_stopped under way; NULL: the program is not running. */
const host_scope *repl_scope(const repl *session);

/* The host of the session. It is another one after :load and :reload: repl_debug_attach is called then. */
bosun_host *repl_host(const repl *session);

/* Called for every new host, before a plugin is loaded into it: sets the breakpoints. */
void repl_debug_attach(repl *session, bosun_host *host);

/* Evaluates Lua as a line of the prompt does. */
repl_result repl_evaluate(repl *session, const char *text);

/* Print on standard output; whole lines. */
void repl_print(repl *session, const char *text, size_t len);
void repl_printf(repl *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints what is wrong; returns REPL_FAILED. */
repl_result repl_problem(repl *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The source text of an embedded file ("bosun/fs.lua", "plugins/test.lua"), NULL if there is none. */
const char *repl_source(const char *name, size_t *len);

typedef struct repl_options {
    const char *plugin;         /* NULL: none yet */
    const char *private_config; /* NULL: none */
    const char *config;         /* the action config; NULL: none */
    double timeout;             /* of :run; 0: none */
    bool effects;               /* changes are made from the start */
    bool echo;                  /* without a terminal: print each line with the prompt */
} repl_options;

/* A session around a host that is not its own, for the debugger's prompt; there is one. NULL: out of memory.
 */
repl *repl_around(bosun_host *host);

/* The handler of SIGINT: stops the line that is edited or run. */
void repl_on_interrupt(int number);

/* Safe in a signal handler: a prompt ends, now and from now on, as with Ctrl-D. */
void repl_end(void);

/* A host_prompt_function; data: a session. There is no prompt any more once the session has been left. */
bool repl_debug_prompt(void *data, struct lua_State *L, int env);

/* A session on standard input and output, from the first prompt to its end; returns the exit status. */
int repl_run(const repl_options *options);

#endif
