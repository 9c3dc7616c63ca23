/* What stops a plugin in a program that embeds the library: cancels before, during and between calls,
 * timeouts, finalizers, small stacks; and what a program may do wrong: forks, NULL. TAP on standard output.
 */
#include <bosun.h>
#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char plugin_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local P = require('bosun.plugin_base'):extend('Limits')\n"
    "local old = coroutine.wrap(function() while true do pcall(coroutine.yield) end end)\n"
    "old()\n"
    "local function spin() while true do end end\n"
    "local function swallow() while true do pcall(spin) end end\n"
    "function P:pe_status() old() return S.passing('fine') end\n"
    "function P:plugin_start() swallow() end\n"
    "function P:plugin_stop() pcall(coroutine.wrap(spin)) return S.passing('all done') end\n"
    "function P:deployment_list()\n"
    "  setmetatable({}, { __gc = spin })\n"
    "  collectgarbage()\n"
    "  return S.passing('collected')\n"
    "end\n"
    "return P\n";

/* Tries to end the limits, and leaves finalizers behind. */
static const char evading_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local P = require('bosun.plugin_base'):extend('Evading')\n"
    "local function spin() while true do end end\n"
    "local function swallow() while true do pcall(spin) end end\n"
    "function P:pe_status()\n"
    "  for i = 1, 1000 do _G['kept' .. i] = setmetatable({}, { __gc = swallow }) end\n"
    "  return S.passing('kept')\n"
    "end\n"
    "function P:plugin_start()\n"
    "  local tried = {}\n"
    "  local function off(...) tried[#tried + 1] = select(2, pcall(debug.sethook, ...)) end\n"
    "  local lines = 0\n"
    "  local function count() lines = lines + 1 end\n"
    "  off() off(coroutine.create(spin)) coroutine.wrap(off)() off(coroutine.running(), count, 'l')\n"
    "  local hook, mask = debug.gethook()\n"
    "  self.log:info('sethook ' .. tostring(lines > 0 and hook == count and mask == 'l'))\n"
    "  tried[#tried + 1] = select(2, pcall(debug.debug))\n"
    "  self.log:info(table.concat(tried, '\\n'))\n"
    "  swallow()\n"
    "end\n"
    "return P\n";

/* Each nests as deeply as Lua allows, in another way. */
static const char deep_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local P = require('bosun.plugin_base'):extend('Deep')\n"
    "local ways = {\n"
    "  function(f) pcall(f) end,\n"
    "  function(f) xpcall(error, f) end,\n"
    "  function(f) return (('x'):gsub('x', f)) end,\n"
    "  function(f) return ((('x'):rep(190)):gsub('^' .. ('x?'):rep(190), f)) end,\n"
    "  function(f) return string.format('%s', setmetatable({}, { __tostring = f })) end,\n"
    "  function(f) table.sort({ 1, 2, 3, 4, 5 }, f) end,\n"
    "  function(f) load(function() f() end) end,\n"
    "  function(f) coroutine.wrap(f)() end,\n"
    "  function(f) print(setmetatable({}, { __tostring = f })) end,\n"
    "  function(f) table.concat(setmetatable({}, { __index = f, __len = function() return 1 end })) end,\n"
    "  function(f) return setmetatable({}, { __index = f }).x end,\n"
    "  function(f) package.searchers[#package.searchers + 1] = f require('no.such.module') end,\n"
    "}\n"
    "function P:pe_status()\n"
    "  for _, way in ipairs(ways) do\n"
    "    local searchers = #package.searchers\n"
    "    local function f() way(f) return 'x' end\n"
    "    pcall(f)\n"
    "    for i = #package.searchers, searchers + 1, -1 do package.searchers[i] = nil end\n"
    "  end\n"
    "  return S.passing(('%d ways'):format(#ways))\n"
    "end\n"
    "return P\n";

static const char raising_source[] =
    "error(require('bosun.action_status').ActionStatusInfo.failing('the card is missing'))\n";

static int tests;
static int failures;
static char folder[] = "/tmp/bosun-limits-XXXXXX";
static char plugin[sizeof folder + 16];
static char evading[sizeof folder + 16];
static char deep[sizeof folder + 16];
static char raising[sizeof folder + 16];

static bool ok(bool good, const char *name)
{
    tests++;
    failures += !good;
    printf("%s %d - %s\n", good ? "ok" : "not ok", tests, name);
    return good;
}

static void contains(const char *text, const char *part, const char *name)
{
    if (!ok(text && strstr(text, part), name))
        printf("# expected '%s' in: %s\n", part, text ? text : "(null)");
}

