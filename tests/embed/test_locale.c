/* A program whose locale writes 0,5: what a plugin reads and writes has a point, what the program's own
 * callbacks write has the comma, and the program's locale is the same afterwards. The locale is made here, so
 * that the test needs none of the machine's. TAP on standard output. */
#include <bosun.h>
#include <locale.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char plugin_source[] =
    "local Base = require 'bosun.plugin_base'\n"
    "local json, yaml, time = require 'bosun.json', require 'bosun.yaml', require 'bosun.time'\n"
    "local P = Base:extend('Comma')\n"
    "P.config_schema = { ratio = { type = 'number', required = true }, wait = { type = 'seconds', max = 2.5 "
    "} }\n"
    "local function put(...) return table.concat({ ... }, ' ') end\n"
    "function P:pe_status()\n"
    "  self.log:info('half', { half = 0.5 })\n"
    "  local http = require 'bosun.http'\n"
    "  local _, refused = http.get('http://127.0.0.1:1/', { query = { half = 0.5 }, timeout = 5 })\n"
    "  local msg = put(tostring(0.5), 0.5 .. '', ('%g'):format(0.5), tonumber '0.5', json.encode { 0.5 },\n"
    "    json.decode('[0.5]')[1], yaml.decode '0.5', yaml.encode(0.5), time.duration '1.5s', "
    "self.config.ratio,\n"
    "    self.config.wait, load('return 0.5')(), refused.message)\n"
    "  return require('bosun.action_status').ActionStatusInfo.passing(msg, nil, { half = 0.5, key = { [0.5] "
    "= 1 } })\n"
    "end\n"
    "P.closer = setmetatable({}, { __gc = function() print('closed', 0.5) end })\n"
    "return P\n";

static const char locale_source[] = "comment_char %\nescape_char /\n"
                                    "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\n"
                                    "END LC_NUMERIC\n";

static int tests;
static int failures;
static char folder[] = "/tmp/bosun-locale-XXXXXX";
static char events[4096]; /* what the log received, and a number as the callback writes it */
static int commas;        /* callbacks that saw the program's locale */
static int callbacks;

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

static bool writes_commas(void)
{
    char text[16];
    snprintf(text, sizeof text, "%.1f", 0.5);
    return strcmp(text, "0,5") == 0;
}

static void note_callback(void)
{
    callbacks++;
    commas += writes_commas();
}

static void on_log(void *data, const bosun_log_event *event)
{
    (void)data;
    note_callback();
    size_t len = strlen(events);
    snprintf(events + len, sizeof events - len, "%s", event->message);
    for (size_t i = 0; i < event->field_count; i++) {
        len = strlen(events);
        snprintf(events + len, sizeof events - len, " %s=%s", event->fields[i].name, event->fields[i].text);
    }
    len = strlen(events);
    snprintf(events + len, sizeof events - len, "\n");
}

static void on_phase(void *data, bosun_phase phase)
{
    (void)data;
    (void)phase;
    note_callback();
}

static void on_problem(void *data, const bosun_problem *problem)
{
    note_callback();
    *(bool *)data = strstr(problem->message, "2.5") != NULL;
}

static char *write_file(const char *name, const char *text)
{
    static char paths[4][sizeof folder + 16];
    static int count;
    char *path = paths[count++];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        exit(2);
    return path;
}

/* Runs a program and waits for it. */
static bool run_program(char *const argv[])
{
    pid_t pid;
    return posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0 && waitpid(pid, NULL, 0) == pid;
}

/* Compiles the locale and makes it the program's. localedef ends with 1 after warnings: the source has only
 * one of the categories. */
static bool set_comma_locale(void)
{
    char target[sizeof folder + 8];
    snprintf(target, sizeof target, "%s/comma", folder);
    char *argv[] = {
        "localedef", "--no-archive", "--quiet", "-c", "-i", write_file("comma.def", locale_source), target,
        NULL};
    setenv("LOCPATH", folder, 1);
    bool set = run_program(argv) && setlocale(LC_NUMERIC, "comma") && writes_commas();
    unsetenv("LOCPATH"); /* glibc's newlocale, which other libraries call, loses memory when it is set */
    return set;
}

static void run_action(bosun_host *host)
{
    bosun_status *status = bosun_host_run(host, "pe_status", NULL);
    ok(status && bosun_status_outcome(status) == BOSUN_PASSING, "the action passes");
    const char *message = status ? bosun_status_message(status) : "";
    contains(message, "0.5 0.5 0.5 0.5 [0.5] 0.5 0.5 0.5\n 1.5 0.25 1.5 0.5 ", "Lua's numbers have points");
    contains(message, "half=0.5", "a query has points");
    contains(status ? bosun_status_yaml(status, NULL) : NULL,
             "data:\n  \"half\": 0.5\n  \"key\":\n    0.5: 1\n", "the data has points");
    contains(events, "half half=0.5 ", "log fields have points");
    contains(events, " seconds=0.", "the library's own have, too");
    ok(strstr(message, "0,") == NULL && strstr(events, "0,") == NULL, "there is no decimal comma");
    bosun_status_free(status);
}

static void check_configs(bosun_options *options, const char *plugin)
{
    bool named = false;
    bosun_host *host = bosun_host_new(options, NULL);
    bosun_host_load(host, plugin, write_file("wrong.yaml", "ratio: 0.25\nwait: 3.5\n"), NULL);
    ok(bosun_host_validate(host, NULL, NULL, on_problem, &named, NULL) == 1 && named,
       "a problem's numbers have points");
    char *text = bosun_host_describe(host, BOSUN_DESCRIBE_JSON, NULL);
    contains(text, "\"max\": 2.5", "a description's numbers have points");
    bosun_text_free(text);
    ok(bosun_host_has_schema(host), "the plugin has a schema");
    ok(writes_commas(), "the locale is the program's after each call");
    bosun_host_free(host);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 2;
    if (!ok(set_comma_locale(), "a locale with a decimal comma"))
        return printf("1..%d\n", tests), 1;
    bosun_options options;
    bosun_options_init(&options);
    options.log = on_log;
    options.phase = on_phase;
    const char *plugin = write_file("comma.lua", plugin_source);
    bosun_host *host = bosun_host_new(&options, NULL);
    ok(bosun_host_load(host, plugin, write_file("config.yaml", "ratio: 0.25\nwait: 1.5s\n"), NULL) == 0,
       "the plugin is loaded");
    run_action(host);
    ok(writes_commas(), "the locale is the program's after an action");
    bosun_host_free(host);
    contains(events, "closed\t0.5", "a finalizer's numbers have points");
    check_configs(&options, plugin);
    ok(callbacks > 5 && commas == callbacks, "the callbacks run in the program's locale");
    ok(strcmp(setlocale(LC_NUMERIC, NULL), "comma") == 0 && uselocale((locale_t)0) == LC_GLOBAL_LOCALE,
       "the thread has no locale of its own");
    ok(run_program((char *[]){"rm", "-rf", folder, NULL}), "cleaned up");
    printf("1..%d\n", tests);
    return failures > 0;
}
