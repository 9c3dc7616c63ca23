/* Commands about Lua and about the session. */
#include "core/fs/fs.h"
#include "history.h"
#include "internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HELP_COLUMNS 79

static void help_row(repl *session, const repl_command *row)
{
    char call[80];
    snprintf(call, sizeof call, "%s %s", row->name, row->arguments);
    repl_printf(session, "  %-34s  %s\n", call, row->help);
}

/* A row of the short list: as many commands in a line as fit. Returns the column behind it. */
static int help_word(repl *session, const repl_command *row, int column)
{
    char call[80];
    int len = snprintf(call, sizeof call, "%s%s%s", row->name, *row->arguments ? " " : "", row->arguments);
    bool fits = column > 0 && column + len + 2 <= HELP_COLUMNS;
    repl_printf(session, "%s  %s", column > 0 && !fits ? "\n" : "", call);
    return (fits ? column : 0) + len + 2;
}

/* All commands, with or without what they do. */
static void help_list(repl *session, bool with_words)
{
    const repl_command *row;
    int column = 0;
    for (size_t i = 0; (row = repl_command_at(session, i)); i++) {
        if (row->section) {
            repl_printf(session, "%s%s%s\n", column > 0 ? "\n" : "", i > 0 ? "\n" : "", row->section);
            column = 0;
        }
        if (with_words)
            help_row(session, row);
        else
            column = help_word(session, row, column);
    }
    if (!with_words)
        repl_printf(session, "\n\n:help COMMAND says more, :help all says what each does.\n");
}

static repl_result help(repl *session, char *arguments)
{
    char name[64];
    if (!*arguments || strcmp(arguments, "all") == 0) {
        help_list(session, *arguments);
        return REPL_OK;
    }
    snprintf(name, sizeof name, "%s%s", *arguments == ':' ? "" : ":", arguments);
    const repl_command *row = repl_find_command(session, name);
    if (!row)
        return repl_problem(session, "no command %s; :help lists them", name);
    repl_printf(session, "%s%s%s\n  %s\n", row->name, *row->arguments ? " " : "", row->arguments, row->help);
    if (row->more)
        repl_printf(session, "%s\n", row->more);
    return REPL_OK;
}

static repl_result need(repl *session, const char *arguments, const char *what)
{
    return *arguments ? REPL_OK : repl_problem(session, "%s", what);
}

static repl_result doc(repl *session, char *arguments)
{
    if (*arguments == ':')
        return help(session, arguments);
    if (need(session, arguments, "name what to look up: :doc http.get") != REPL_OK)
        return REPL_FAILED;
    return repl_call(session, "bosun.repl.doc", "show", arguments, NULL, NULL);
}

static repl_result type(repl *session, char *arguments)
{
    if (need(session, arguments, "an expression is missing: :type config") != REPL_OK)
        return REPL_FAILED;
    return repl_call(session, "bosun.repl.evaluate", "type", arguments, NULL, NULL);
}

static repl_result time_it(repl *session, char *arguments)
{
    if (need(session, arguments, "an expression is missing: :time fs.sha256 \"/bin/sh\"") != REPL_OK)
        return REPL_FAILED;
    return repl_call(session, "bosun.repl.evaluate", "timed", arguments, NULL, NULL);
}

static repl_result depth(repl *session, char *arguments)
{
    char *end = arguments;
    long number = strtol(arguments, &end, 10);
    if (*arguments && (*end || number < 1 || number > 100))
        return repl_problem(session, "expected a number from 1 to 100, not %s", arguments);
    if (*arguments)
        session->console.depth = (int)number;
    repl_printf(session, "tables are shown %d deep\n", session->console.depth);
    return REPL_OK;
}

static repl_result history(repl *session, char *arguments)
{
    const char *at = bosun_buf_text(&session->history);
    for (size_t len; *at; at += len + (at[len] == '\n')) {
        len = strcspn(at, "\n");
        char *line = strndup(at, len);
        if (line && (!*arguments || strstr(line, arguments)))
            repl_printf(session, "%s\n", line);
        free(line);
    }
    return REPL_OK;
}

