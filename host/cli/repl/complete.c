/* What Tab offers: commands and their arguments here, Lua and files in lua/lib/bosun/repl/complete.lua. */
#include "core/action.h"
#include "internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(bosun_buf *words, const char *word, size_t len, const char *typed, const char *end)
{
    if (strncmp(word, typed, strlen(typed)) == 0 && len >= strlen(typed))
        bosun_buf_printf(words, "%.*s%s\n", (int)len, word, end);
}

static void add_commands(const repl *session, bosun_buf *words, const char *typed, size_t skip)
{
    const repl_command *row;
    for (size_t i = 0; (row = repl_command_at(session, i)); i++)
        add(words, row->name + skip, strlen(row->name + skip), typed, *row->arguments ? " " : "");
}

static void add_actions(bosun_buf *words, const char *typed)
{
    for (size_t i = 0; i < bosun_action_count; i++)
        add(words, bosun_actions[i].name, strlen(bosun_actions[i].name), typed,
            bosun_actions[i].subject ? " " : "");
}

static void add_choices(bosun_buf *words, const char *choices, const char *typed)
{
    for (size_t len; *choices; choices += len + strspn(choices + len, " ")) {
        len = strcspn(choices, " ");
        add(words, choices, len, typed, "");
    }
}

typedef struct plugin_words {
    bosun_buf *words;
    const char *typed;
} plugin_words;

static void add_plugin(void *data, const char *names)
{
    const plugin_words *p = data;
    for (size_t len; *names; names += len + strspn(names + len, ", ")) {
        len = strcspn(names, ", ");
        add(p->words, names, len, p->typed, "");
    }
}

/* Calls the Lua side, whose text begins with a line that says where the words begin. Returns that, or -1. */
static long add_from_lua(repl *session, const char *function, const char *first, const char *second,
                         bosun_buf *words)
{
    bosun_buf text = {0};
    long start = -1;
    char *rest = NULL;
    if (repl_call(session, "bosun.repl.complete", function, first, second, &text) == REPL_OK &&
        text.len > 0 && !text.failed)
        start = strtol(text.data, &rest, 10);
    if (rest && *rest == '\n' && rest[1])
        bosun_buf_printf(words, "%s\n", rest + 1);
    bosun_buf_free(&text);
    return start;
}

static void add_plugins(repl *session, const char *typed, bosun_buf *words)
{
    plugin_words p = {words, typed};
    bosun_options options;
    bosun_options_init(&options);
    options.plugin_path = getenv("BOSUN_PLUGIN_PATH");
    bosun_list_plugins(&options, add_plugin, &p);
    add_from_lua(session, "files", typed, NULL, words);
}

/* After an action: its settings. */
static void add_action_words(repl *session, const char *arguments, const char *typed, bosun_buf *words)
{
    if (typed == arguments) {
        add_actions(words, typed);
        return;
    }
    char action[64];
    snprintf(action, sizeof action, "%.*s", (int)strcspn(arguments, " \t"), arguments);
    add_from_lua(session, "setting", action, typed, words);
}

/* Completes the last word of a command's arguments. Returns where it begins in the line. */
static size_t complete_arguments(repl *session, const repl_command *row, const char *line, size_t offset,
                                 bosun_buf *words)
{
    const char *arguments = line + offset;
    const char *typed = strrchr(arguments, ' ');
    typed = typed ? typed + 1 : arguments;
    size_t start = (size_t)(typed - line);
    long within;
    switch (row->words) {
    case REPL_NOTHING: break;
    case REPL_COMMANDS: add_commands(session, words, typed, *typed == ':' ? 0 : 1); break;
    case REPL_ACTIONS: add_action_words(session, arguments, typed, words); break;
    case REPL_CHOICES: add_choices(words, row->choices, typed); break;
    case REPL_FILES: add_from_lua(session, "files", typed, NULL, words); break;
    case REPL_PLUGINS:
        if (typed == arguments)
            add_plugins(session, typed, words);
        else
            add_from_lua(session, "files", typed, NULL, words);
        break;
    case REPL_LUA:
        within = add_from_lua(session, "lua", arguments, NULL, words);
        start = within >= 0 ? offset + (size_t)within : start;
        break;
    }
    return start;
}

void repl_complete(void *data, const char *line, size_t point, bosun_buf *words, size_t *start)
{
    repl *session = data;
    size_t begin = strspn(line, " \t");
    (void)point;
    if (line[begin] != ':' || session->chunk.len > 0) {
        long within = add_from_lua(session, "lua", line, NULL, words);
        *start = within >= 0 ? (size_t)within : strlen(line);
        return;
    }
    size_t name_len = strcspn(line + begin, " \t");
    if (!line[begin + name_len]) {
        add_commands(session, words, line + begin, 0);
        *start = begin;
        return;
    }
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)name_len, line + begin);
    const repl_command *row = repl_find_command(session, name);
    size_t offset = begin + name_len + strspn(line + begin + name_len, " \t");
    if (row)
        *start = complete_arguments(session, row, line, offset, words);
}
