/* Runs with settings of their own: config, timeout; options of older and newer headers; cancels that are
 * dropped. TAP on standard output. */
#include "tap.h"
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

static const char plugin_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local P = require('bosun.plugin_base'):extend('Runs')\n"
    "function P:deployment_status(info)\n"
    "  local seen = ('%s %s %s'):format(info.id, info.name, info.labels and info.labels.a)\n"
    "  info.name = 'changed by the plugin'\n"
    "  if info.labels then info.labels.a = 'changed, too' end\n"
    "  return S.passing(seen)\n"
    "end\n"
    "function P:plugin_start() while true do pcall(function() while true do end end) end end\n"
    "function P:pe_status() return S.passing(tostring(self.action_config_file)) end\n"
    "return P\n";

static bosun_run_options with_text(const char *text)
{
    bosun_run_options options;
    bosun_run_options_init(&options);
    options.config_text = text;
    options.config_len = text ? strlen(text) : 0;
    return options;
}

static void run_text(bosun_host *host, const char *text, bosun_outcome outcome, const char *part,
                     const char *name)
{
    bosun_run_options options = with_text(text);
    check_status(bosun_host_run_with(host, "deployment_status", &options), outcome, part, name);
}

static void texts(bosun_host *host)
{
    const char *first = "deploymentInfo: {id: d1, name: one, labels: {a: b}}\n";
    run_text(host, first, BOSUN_PASSING, "d1 one b", "a config can be a text");
    run_text(host, first, BOSUN_PASSING, "d1 one b", "which a plugin does not change for the next run");
    run_text(host, "deploymentInfo: {id: d2, name: two}\n", BOSUN_PASSING, "d2 two", "another text counts");
    run_text(host, "deploymentInfo: {id: d2, name: [}\n", BOSUN_FAILING,
             "action config:1:", "a bad one fails");
    run_text(host, "deploymentInfo: {id: d2, name: [}\n", BOSUN_FAILING, "action config:1:", "each time");
    run_text(host, "deploymentInfo: {name: x}\n", BOSUN_FAILING, "action config:1:", "so does a wrong one");
    run_text(host, "", BOSUN_FAILING, "deploymentInfo", "an empty one lacks what the action needs");
    bosun_run_options options = with_text("deploymentInfo: 7\n");
    options.config = "request 12";
    check_status(bosun_host_run_with(host, "deployment_status", &options), BOSUN_FAILING,
                 "request 12:1:", "a text can have a name");
    options = with_text("peInfo: {id: pe}\n");
    check_status(bosun_host_run_with(host, "pe_status", &options), BOSUN_PASSING, "nil",
                 "a plugin is told no file");
    const char zeros[] = "deploymentInfo: {id: d1}\n\0x";
    options = with_text("");
    options.config_text = zeros;
    options.config_len = sizeof zeros - 1;
    check_status(bosun_host_run_with(host, "deployment_status", &options), BOSUN_FAILING, "action config",
                 "a NUL byte in the text is a problem");
}

static void settings(bosun_host *host)
{
    const char *const words[] = {"deploymentInfo.name=given", NULL};
    bosun_run_options options = with_text("deploymentInfo: {id: d1, name: one}\n");
    options.settings = words;
    check_status(bosun_host_run_with(host, "deployment_status", &options), BOSUN_PASSING, "d1 given",
                 "a run has settings of its own");
    options.settings = NULL;
    check_status(bosun_host_run_with(host, "deployment_status", &options), BOSUN_PASSING, "d1 one",
                 "which the next one does not have");
}

static void run_file(bosun_host *host, const char *path, const char *part, const char *name)
{
    bosun_run_options options;
    bosun_run_options_init(&options);
    options.config = path;
    check_status(bosun_host_run_with(host, "deployment_status", &options), BOSUN_PASSING, part, name);
}

/* A file whose times say that it was changed long ago, as that of a file that is kept without being read. */
static char *write_old(const char *text)
{
    char *path = write_file("config.yaml", text);
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    utimensat(AT_FDCWD, path, old, 0);
    return path;
}