/* A FIFO or a device gets the text, and so does the file that a symlink leads to: none is replaced. */
static int write_session(const char *path, const char *text, bosun_err *err)
{
    struct stat st;
    const bosun_fs_write_options options = {.mode = 0600};
    bool special = lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
    return special ? bosun_fs_write_in_place(path, text, strlen(text), &options, err)
                   : bosun_fs_write_atomic(path, text, strlen(text), &options, err);
}

static repl_result save(repl *session, char *arguments)
{
    bosun_err err = {0};
    struct stat st;
    bool replace = strncmp(arguments, "-f", 2) == 0 && strchr(" \t", arguments[2]);
    const char *path = arguments + (replace ? 2 + strspn(arguments + 2, " \t") : 0);
    if (need(session, path, "name the file: :save session.lua") != REPL_OK)
        return REPL_FAILED;
    if (!replace && lstat(path, &st) == 0)
        return repl_problem(session, "%s exists; :save -f %s replaces it", path, path);
    const char *text = bosun_buf_text(&session->session);
    if (session->session.failed)
        return repl_problem(session, "out of memory");
    if (write_session(path, text, &err) < 0)
        return repl_problem(session, "%s", err.message);
    repl_printf(session, "saved; run it again with: bosun repl < %s\n", path);
    return REPL_OK;
}

static repl_result env(repl *session, char *arguments)
{
    (void)arguments;
    repl_printf(session, "plugin: %s\nprivate config: %s\naction config: %s\n",
                session->plugin ? session->plugin : "none",
                session->private_config ? session->private_config : "none",
                session->config ? session->config : "none");
    for (size_t i = 0; i < session->settings.count; i++)
        repl_printf(session, "setting: %s\n",
                    history_hides(session->settings.items[i]) ? "[redacted]" : session->settings.items[i]);
    if (session->timeout > 0)
        repl_printf(session, "timeout: %g s\n", session->timeout);
    repl_printf(session, "effects: %s\nvariables:\n", session->effects ? "made" : "held back");
    return repl_call(session, "bosun.repl.show", "variables", NULL, NULL, NULL);
}

static repl_result quit(repl *session, char *arguments)
{
    (void)session;
    (void)arguments;
    return REPL_QUIT;
}

const repl_command repl_basic_commands[] = {
    {.name = ":help",
     .arguments = "[COMMAND|all]",
     .help = "the commands, or more about one or all",
     .run = help,
     .words = REPL_COMMANDS,
     .section = "Lua, and the session"},
    {.name = ":doc",
     .arguments = "NAME",
     .help = "the documentation of http.get, fs, self.method",
     .run = doc,
     .words = REPL_LUA},
    {.name = ":type", .arguments = "EXPR", .help = "the type of a value", .run = type, .words = REPL_LUA},
    {.name = ":time", .arguments = "EXPR", .help = "how long it takes", .run = time_it, .words = REPL_LUA},
    {.name = ":depth", .arguments = "[N]", .help = "how deep tables are shown", .run = depth, .kept = true},
    {.name = ":env", .arguments = "", .help = "plugin, configs, settings and variables", .run = env},
    {.name = ":history",
     .arguments = "[TEXT]",
     .help = "former lines, or those with the text",
     .more = "  The history is $XDG_STATE_HOME/bosun/history, with mode 0600. A line that begins with a "
             "space, or "
             "that\n  gives a value to something named like a secret, is not kept.",
     .run = history},
    {.name = ":save",
     .arguments = "[-f] FILE",
     .help = "write what worked, for bosun repl < FILE",
     .run = save,
     .words = REPL_FILES},
    {.name = ":quit",
     .arguments = "",
     .help = "leave, like Ctrl-D",
     .more = "While an action is stopped, this cancels it: nothing more of it runs but its clean_up.\n"
             ":continue first, to let it finish.",
     .run = quit},
    {.name = NULL},
};