static bosun_host *make_host(const bosun_options *options, const char *path)
{
    bosun_error error;
    bosun_host *host = bosun_host_new(options, &error);
    if (!host || bosun_host_load(host, path, NULL, &error) < 0)
        printf("# %s\n", error.message);
    return host;
}

/* Runs the action and expects an outcome, and `part` in the message. */
static void run(bosun_host *host, const char *action, bosun_outcome outcome, const char *part,
                const char *name)
{
    bosun_status *status = bosun_host_run(host, action, NULL);
    const char *message = status ? bosun_status_message(status) : NULL;
    if (!ok(status && bosun_status_outcome(status) == outcome && message && strstr(message, part), name))
        printf("# expected %s, '%s'; got %s, %s\n", bosun_outcome_name(outcome), part,
               bosun_outcome_name(bosun_status_outcome(status)), message ? message : "(null)");
    bosun_status_free(status);
}

/* ---- cancels */

static void cancel_in_action(void *data, bosun_phase phase)
{
    if (phase == BOSUN_PHASE_ACTION && *(bosun_host **)data)
        bosun_host_cancel(*(bosun_host **)data, "from the action");
}

static void cancels(void)
{
    bosun_host *host = make_host(NULL, plugin);
    bosun_host_cancel(host, "before");
    run(host, "pe_status", BOSUN_FAILING, "before before running pe_status",
        "a cancel before a run stops it");
    run(host, "pe_status", BOSUN_PASSING, "fine", "… and only that one");
    bosun_host_cancel(host, NULL);
    bosun_host_cancel(host, "twice");
    run(host, "plugin_start", BOSUN_FAILING, "twice", "two cancels between runs stop one run");
    run(host, "pe_status", BOSUN_PASSING, "fine", "… and only that one");
    bosun_error error;
    bosun_host_cancel(host, NULL);
    ok(!bosun_host_describe(host, BOSUN_DESCRIBE_TEXT, &error) && strcmp(error.code, "cancelled") == 0,
       "a cancel stops a description");
    bosun_host_cancel(host, NULL);
    ok(bosun_host_validate(host, NULL, NULL, NULL, NULL, &error) < 0 && strcmp(error.code, "cancelled") == 0,
       "… and a validation");
    char *text = bosun_host_describe(host, BOSUN_DESCRIBE_TEXT, &error);
    ok(text != NULL, "… and only that one");
    bosun_text_free(text);
    bosun_host_free(host);

    host = bosun_host_new(NULL, &error);
    bosun_host_cancel(host, "too slow");
    ok(bosun_host_load(host, plugin, NULL, &error) < 0 && strcmp(error.code, "cancelled") == 0,
       "a cancel stops loading");
    run(host, "pe_status", BOSUN_FAILING, "too slow before loading the plugin", "… and a run says why");
    bosun_host_free(host);
}

/* A cancel that comes while an action runs. */
static void cancels_inside(void)
{
    bosun_host *target = NULL;
    bosun_options options;
    bosun_options_init(&options);
    options.phase = cancel_in_action;
    options.phase_data = &target;
    bosun_host *host = make_host(&options, plugin);
    for (int i = 0; i < 3; i++) {
        target = host;
        run(host, "plugin_start", BOSUN_FAILING, "from the action", "a run is cancelled");
        target = NULL;
        run(host, "pe_status", BOSUN_PASSING, "fine", "… and the next one is not");
    }
    target = host;
    run(host, "plugin_stop", BOSUN_FAILING,
        "from the action: the action was interrupted, but the plugin reported",
        "an action whose coroutine was stopped has not passed");
    run(host, "pe_status", BOSUN_PASSING, "fine", "a cancel that comes too late does not undo an action");
    target = NULL;
    run(host, "pe_status", BOSUN_FAILING, "from the action", "… but stops the next");
    run(host, "pe_status", BOSUN_PASSING, "fine", "… and only that one");
    bosun_host_free(host);
}

/* ---- timeouts */