static void files(bosun_host *host)
{
    char *path = write_old("deploymentInfo: {id: d1, name: a}\n");
    for (int i = 0; i < 3; i++)
        run_file(host, path, "d1 a", "the same file again is read the same");
    for (const char *letter = "bcdef"; *letter; letter++) {
        char text[] = "deploymentInfo: {id: d1, name: ?}\n";
        char expected[] = "d1 ?";
        *strchr(text, '?') = *strchr(expected, '?') = *letter;
        free(write_old(text));
        run_file(host, path, expected, "one of the same size and time that was changed is read again");
    }
    remove_file(path);
    bosun_run_options options;
    bosun_run_options_init(&options);
    options.config = "/no/such/config.yaml";
    check_status(bosun_host_run_with(host, "deployment_status", &options), BOSUN_FAILING,
                 "cannot open /no/such/config.yaml", "a file that is not there is an error");
    for (int i = 0; i < 40; i++) {
        char text[80];
        char expected[40];
        snprintf(text, sizeof text, "deploymentInfo: {id: d%d, name: n}\n", i % 20);
        snprintf(expected, sizeof expected, "d%d n", i % 20);
        options = with_text(text);
        options.config = expected;
        bosun_status *status = bosun_host_run_with(host, "deployment_status", &options);
        if (!bosun_status_message(status) || !strstr(bosun_status_message(status), expected))
            ok(false, "each of many configs is itself");
        bosun_status_free(status);
    }
}

static void timeouts(bosun_host *host)
{
    bosun_run_options options;
    bosun_run_options_init(&options);
    options.timeout = 0.1;
    check_status(bosun_host_run_with(host, "plugin_start", &options), BOSUN_FAILING, "timed out after 0.1 s",
                 "a run has a timeout of its own");
    check_status(bosun_host_run_with(host, "pe_status", NULL), BOSUN_PASSING, "nil",
                 "the next one is free of it");
    const double wrong[] = {-2, NAN, -0.5};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        options.timeout = wrong[i];
        check_status(bosun_host_run_with(host, "pe_status", &options), BOSUN_FAILING,
                     "expected a number of seconds", "a timeout that makes no sense is an error");
    }
    bosun_options of_host;
    bosun_options_init(&of_host);
    of_host.timeout = 0.1;
    char *path = write_file("again.lua", plugin_source);
    bosun_host *short_host = make_host(&of_host, path);
    check_status(bosun_host_run_with(short_host, "plugin_start", NULL), BOSUN_FAILING,
                 "timed out after 0.1 s", "without one, that of the host counts");
    options.timeout = 0.2;
    check_status(bosun_host_run_with(short_host, "plugin_start", &options), BOSUN_FAILING,
                 "timed out after 0.2 s", "a longer one than the host's counts");
    bosun_host_free(short_host);
    remove_file(path);
}

/* ---- cancels */

static void on_phase(void *data, bosun_phase phase)
{
    bosun_host **host = data;
    char reason[300];
    memset(reason, 'x', sizeof reason);
    memcpy(reason, "gone ", 5);
    memcpy(reason + 126, "\xC3\xA4", 2); /* a letter that is cut */
    reason[sizeof reason - 1] = '\0';
    if (phase == BOSUN_PHASE_ACTION && *host)
        bosun_host_cancel(*host, reason);
    memset(reason, '!', sizeof reason);
}

static void resets(const char *path)
{
    bosun_host *target = NULL;
    bosun_options options;
    bosun_options_init(&options);
    options.phase = on_phase;
    options.phase_data = &target;
    bosun_host *host = make_host(&options, path);
    bosun_host_cancel(host, "late");
    bosun_host_reset(host);
    check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_PASSING, "nil", "a cancel can be taken back");
    bosun_host_reset(host);
    target = host;
    for (int i = 0; i < 5; i++) {
        bosun_status *status = bosun_host_run(host, "plugin_start", NULL);
        const char *message = bosun_status_message(status);
        ok(message && !strchr(message, '!') && strncmp(message, "gone xxx", 8) == 0,
           "the reason of a cancel is copied");
        contains(message, "x? while", "a long one is cut");
        bosun_status_free(status);
    }
    bosun_host_free(host);
    bosun_host_reset(NULL);
}

struct client {
    pthread_mutex_t lock;
    bosun_host *host;
    int running;
    bool done;
};

