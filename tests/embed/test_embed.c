/* A program that embeds the library and knows only bosun.h: eight hosts in eight threads, cancellation from
 * another thread, deadlines, errors, the log; and a process that is afterwards as it was before. TAP on
 * standard output. */
#include <bosun.h>
#include <dirent.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNS 40

static const char plugin_source[] =
    "local BosunPluginBase = require 'bosun.plugin_base'\n"
    "local status = require 'bosun.action_status'\n"
    "local P = BosunPluginBase:extend('Embedded')\n"
    "local runs = 0\n"
    "local function info(outcome, msg, data)\n"
    "  return status.ActionStatusInfo{ status = outcome, msg = msg, data = data }\n"
    "end\n"
    "function P:pe_status()\n"
    "  runs = runs + 1\n"
    "  print('printed by the plugin')\n"
    "  self.log:info('an event', { run = runs })\n"
    "  return info(status.ActionStatus.OK, ('%s %d'):format(self.private_config_file, runs), { n = runs })\n"
    "end\n"
    "function P:plugin_start() while true do pcall(function() while true do end end) end end\n"
    "function P:plugin_stop() error('with a reason') end\n"
    "function P:deployment_list()\n"
    "  local t = {}\n"
    "  while true do t[#t + 1] = ('x'):rep(65536) .. #t end\n"
    "end\n"
    "return P\n";

static const char schema_source[] = "local P = require('bosun.plugin_base'):extend('Typed')\n"
                                    "P.config_schema = { port = { type = 'integer', default = 80 }, url = { "
                                    "type = 'url', required = true } }\n"
                                    "function P:init() error('an object was made') end\n"
                                    "function P:deployment_stop() end\n"
                                    "return P\n";

static int tests;
static int failures;
static char folder[] = "/tmp/bosun-embed-XXXXXX";
static char plugin[sizeof folder + 16];
static char typed[sizeof folder + 16];

static bool ok(bool good, const char *name)
{
    tests++;
    failures += !good;
    printf("%s %d - %s\n", good ? "ok" : "not ok", tests, name);
    return good;
}

/* As ok(), and shows the two texts when they differ: `text` has to contain `part`. */
static void contains(const char *text, const char *part, const char *name)
{
    if (!ok(text && strstr(text, part), name))
        printf("# expected '%s' in: %s\n", part, text ? text : "(null)");
}

/* ---- the state of the process
 * --------------------------------------------------------------------------------- */

struct state {
    struct sigaction actions[64];
    sigset_t mask;
    char cwd[4096];
    char locale[256];
    mode_t umask;
    size_t environ_sum;
    size_t fds;
    size_t threads;
};

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static size_t sum_of_environment(void)
{
    size_t sum = 0;
    for (char **entry = environ; *entry; entry++)
        for (const char *c = *entry; *c; c++)
            sum = sum * 31 + (unsigned char)*c;
    return sum;
}

static void take(struct state *state)
{
    memset(state, 0, sizeof *state);
    for (int number = 1; number <= 64; number++)
        sigaction(number, NULL, &state->actions[number - 1]);
    pthread_sigmask(SIG_BLOCK, NULL, &state->mask);
    if (!getcwd(state->cwd, sizeof state->cwd))
        state->cwd[0] = '\0';
    snprintf(state->locale, sizeof state->locale, "%s", setlocale(LC_ALL, NULL));
    state->umask = umask(0);
    umask(state->umask);
    state->environ_sum = sum_of_environment();
    state->fds = count_entries("/proc/self/fd");
    state->threads = count_entries("/proc/self/task");
}

static bool same_actions(const struct state *a, const struct state *b)
{
    for (int i = 0; i < 64; i++)
        if (a->actions[i].sa_handler != b->actions[i].sa_handler ||
            a->actions[i].sa_flags != b->actions[i].sa_flags)
            return false;
    return true;
}

static bool same_mask(const struct state *a, const struct state *b)
{
    for (int number = 1; number <= 64; number++)
        if (sigismember(&a->mask, number) != sigismember(&b->mask, number))
            return false;
    return true;
}

static void compare(const struct state *before, const struct state *after)
{
    ok(same_actions(before, after), "signal handlers are as they were");
    ok(same_mask(before, after), "the signal mask is as it was");
    ok(strcmp(before->cwd, after->cwd) == 0, "the working directory is as it was");
    ok(strcmp(before->locale, after->locale) == 0, "the locale is as it was");
    ok(before->umask == after->umask, "the umask is as it was");
    ok(before->environ_sum == after->environ_sum, "the environment is as it was");
    ok(before->fds == after->fds, "no descriptor is left open");
    ok(before->threads == after->threads, "no thread is left running");
}