static void timeouts(void)
{
    bosun_options options;
    bosun_options_init(&options);
    options.timeout = 0.2;
    bosun_host *host = make_host(&options, plugin);
    for (int i = 0; i < 2; i++) {
        run(host, "plugin_start", BOSUN_FAILING, "timed out after 0.2 s", "an endless action times out");
        run(host, "pe_status", BOSUN_PASSING, "fine", "… and the next has its own time");
    }
    run(host, "plugin_stop", BOSUN_FAILING, "timed out after 0.2 s",
        "a coroutine that timed out is no success");
    run(host, "deployment_list", BOSUN_FAILING, "timed out after 0.2 s", "an endless finalizer times out");
    bosun_host_free(host);
    host = make_host(&options, evading);
    run(host, "pe_status", BOSUN_PASSING, "kept", "a thousand endless finalizers");
    bosun_host_free(host);
    ok(true, "… do not keep the host");

    bosun_error error;
    options.timeout = -1;
    ok(!bosun_host_new(&options, &error), "a negative timeout is refused");
    contains(error.message, "the timeout is -1: expected", "… with the reason");
    options.timeout = NAN;
    ok(!bosun_host_new(&options, &error) && strcmp(error.code, "invalid") == 0,
       "as is one that is no number");
}

static void note_hooks(void *data, const bosun_log_event *event)
{
    if (strstr(event->message, "sethook"))
        snprintf(data, 1024, "%s", event->message);
}

static void hooks(void)
{
    char log[1024] = "";
    bosun_options options;
    bosun_options_init(&options);
    options.timeout = 0.1;
    options.log = note_hooks;
    options.log_data = log;
    bosun_host *host = make_host(&options, evading);
    run(host, "plugin_start", BOSUN_FAILING, "timed out after 0.1 s",
        "an action without a hook is still stopped");
    contains(log, "sethook true", "a plugin's own hook is called beside the host's");
    bosun_host_free(host);
}

/* ---- stacks */

struct stack_run {
    const char *path;
    bosun_outcome outcome;
    const char *part;
    const char *name;
};

static void *run_on_stack(void *data)
{
    const struct stack_run *r = data;
    bosun_error error;
    bosun_host *host = bosun_host_new(NULL, &error);
    bosun_host_load(host, r->path, NULL, &error);
    run(host, "pe_status", r->outcome, r->part, r->name);
    bosun_host_free(host);
    return NULL;
}

static void in_thread(size_t stack, struct stack_run r)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack);
    if (pthread_create(&thread, &attributes, run_on_stack, &r) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

static void *free_host(void *host)
{
    bosun_host_free(host);
    return NULL;
}

static void note_skipped(void *data, const bosun_log_event *event)
{
    if (strstr(event->message, "finalizers are skipped"))
        *(bool *)data = true;
}

static void stacks(void)
{
    size_t kib = 1024;
    in_thread(256 * kib,
              (struct stack_run){plugin, BOSUN_FAILING, "needs 640 KiB of stack, but this thread has 2",
                                 "a stack that is too small is an error"});
    in_thread(704 * kib, (struct stack_run){deep, BOSUN_PASSING, "12 ways",
                                            "the deepest nesting fits on a stack that is large enough"});

    bool skipped = false;
    bosun_options options;
    bosun_options_init(&options);
    options.log = note_skipped;
    options.log_data = &skipped;
    bosun_host *host = make_host(&options, evading);
    run(host, "pe_status", BOSUN_PASSING, "kept", "a host with finalizers");
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * kib);
    if (pthread_create(&thread, &attributes, free_host, host) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    ok(skipped, "can be freed on a small stack, without them");
}

/* ---- forks */

/* Returns how many of this process's eventfds are readable. */
static int readable_eventfds(void)
{
    static const char counter[] = "eventfd-count:";
    int count = 0;
    DIR *dir = opendir("/proc/self/fdinfo");
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        char path[PATH_MAX];
        char line[128];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%s", entry->d_name);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file))
            count +=
                strncmp(line, counter, strlen(counter)) == 0 && strtoul(line + strlen(counter), NULL, 16) > 0;
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
    return count;
}

static bool answers(bosun_host *host, bosun_outcome outcome)
{
    bosun_status *status = bosun_host_run(host, "pe_status", NULL);
    bool good = status && bosun_status_outcome(status) == outcome;
    bosun_status_free(status);
    return good;
}

/* The child's exit status tells which of its steps failed. */
static int use_in_child(bosun_host *host)
{
    bosun_host_cancel(host, "in the child");
    if (!answers(host, BOSUN_FAILING))
        return 1;
    if (!answers(host, BOSUN_PASSING))
        return 2;
    bosun_host_cancel(host, "in the child, again");
    if (!answers(host, BOSUN_FAILING))
        return 3;
    bosun_host_cancel(host, "dropped");
    bosun_host_free(host);
    return 0;
}

static void forks(void)
{
    bosun_host *host = make_host(NULL, plugin);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(use_in_child(host));
    int status = -1;
    waitpid(child, &status, 0);
    if (!ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
            "a forked child uses and cancels the host it inherited"))
        printf("# wait status %d\n", status);
    ok(readable_eventfds() == 0, "… which wakes nothing in its parent");
    run(host, "pe_status", BOSUN_PASSING, "fine", "… and cancels nothing there");
    bosun_host_cancel(host, NULL);
    ok(readable_eventfds() == 1, "a cancel of the parent's own wakes its waits");
    run(host, "pe_status", BOSUN_FAILING, "cancelled", "… and stops a run");
    ok(readable_eventfds() == 0, "… with which it is over");
    bosun_host_free(host);
}

