/* The table of commands, and running a line that is one. */
#include "core/base/suggest.h"
#include "internal.h"
#include <stdio.h>
#include <string.h>

#define COMMANDS_MAX 96
#define NAME_MAX_LEN 31

const repl_command *repl_command_at(const repl *session, size_t index)
{
    for (const repl_command *const *table = session->tables; *table; table++)
        for (const repl_command *row = *table; row->name; row++)
            if (index-- == 0)
                return row;
    return NULL;
}

const repl_command *repl_find_command(const repl *session, const char *name)
{
    const repl_command *row;
    for (size_t i = 0; (row = repl_command_at(session, i)); i++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

/* The only command that begins so; NULL: none or several. Lists the several in *names. While stopped, those
 * that need it come first: `:c` is :continue then. */
static const repl_command *find_abbreviated(const repl *session, const char *name, bosun_buf *names)
{
    const repl_command *found = NULL;
    const repl_command *row;
    const repl_command *stopped = NULL;
    size_t count = 0;
    size_t stopped_count = 0;
    for (size_t i = 0; (row = repl_command_at(session, i)); i++)
        if (strncmp(row->name, name, strlen(name)) == 0) {
            bosun_buf_printf(names, "%s%s", count++ ? " " : "", row->name);
            found = row;
            if (row->while_stopped && stopped_count++ == 0)
                stopped = row;
        }
    if (session->scope && stopped_count == 1)
        return stopped;
    return count == 1 ? found : NULL;
}

static repl_result unknown(repl *session, const char *name)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    const repl_command *row;
    while (count < COMMANDS_MAX && (row = repl_command_at(session, count)))
        names[count++] = row->name;
    const char *near = bosun_suggest(name, names, count);
    return repl_problem(session, "no command %s; %s%s%s", name, near ? "did you mean " : ":help lists them",
                        near ? near : "", near ? "?" : "");
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        text[--len] = '\0';
    return text;
}

static repl_result run_row(repl *session, const repl_command *row, const char *rest)
{
    if (row->while_stopped && !session->scope)
        return repl_problem(
            session, "%s: the program is not stopped; set a breakpoint with :break, then :run", row->name);
    session->step = row->repeats ? row : NULL;
    bosun_buf text = {0};
    bosun_buf_puts(&text, rest);
    repl_result result = text.failed ? repl_problem(session, "out of memory")
                                     : row->run(session, text.data ? trimmed(text.data) : (char[]){""});
    bosun_buf_free(&text);
    return result;
}

/* Copies the name that a line begins with. Returns its length in the line. */
static size_t read_name(const char *line, char name[NAME_MAX_LEN + 1])
{
    size_t len = strcspn(line, " \t\r");
    snprintf(name, NAME_MAX_LEN + 1, "%.*s", (int)len, line);
    return len;
}

static const repl_command *find(const repl *session, const char *name, bosun_buf *names)
{
    const repl_command *row = repl_find_command(session, name);
    return row || strlen(name) < 2 ? row : find_abbreviated(session, name, names);
}

const repl_command *repl_command_of(const repl *session, const char *line)
{
    char name[NAME_MAX_LEN + 1];
    char storage[256];
    bosun_buf names = bosun_buf_fixed(storage, sizeof storage);
    read_name(line, name);
    return find(session, name, &names);
}

repl_result repl_command_line(repl *session, const char *line)
{
    char name[NAME_MAX_LEN + 1];
    char storage[256];
    bosun_buf names = bosun_buf_fixed(storage, sizeof storage);
    size_t len = read_name(line, name);
    const repl_command *row = find(session, name, &names);
    if (row)
        return run_row(session, row, line + len);
    if (names.len > 0)
        return repl_problem(session, "%s is ambiguous: %s", name, bosun_buf_text(&names));
    return unknown(session, name);
}
