/* Commands that run actions, and what shows their calls to the outside. */
#include "cli/color.h"
#include "core/action.h"
#include "core/config_settings.h"
#include "internal.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64

typedef struct action_words {
    const bosun_action *action;
    char *settings[WORDS_MAX + 1]; /* ends with NULL */
    size_t count;
} action_words;

/* Takes the next word off the text: quotes hold blanks together. NULL: there is none. */
static char *next_word(char **text)
{
    char *at = *text + strspn(*text, " \t");
    char *word = at;
    char *out = at;
    char quote = '\0';
    if (!*at)
        return NULL;
    for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
        bool ends = quote && *at == quote;
        bool begins = !quote && (*at == '"' || *at == '\'');
        if (begins)
            quote = *at;
        else if (ends)
            quote = '\0';
        else
            *out++ = *at;
    }
    *text = at + (*at != '\0');
    *out = '\0';
    return word;
}

static repl_result add_setting(repl *session, action_words *words, const char *word)
{
    bosun_err err = {0};
    if (words->count == WORDS_MAX)
        return repl_problem(session, "too many settings");
    char *setting = bosun_config_whole_setting(words->action->subject, word);
    if (!setting)
        return repl_problem(session, "out of memory");
    words->settings[words->count++] = setting;
    return bosun_config_check_setting(setting, &err) < 0 ? repl_problem(session, "%s", err.message) : REPL_OK;
}

static repl_result read_words(repl *session, char *arguments, action_words *words)
{
    bosun_err err = {0};
    const char *name = next_word(&arguments);
    words->action = name ? bosun_action_find(name) : NULL;
    if (!name)
        return repl_problem(session, "name the action: :run pe_status; :actions lists them");
    if (!words->action) {
        bosun_action_unknown(name, &err);
        return repl_problem(session, "%s", err.message);
    }
    const char *word;
    while ((word = next_word(&arguments)))
        if (add_setting(session, words, word) != REPL_OK)
            return REPL_FAILED;
    return REPL_OK;
}

static void print_status(repl *session)
{
    bosun_buf text = {0};
    color_add_status(&text, bosun_buf_text(&session->status), session->status.len);
    repl_print(session, bosun_buf_text(&text), text.len);
    bosun_buf_free(&text);
}

/* The session's settings, then those of the line. NULL: out of memory. */
static const char **all_settings(const repl *session, const action_words *words)
{
    const char **all = calloc(session->settings.count + words->count + 1, sizeof *all);
    size_t count = 0;
    for (size_t i = 0; all && i < session->settings.count; i++)
        all[count++] = session->settings.items[i];
    for (size_t i = 0; all && i < words->count; i++)
        all[count++] = words->settings[i];
    return all;
}

static repl_result take_status(repl *session, bosun_status *status, bool dry_run)
{
    size_t len = 0;
    const char *text = status ? bosun_status_yaml(status, &len) : NULL;
    if (!text)
        return repl_problem(session, "out of memory");
    bosun_buf_clear(&session->status);
    bosun_buf_append(&session->status, text, len);
    print_status(session);
    repl_printf(session, "%s\n", dry_run ? "effects: held back (a dry run)" : "effects: made");
    return bosun_status_outcome(status) == BOSUN_FAILING ? REPL_FAILED : REPL_OK;
}

static repl_result run_words(repl *session, const action_words *words, bool dry_run)
{
    const char **settings = all_settings(session, words);
    if (!settings)
        return repl_problem(session, "out of memory");
    const char *action = words->action ? words->action->name : NULL;
    repl_apply(session, dry_run, session->timeout, settings);
    repl_begin_call(session, session->timeout);
    bosun_status *status = bosun_host_run(session->host, action, session->config);
    repl_end_call(session);
    repl_apply(session, !session->effects, 0, NULL);
    repl_result result = take_status(session, status, dry_run);
    bosun_status_free(status);
    free(settings);
    return result;
}

static repl_result run_action(repl *session, char *arguments, bool dry_run)
{
    if (session->scope)
        return repl_problem(session, "the program is stopped here: :continue it first");
    if (!session->plugin)
        return repl_problem(session, "no plugin is loaded: :load one");
    action_words words = {0};
    repl_result result = read_words(session, arguments, &words);
    if (result == REPL_OK)
        result = run_words(session, &words, dry_run);
    for (size_t i = 0; i < words.count; i++)
        free(words.settings[i]);
    return result;
}

static repl_result run(repl *session, char *arguments)
{
    return run_action(session, arguments, !session->effects);
}

static repl_result plan(repl *session, char *arguments)
{
    return run_action(session, arguments, true);
}

static repl_result status(repl *session, char *arguments)
{
    (void)arguments;
    if (session->status.len == 0)
        return repl_problem(session, "no action has run yet");
    print_status(session);
    return REPL_OK;
}

static repl_result effects(repl *session, char *arguments)
{
    if (*arguments && session->scope)
        return repl_problem(session,
                            "the action that is stopped here goes on as it began: :continue it first");
    if (strcmp(arguments, "on") == 0 || strcmp(arguments, "off") == 0)
        session->effects = strcmp(arguments, "on") == 0;
    else if (*arguments)
        return repl_problem(session, "expected on or off, not %s", arguments);
    if (*arguments)
        repl_apply(session, !session->effects, 0, NULL);
    repl_printf(session, "changes are %s\n", session->effects ? "made" : "held back and announced");
    return REPL_OK;
}

static repl_result trace(repl *session, char *arguments)
{
    if (strncmp(arguments, "last", 4) == 0) {
        long wanted = arguments[4] ? strtol(arguments + 4, NULL, 10) : 10;
        size_t most = session->traced_count < REPL_TRACED ? session->traced_count : REPL_TRACED;
        size_t count = wanted > 0 && (size_t)wanted < most ? (size_t)wanted : most;
        for (size_t i = session->traced_count - count; i < session->traced_count; i++)
            repl_printf(session, "%s\n", session->traced[i % REPL_TRACED]);
        return REPL_OK;
    }
    if (strcmp(arguments, "on") == 0 || strcmp(arguments, "off") == 0)
        session->tracing = strcmp(arguments, "on") == 0;
    else if (*arguments)
        return repl_problem(session, "expected on, off or last, not %s", arguments);
    repl_printf(session, "calls to the outside are %s as they happen\n",
                session->tracing ? "shown" : "not shown");
    return REPL_OK;
}

const repl_command repl_run_commands[] = {
    {.name = ":run",
     .arguments = "ACTION [KEY=VALUE ...]",
     .help = "run an action, as the runner does",
     .more = "  A key without a section belongs to the action's: id=d1 is deploymentInfo.id=d1. Quotes hold "
             "blanks "
             "together.",
     .run = run,
     .words = REPL_ACTIONS,
     .section = "Actions"},
    {.name = ":plan",
     .arguments = "ACTION [KEY=VALUE ...]",
     .help = "the same, with all changes held back",
     .run = plan,
     .words = REPL_ACTIONS},
    {.name = ":status", .arguments = "", .help = "the status of the last action", .run = status},
    {.name = ":effects",
     .arguments = "[on|off]",
     .help = "make changes, or hold them back",
     .run = effects,
     .words = REPL_CHOICES,
     .choices = "on off"},
    {.name = ":trace",
     .arguments = "[on|off|last [N]]",
     .help = "show the calls to the outside",
     .run = trace,
     .words = REPL_CHOICES,
     .choices = "on off last",
     .kept = true},
    {.name = NULL},
};