/* ---- NULL */

static void null_status(void)
{
    size_t len = 1;
    ok(bosun_status_outcome(NULL) == BOSUN_UNKNOWN && !bosun_status_message(NULL) &&
           !bosun_status_state(NULL) && bosun_status_duration(NULL) == 0 &&
           bosun_status_timestamp(NULL) == 0 && !bosun_status_yaml(NULL, &len) && len == 0 &&
           !bosun_status_yaml(NULL, NULL),
       "there is nothing in a status that is NULL");
}

static void null_host(void)
{
    bosun_error error = {.code = ""};
    run(NULL, "pe_status", BOSUN_FAILING, "the host is NULL", "a run without a host is a failing status");
    ok(bosun_host_load(NULL, plugin, NULL, &error) < 0 && strstr(error.message, "the host is NULL"),
       "so is loading");
    ok(!bosun_host_describe(NULL, BOSUN_DESCRIBE_JSON, &error) && strstr(error.message, "the host is NULL"),
       "an error, as is describing");
    ok(bosun_host_validate(NULL, NULL, NULL, NULL, NULL, &error) == -1 && strcmp(error.code, "invalid") == 0,
       "and validating");
    ok(!bosun_host_has_schema(NULL) && bosun_host_load(NULL, NULL, NULL, NULL) < 0 &&
           !bosun_host_describe(NULL, BOSUN_DESCRIBE_JSON, NULL) &&
           bosun_host_validate(NULL, NULL, NULL, NULL, NULL, NULL) < 0,
       "which nobody has to look at");
    bosun_host_cancel(NULL, NULL);
    bosun_host_free(NULL);
    bosun_text_free(NULL);
    bosun_status_free(NULL);
    bosun_options_init(NULL);
    ok(bosun_list_plugins(NULL, NULL, NULL) == 0, "the default folders can be listed, for nobody");
}

static void null_arguments(void)
{
    bosun_error error;
    bosun_host *host = bosun_host_new(NULL, NULL);
    run(host, NULL, BOSUN_FAILING, "no action was named", "a run without an action is a failing status");
    ok(bosun_host_load(host, NULL, NULL, &error) < 0 && strstr(error.message, "no plugin was named"),
       "loading no plugin is an error");
    bosun_host_free(host);
    host = make_host(NULL, plugin);
    ok(!bosun_host_describe(host, (bosun_describe_format)99, &error) && strcmp(error.code, "invalid") == 0,
       "an unknown format is an error");
    ok(bosun_host_validate(host, "deployment_start", NULL, NULL, NULL, NULL) == 2,
       "problems can be counted: the plugin lacks the action, which lacks a config");
    bosun_host_free(host);
}

/* ---- raising a status */

static void raised_status(void)
{
    bosun_error error;
    bosun_host *host = bosun_host_new(NULL, NULL);
    ok(bosun_host_load(host, raising, NULL, &error) < 0 && strcmp(error.message, "the card is missing") == 0,
       "a plugin that raises an ActionStatusInfo while it is loaded fails in its own words");
    bosun_host_free(host);
}

static bool write_file(char *path, size_t size, const char *name, const char *text)
{
    snprintf(path, size, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    bool good = fputs(text, file) >= 0;
    return fclose(file) == 0 && good;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!mkdtemp(folder) || !write_file(plugin, sizeof plugin, "limits.lua", plugin_source) ||
        !write_file(evading, sizeof evading, "evading.lua", evading_source) ||
        !write_file(deep, sizeof deep, "deep.lua", deep_source) ||
        !write_file(raising, sizeof raising, "raising.lua", raising_source))
        return 1;
    cancels();
    cancels_inside();
    timeouts();
    hooks();
    stacks();
    forks();
    null_status();
    null_host();
    null_arguments();
    raised_status();
    unlink(plugin);
    unlink(evading);
    unlink(deep);
    unlink(raising);
    rmdir(folder);
    printf("1..%d\n", tests);
    return failures != 0;
}