/* ---- hosts
 * ---------------------------------------------------------------------------------------------------- */

static bosun_host *new_host(const bosun_options *options, const char *private_config)
{
    bosun_error error;
    bosun_host *host = bosun_host_new(options, &error);
    if (host && bosun_host_load(host, plugin, private_config, &error) < 0) {
        bosun_host_free(host);
        host = NULL;
    }
    if (!host)
        printf("# %s\n", error.message);
    return host;
}

struct worker {
    const char *name;
    int good; /* runs that answered as they should */
    atomic_int events;
};

static void on_event(void *data, const bosun_log_event *event)
{
    struct worker *worker = data;
    if (strcmp(event->message, "an event") == 0 && event->field_count > 0)
        atomic_fetch_add(&worker->events, 1);
}

/* The answer of run number `run` of a host: its private config's name and its own count. */
static bool good_answer(bosun_status *status, const char *name, int run)
{
    char expected[64];
    snprintf(expected, sizeof expected, "%s %d", name, run);
    const char *message = status ? bosun_status_message(status) : NULL;
    return status && bosun_status_outcome(status) == BOSUN_PASSING && message &&
           strcmp(message, expected) == 0;
}

static void *work(void *data)
{
    struct worker *worker = data;
    bosun_options options;
    bosun_options_init(&options);
    options.log = on_event;
    options.log_data = worker;
    bosun_host *host = new_host(&options, worker->name);
    for (int run = 1; host && run <= RUNS; run++) {
        bosun_status *status = bosun_host_run(host, "pe_status", NULL);
        worker->good += good_answer(status, worker->name, run);
        bosun_status_free(status);
    }
    bosun_host_free(host);
    return NULL;
}

static void several_threads(void)
{
    struct worker workers[8] = {{.name = "first"}, {.name = "second"}, {.name = "third"}, {.name = "fourth"},
                                {.name = "fifth"}, {.name = "sixth"},  {.name = "7th"},   {.name = "8th"}};
    pthread_t threads[8];
    bool answered = true;
    bool logged = true;
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, work, &workers[i]);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        answered = answered && workers[i].good == RUNS;
        logged = logged && workers[i].events == RUNS;
    }
    ok(answered, "eight hosts in eight threads answer each for itself");
    ok(logged, "each host's events go to its own log function");
}

/* The texts of two fields in the last event of a run. */
struct fields {
    char action[64];
    char run[80];
    char trace[40];
};

static void copy_fields(void *data, const bosun_log_event *event)
{
    struct fields *seen = data;
    for (size_t i = 0; i < event->field_count; i++) {
        if (strcmp(event->fields[i].name, "action") == 0)
            snprintf(seen->action, sizeof seen->action, "%s", event->fields[i].text);
        if (strcmp(event->fields[i].name, "run") == 0)
            snprintf(seen->run, sizeof seen->run, "%s", event->fields[i].text);
        if (strcmp(event->fields[i].name, "trace_id") == 0)
            snprintf(seen->trace, sizeof seen->trace, "%s", event->fields[i].text);
    }
}

/* The fields of two runs of one host. */
static void run_twice(const char *run_id, const char *traceparent, struct fields seen[2])
{
    struct fields last = {"", "", ""};
    bosun_options options;
    bosun_options_init(&options);
    options.log = copy_fields;
    options.log_data = &last;
    options.run_id = run_id;
    options.traceparent = traceparent;
    bosun_host *host = new_host(&options, "private.yaml");
    for (int i = 0; host && i < 2; i++) {
        bosun_status_free(bosun_host_run(host, i == 0 ? "pe_status" : "plugin_stop", NULL));
        seen[i] = last;
    }
    bosun_host_free(host);
}

