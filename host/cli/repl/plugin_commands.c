/* Commands about the plugin and its configs. */
#include "core/config_settings.h"
#include "internal.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static repl_result refuse_while_stopped(repl *session)
{
    return session->scope ? repl_problem(session, "the program is stopped here: :continue it first")
                          : REPL_OK;
}

static void replace(char **field, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    free(*field);
    *field = copy;
}

static repl_result load(repl *session, char *arguments)
{
    char *rest = arguments;
    const char *plugin = strsep(&rest, " \t");
    const char *private_config = rest ? rest + strspn(rest, " \t") : NULL;
    if (refuse_while_stopped(session) != REPL_OK)
        return REPL_FAILED;
    if (!*plugin)
        return repl_problem(session,
                            "name the plugin: :load filesystem, or :load ./my_plugin.lua [PRIVATE-CONFIG]");
    if (!private_config)
        private_config = session->private_config;
    if (repl_open_host(session, plugin, private_config) != REPL_OK)
        return REPL_FAILED;
    char *new_private = private_config ? strdup(private_config) : NULL;
    replace(&session->plugin, plugin);
    free(session->private_config);
    session->private_config = new_private;
    repl_printf(session, "loaded: %s\n", plugin);
    return REPL_OK;
}

static repl_result reload(repl *session, char *arguments)
{
    (void)arguments;
    if (refuse_while_stopped(session) != REPL_OK)
        return REPL_FAILED;
    if (!session->plugin)
        return repl_problem(session, "no plugin is loaded: :load one");
    if (repl_open_host(session, session->plugin, session->private_config) != REPL_OK)
        return repl_problem(session, "the plugin stays as it was before");
    repl_printf(session, "reloaded: %s\n", session->plugin);
    return REPL_OK;
}

static void print_names(void *data, const char *names)
{
    repl_printf(data, "%s\n", names);
}

static repl_result plugins(repl *session, char *arguments)
{
    (void)arguments;
    bosun_options options;
    bosun_options_init(&options);
    options.plugin_path = getenv("BOSUN_PLUGIN_PATH");
    return bosun_list_plugins(&options, print_names, session) == 0 ? REPL_OK
                                                                   : repl_problem(session, "out of memory");
}

static repl_result actions(repl *session, char *arguments)
{
    (void)arguments;
    return repl_call(session, "bosun.repl.show", "actions", NULL, NULL, NULL);
}

/* The plugin object and `config` are made anew at their next use. */
static repl_result configs_changed(repl *session)
{
    repl_apply(session, !session->effects, 0, NULL);
    return repl_call(session, "bosun.repl.show", "forget", NULL, NULL, NULL);
}

/* A file that is no config is not taken. */
static repl_result config(repl *session, char *arguments)
{
    if (!*arguments)
        return repl_call(session, "bosun.repl.show", "config", NULL, NULL, NULL);
    char *before = session->config;
    session->config = strdup(arguments);
    configs_changed(session);
    repl_result result = repl_call(session, "bosun.repl.show", "check_config", NULL, NULL, NULL);
    if (result == REPL_OK) {
        free(before);
        return result;
    }
    free(session->config);
    session->config = before;
    configs_changed(session);
    return result;
}

static repl_result set(repl *session, char *arguments)
{
    bosun_err err = {0};
    if (!*arguments)
        return repl_problem(session, "give a key and a value: :set deploymentInfo.id=d1");
    if (bosun_config_check_setting(arguments, &err) < 0)
        return repl_problem(session, "%s", err.message);
    repl_settings *settings = &session->settings;
    char **items = realloc(settings->items, (settings->count + 2) * sizeof *items);
    if (items)
        settings->items = items;
    char *copy = items ? strdup(arguments) : NULL;
    if (!copy)
        return repl_problem(session, "out of memory");
    settings->items[settings->count++] = copy;
    settings->items[settings->count] = NULL;
    return configs_changed(session);
}

/* Runs $VISUAL or $EDITOR, which may have arguments. Returns its exit status, -1 if there is none. */
static int run_editor(const char *line, const char *file)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("sh", "sh", "-c", "exec ${VISUAL:-${EDITOR:-vi}} \"$@\"", "sh", line, file, (char *)NULL);
        _exit(127);
    }
    int status;
    pid_t ended;
    do
        ended = child < 0 ? -1 : waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    return ended < 0 || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

static repl_result edit_at(repl *session, const char *file, const char *line)
{
    struct stat before = {0};
    struct stat after = {0};
    char option[32];
    snprintf(option, sizeof option, "+%.20s", line);
    stat(file, &before);
    int status = run_editor(option, file);
    if (status != 0)
        return repl_problem(session, "the editor (VISUAL, EDITOR or vi) failed: exit status %d", status);
    if (stat(file, &after) == 0 &&
        (after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec))
        repl_printf(session, "%s has changed: :reload loads it\n", file);
    return REPL_OK;
}

static repl_result edit(repl *session, char *arguments)
{
    bosun_buf place = {0};
    if (!session->terminal)
        return repl_problem(session, ":edit needs a terminal");
    if (!*arguments && !session->plugin)
        return repl_problem(session, "no plugin is loaded: name a function, or :load a plugin");
    repl_result result =
        repl_call(session, "bosun.repl.doc", "place", *arguments ? arguments : "", NULL, &place);
    if (result == REPL_OK && !place.failed) {
        char *line = strchr(place.data, '\n');
        *line++ = '\0';
        result = edit_at(session, place.data, line);
    }
    bosun_buf_free(&place);
    return result;
}

const repl_command repl_plugin_commands[] = {
    {.name = ":load",
     .arguments = "PLUGIN [PRIVATE-CONFIG]",
     .help = "a plugin by name or path; it is `self`",
     .run = load,
     .words = REPL_PLUGINS,
     .section = "The plugin",
     .kept = true},
    {.name = ":reload",
     .arguments = "",
     .help = "load it anew, after an edit",
     .more = "  History, configs, settings and breakpoints stay, and so do variables that are plain data. "
             "When the "
             "plugin\n  cannot be loaded, it stays as it was.",
     .run = reload},
    {.name = ":edit",
     .arguments = "[METHOD]",
     .help = "open $EDITOR on the plugin or a method",
     .run = edit,
     .words = REPL_LUA},
    {.name = ":plugins", .arguments = "", .help = "the plugins that have a name", .run = plugins},
    {.name = ":actions", .arguments = "", .help = "the actions, and which the plugin has", .run = actions},
    {.name = ":config",
     .arguments = "[FILE]",
     .help = "take an action config, or show it",
     .run = config,
     .words = REPL_FILES,
     .kept = true},
    {.name = ":set",
     .arguments = "SECTION.KEY=VALUE",
     .help = "change a value of the action config",
     .run = set,
     .kept = true},
    {.name = NULL},
};