/* Cancels each third run, whenever that is, as the header says how to. */
static void *cancel_some(void *data)
{
    struct client *client = data;
    const struct timespec moment = {.tv_nsec = 50000};
    for (bool done = false; !done;) {
        pthread_mutex_lock(&client->lock);
        if (client->running && client->running % 3 == 0)
            bosun_host_cancel(client->host, "the client is gone");
        done = client->done;
        pthread_mutex_unlock(&client->lock);
        nanosleep(&moment, NULL);
    }
    return NULL;
}

static void enter(struct client *client, int run)
{
    pthread_mutex_lock(&client->lock);
    client->running = run;
    if (!run)
        bosun_host_reset(client->host);
    pthread_mutex_unlock(&client->lock);
}

static void certain_runs(bosun_host *host)
{
    struct client client = {.lock = PTHREAD_MUTEX_INITIALIZER, .host = host};
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_some, &client);
    int wrong = 0;
    for (int run = 1; run <= 300; run++) {
        enter(&client, run);
        bool endless = run % 30 == 0;
        bosun_status *status = bosun_host_run(host, endless ? "plugin_start" : "pe_status", NULL);
        enter(&client, 0);
        bool failed = bosun_status_outcome(status) != BOSUN_PASSING;
        wrong += (failed && run % 3 != 0) || (endless && !failed);
        bosun_status_free(status);
    }
    pthread_mutex_lock(&client.lock);
    client.done = true;
    pthread_mutex_unlock(&client.lock);
    pthread_join(thread, NULL);
    ok(wrong == 0, "a cancel stops the run that it is for, and no other");
}

/* ---- options of other versions */

struct newer_options {
    bosun_options known;
    void *unknown;
};

static void sizes(void)
{
    bosun_error error;
    bosun_options options;
    memset(&options, 0, sizeof options);
    ok(!bosun_host_new(&options, &error) && strstr(error.message, "call bosun_options_init"),
       "options without a size are an error");
    memset(&options, 0x55, sizeof options);
    ok(!bosun_host_new(&options, &error) && strstr(error.message, "call bosun_options_init"),
       "so are those with any size");
    ok(bosun_list_plugins(&options, NULL, NULL) < 0, "also for a list");
    struct newer_options newer;
    memset(&newer, 0x55, sizeof newer);
    bosun_options_init_size(&newer.known, sizeof newer);
    ok(newer.known.size == sizeof newer && !newer.unknown,
       "a newer program gets the default of what it knows");
    bosun_host *host = bosun_host_new(&newer.known, &error);
    ok(host != NULL, "and can use an older library");
    bosun_host_free(host);
    newer.unknown = &newer;
    ok(!bosun_host_new(&newer.known, &error) && strstr(error.message, "does not know"),
       "but not with an option that is not there");
    size_t half = offsetof(bosun_options, timeout);
    memset(&options, 0x55, sizeof options);
    bosun_options_init_size(&options, half);
    const unsigned char *bytes = (const unsigned char *)&options;
    ok(options.size == half && bytes[half] == 0x55 && bytes[sizeof options - 1] == 0x55,
       "nothing is written past the struct of an older program");
    host = bosun_host_new(&options, &error);
    ok(host != NULL, "which can use a newer library");
    bosun_host_free(host);
    bosun_run_options wrong = {.size = 0};
    host = bosun_host_new(NULL, &error);
    check_status(bosun_host_run_with(host, "pe_status", &wrong), BOSUN_FAILING, "call bosun_run_options_init",
                 "a run needs a size, too");
    bosun_run_options_init(NULL);
    check_status(bosun_host_run_with(NULL, "pe_status", NULL), BOSUN_FAILING, "the host is NULL",
                 "and a host");
    check_status(bosun_host_run_with(host, NULL, NULL), BOSUN_FAILING, "no action", "and an action");
    bosun_host_free(host);
}

int main(void)
{
    begin();
    char *path = write_file("runs.lua", plugin_source);
    bosun_host *host = make_host(NULL, path);
    texts(host);
    settings(host);
    files(host);
    timeouts(host);
    certain_runs(host);
    bosun_host_free(host);
    resets(path);
    sizes();
    remove_file(path);
    return end();
}