static void run_ids(void)
{
    struct fields seen[2] = {{"", "", ""}, {"", "", ""}};
    run_twice(NULL, NULL, seen);
    ok(strcmp(seen[0].action, "pe_status") == 0 && strcmp(seen[1].action, "plugin_stop") == 0,
       "events name their action");
    ok(strlen(seen[0].run) == 16 && strlen(seen[1].run) == 16 && strcmp(seen[0].run, seen[1].run) != 0,
       "each run has an id of its own");
    ok(strlen(seen[0].trace) == 32 && strlen(seen[1].trace) == 32 &&
           strcmp(seen[0].trace, seen[1].trace) != 0,
       "and is a trace");
    run_twice("given", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", seen);
    ok(strcmp(seen[0].trace, "0af7651916cd43dd8448eb211c80319c") == 0 &&
           strcmp(seen[1].trace, seen[0].trace) == 0,
       "or a part of the one that is given");
    run_twice("given", "not a traceparent", seen);
    ok(strlen(seen[0].trace) == 32 && strcmp(seen[1].trace, seen[0].trace) != 0, "if it is valid");
    ok(strcmp(seen[0].run, "given") == 0 && strcmp(seen[1].run, "given") == 0, "or the one that is given");
    char long_id[66];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    bosun_options options;
    bosun_options_init(&options);
    options.run_id = long_id;
    bosun_error error;
    bosun_host *host = bosun_host_new(&options, &error);
    ok(!host && strstr(error.message, "the run id has 65 bytes"), "which can be too long");
    bosun_host_free(host);
}

static void on_phase(void *data, bosun_phase phase)
{
    if (phase == BOSUN_PHASE_ACTION)
        atomic_store((atomic_bool *)data, true);
}

struct canceller {
    bosun_host *host;
    atomic_bool in_action;
};

static void *cancel(void *data)
{
    struct canceller *canceller = data;
    const struct timespec moment = {.tv_nsec = 1000000};
    while (!atomic_load(&canceller->in_action))
        nanosleep(&moment, NULL);
    bosun_host_cancel(canceller->host, "the test says so");
    return NULL;
}

static void cancel_from_a_thread(void)
{
    struct canceller canceller = {0};
    bosun_options options;
    bosun_options_init(&options);
    options.phase = on_phase;
    options.phase_data = &canceller.in_action;
    canceller.host = new_host(&options, "x");
    if (!ok(canceller.host != NULL, "a host to cancel"))
        return;
    pthread_t thread;
    pthread_create(&thread, NULL, cancel, &canceller);
    bosun_status *status = bosun_host_run(canceller.host, "plugin_start", NULL);
    pthread_join(thread, NULL);
    ok(status && bosun_status_outcome(status) == BOSUN_FAILING, "a cancelled action is failing");
    contains(status ? bosun_status_message(status) : NULL, "the test says so",
             "the reason is in the message");
    bosun_status_free(status);
    bosun_host_free(canceller.host);
}

/* Runs an action of the plugin that has to fail with `part` in its message. */
static void failing(const bosun_options *options, const char *action, const char *part, const char *name)
{
    bosun_host *host = new_host(options, "x");
    bosun_status *status = host ? bosun_host_run(host, action, NULL) : NULL;
    ok(status && bosun_status_outcome(status) == BOSUN_FAILING, name);
    contains(status ? bosun_status_message(status) : NULL, part, "… and the message says why");
    bosun_status_free(status);
    bosun_host_free(host);
}

static void failures_are_statuses(void)
{
    bosun_options options;
    bosun_options_init(&options);
    failing(&options, "plugin_stop", "with a reason", "an error of the plugin is a failing status");
    failing(&options, "no_such_action", "no_such_action", "an unknown action is a failing status");
    failing(&options, "deployment_status", "deployment", "a missing config is a failing status");
    options.timeout = 0.2;
    failing(&options, "plugin_start", "timed out", "a deadline is a failing status");
    options.timeout = 0;
    options.memory_limit = (size_t)8 << 20;
    failing(&options, "deployment_list", "memory", "a memory limit is a failing status");
}

static void status_is_whole(void)
{
    bosun_options options;
    bosun_options_init(&options);
    bosun_host *host = new_host(&options, "x");
    bosun_status *status = host ? bosun_host_run(host, "pe_status", NULL) : NULL;
    if (ok(status != NULL, "a status")) {
        size_t len = 0;
        const char *yaml = bosun_status_yaml(status, &len);
        contains(yaml, "status: \"passing\"", "its text is that of a status file");
        ok(yaml && strlen(yaml) == len, "… of the length it says");
        ok(bosun_status_timestamp(status) > INT64_C(1600000000000), "it has a timestamp in milliseconds");
        ok(bosun_status_duration(status) >= 0, "it has a duration");
        ok(bosun_status_state(status) == NULL, "it has no state");
    }
    /* A status outlives its host. */
    bosun_host_free(host);
    contains(status ? bosun_status_message(status) : NULL, "x 1", "it outlives its host");
    bosun_status_free(status);
}

static void misuse_is_an_error(void)
{
    bosun_options options;
    bosun_options_init(&options);
    bosun_error error = {0};
    bosun_host *host = bosun_host_new(&options, &error);
    ok(host != NULL, "a host needs nothing but the library");
    ok(host && bosun_host_load(host, "no-such-plugin", NULL, &error) < 0, "an unknown plugin is an error");
    contains(error.message, "no-such-plugin", "… that names it");
    bosun_status *status = host ? bosun_host_run(host, "pe_status", NULL) : NULL;
    ok(status && bosun_status_outcome(status) == BOSUN_FAILING,
       "running without a plugin is a failing status");
    contains(status ? bosun_status_message(status) : NULL, "no-such-plugin", "… that says why there is none");
    bosun_status_free(status);
    bosun_host_free(host);
    bosun_host_free(NULL);
    bosun_status_free(NULL);
    ok(strcmp(bosun_version(), BOSUN_VERSION) == 0, "header and library have one version");
    ok(strcmp(bosun_outcome_name(BOSUN_WARNING), "warning") == 0, "outcomes have names");
}

/* What was told, a line each. */
typedef struct lines {
    char text[2048];
    int count;
} lines;

static void note_problem(void *data, const bosun_problem *problem)
{
    lines *all = data;
    size_t len = strlen(all->text);
    all->count++;
    snprintf(all->text + len, sizeof all->text - len, "%s:%u:%u %s: %s\n",
             problem->file ? strrchr(problem->file, '/') + 1 : "(none)", problem->line, problem->column,
             problem->path, problem->message);
}

static void describe_and_validate(void)
{
    bosun_options options;
    bosun_error error;
    bosun_options_init(&options);
    bosun_host *host = bosun_host_new(&options, &error);
    ok(!bosun_host_describe(host, BOSUN_DESCRIBE_TEXT, &error) && strcmp(error.code, "invalid") == 0,
       "there is nothing to describe before a plugin is loaded");
    ok(bosun_host_load(host, "/nonexistent/plugin", NULL, &error) < 0 &&
           strcmp(error.code, "plugin_not_found") == 0,
       "an error has a code");
    bosun_host_free(host);
    host = bosun_host_new(&options, &error);
    ok(bosun_host_load(host, typed, typed, &error) == 0 && !error.code[0] && bosun_host_has_schema(host),
       "a plugin with a schema");
    char *text = bosun_host_describe(host, BOSUN_DESCRIBE_JSON, &error);
    contains(text, "\"path\": \"url\"", "is described");
    bosun_text_free(text);
    lines found = {.count = 0};
    ok(bosun_host_validate(host, "deployment_stop", NULL, note_problem, &found, &error) == 2 &&
           found.count == 2,
       "and its configs are checked");
    contains(found.text, "typed.lua:1:", "with the place in the file");
    contains(found.text, "(none):0:0 deploymentInfo: missing: deployment_stop needs", "or without any");
    ok(bosun_host_validate(host, "deployment_stp", NULL, note_problem, &found, &error) < 0,
       "an unknown action");
    contains(error.message, "did you mean \"deployment_stop\"?", "is an error of the call");
    bosun_host_cancel(host, "enough");
    ok(bosun_host_validate(host, NULL, NULL, note_problem, &found, &error) < 0 && found.count == 2,
       "a cancelled check");
    contains(error.message, "enough", "is one, too");
    bosun_host_free(host);
}

/* ---- nothing is printed
 * --------------------------------------------------------------------------------------- */

static void run_everything(void)
{
    several_threads();
    run_ids();
    cancel_from_a_thread();
    failures_are_statuses();
    status_is_whole();
    misuse_is_an_error();
    describe_and_validate();
}

/* Standard error goes to a file while the library works; standard output is TAP's, where a stray line would
 * show. */
static void quietly(void)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    if (!file || saved < 0)
        return;
    dup2(fileno(file), STDERR_FILENO);
    run_everything();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ok(lseek(fileno(file), 0, SEEK_END) == 0, "nothing was written to standard error");
    fclose(file);
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    bool good = fputs(text, file) >= 0;
    return fclose(file) == 0 && good;
}

static bool write_plugins(void)
{
    if (!mkdtemp(folder))
        return false;
    snprintf(plugin, sizeof plugin, "%s/embedded.lua", folder);
    snprintf(typed, sizeof typed, "%s/typed.lua", folder);
    return write_file(plugin, plugin_source) && write_file(typed, schema_source);
}

static void *start_thread(void *data)
{
    return data;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!write_plugins())
        return 1;
    pthread_t first; /* a sanitizer adds a thread of its own to it */
    if (pthread_create(&first, NULL, start_thread, NULL) == 0)
        pthread_join(first, NULL);
    struct state before;
    struct state after;
    take(&before);
    quietly();
    take(&after);
    compare(&before, &after);
    unlink(plugin);
    unlink(typed);
    rmdir(folder);
    printf("1..%d\n", tests);
    return failures != 0;
}
