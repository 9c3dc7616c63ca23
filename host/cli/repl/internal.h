/* The parts of a session, for this folder alone. */
#ifndef BOSUN_CLI_REPL_INTERNAL_H
#define BOSUN_CLI_REPL_INTERNAL_H

#include "core/base/log.h"
#include "line.h"
#include "repl.h"
#include "watch.h"

#define REPL_TRACED 200 /* calls that :trace last can show */

typedef struct repl_settings {
    char **items; /* ends with NULL */
    size_t count;
} repl_settings;

struct repl {
    const repl_command *const *tables; /* of commands; ends with NULL */
    void (*attach)(repl *session, bosun_host *host);
    bosun_host *host;
    host_console console;
    const host_scope *scope; /* NULL: nothing stands still */
    line_reader *lines;
    watch_shared *shared; /* NULL: no process watches */

    char *plugin;         /* NULL: none yet */
    char *private_config; /* NULL: none */
    char *config;         /* NULL: none */
    repl_settings settings;
    double timeout; /* of :run; 0: none */
    bool effects;   /* changes are made */
    bool tracing;   /* each outside call is shown as it happens */
    bool terminal;
    bool log_color;
    bool silent; /* log events are dropped */
    bool echo;
    bool quitting;
    const repl_command *step; /* that an empty line repeats; NULL: none */

    char *traced[REPL_TRACED]; /* a ring */
    size_t traced_count;
    bosun_buf status;  /* of the last :run; empty: none */
    bosun_buf chunk;   /* Lua that needs another line */
    bosun_buf session; /* what worked, for :save */
    bosun_buf history; /* lines of former sessions and this one, for :history */
};

/* Makes a host with the session's plugin, and replaces the session's by it. When that fails, the old one
 * stays. plugin NULL: a host without one. */
repl_result repl_open_host(repl *session, const char *plugin, const char *private_config);

/* Calls a function of the Lua side with up to two arguments (NULL: none). */
repl_result repl_call(repl *session, const char *module, const char *function, const char *first,
                      const char *second, bosun_buf *text);

/* The same for a function that bosun_host_cancel has to reach: around whatever runs the plugin. */
void repl_begin_call(repl *session, double timeout);
void repl_end_call(repl *session);

/* What Ctrl-C stops; NULL: the line that is edited. Returns what it was. */
bosun_host *repl_set_running(bosun_host *host);

/* Applies effects and settings to the host. extra: more settings; NULL: none. */
void repl_apply(repl *session, bool dry_run, double timeout, const char *const *settings);

/* Reads and runs lines. Returns REPL_QUIT, or REPL_RESUME; *failed: a line failed. */
repl_result repl_loop(repl *session, const char *prompt, bool *failed);

/* Runs a line: a command, or Lua, perhaps with lines before it. */
repl_result repl_line(repl *session, const char *line);

/* Runs a command. */
repl_result repl_command_line(repl *session, const char *line);

/* The command that a line runs, also when its name is abbreviated; NULL: none. */
const repl_command *repl_command_of(const repl *session, const char *line);

/* The command of that name, or NULL. And all of them, by index; NULL: no more. */
const repl_command *repl_find_command(const repl *session, const char *name);
const repl_command *repl_command_at(const repl *session, size_t index);

/* line_complete for the session. */
void repl_complete(void *data, const char *line, size_t point, bosun_buf *words, size_t *start);

/* A bosun_log_function; data: the session. */
void repl_log(void *data, const bosun_log_event *event);

/* Rows of the prompt's own commands. */
extern const repl_command repl_basic_commands[];
extern const repl_command repl_plugin_commands[];
extern const repl_command repl_run_commands[];

#endif
