/* What an embedder decides about a host's resources: its allocator, limits on memory and instructions; codes
 * as an enum; the version as a number. TAP on standard output. */
#include "tap.h"
#include <stdint.h>

static const char plugin_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local P = require('bosun.plugin_base'):extend('Resources')\n"
    "local function spin() while true do end end\n"
    "function P:pe_status() return S.passing('fine') end\n"
    "function P:plugin_start() while true do pcall(spin) end end\n"
    "function P:plugin_stop() for _ = 1, 100 do coroutine.wrap(function() for _ = 1, 1e5 do end end)() end\n"
    "  return S.passing('all done') end\n"
    "function P:deployment_list() local t = {} while true do t[#t + 1] = ('x'):rep(65536) .. #t end end\n"
    "function P:clean_up(action, info, reason)\n"
    "  for _ = 1, 1e5 do end\n"
    "  if action == 'plugin_start' then return S.failing('cleaned up: ' .. reason) end\n"
    "end\n"
    "return P\n";

/* ---- the allocator */

struct memory {
    size_t used;
    size_t most;
    int blocks;
    bool wrong;   /* the library said another size than it asked for */
    long fail_at; /* the allocation that fails; 0: none */
    long count;
};

/* Keeps the size in front of the block, to compare it with what the library says. */
static void *allocate(void *data, void *block, size_t old_size, size_t new_size)
{
    struct memory *memory = data;
    size_t *head = block ? (size_t *)block - 2 : NULL;
    memory->wrong = memory->wrong || (head ? *head : 0) != old_size;
    if (new_size == 0) {
        memory->used -= old_size;
        memory->blocks--;
        free(head);
        return NULL;
    }
    if (new_size > old_size && ++memory->count == memory->fail_at)
        return NULL;
    size_t *result = realloc(head, new_size + 2 * sizeof *head);
    if (!result)
        return NULL;
    *result = new_size;
    memory->used += new_size - old_size;
    memory->most = memory->used > memory->most ? memory->used : memory->most;
    memory->blocks += !block;
    return result + 2;
}

static bosun_host *new_host(const bosun_options *options)
{
    bosun_error error;
    bosun_host *host = bosun_host_new(options, &error);
    bosun_load_options load;
    bosun_load_options_init(&load);
    load.source = plugin_source;
    load.source_len = strlen(plugin_source);
    if (host && bosun_host_load_with(host, &load, &error) == 0)
        return host;
    printf("# %s\n", error.message);
    return host;
}

static void allocator(void)
{
    struct memory memory = {0};
    bosun_options options;
    bosun_options_init(&options);
    options.allocate = allocate;
    options.allocate_data = &memory;
    bosun_host *host = new_host(&options);
    check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_PASSING, "fine",
                 "a host has its own allocator");
    ok(memory.most > 50000 && memory.blocks > 500, "which has all of Lua's memory");
    bosun_host_unload(host, NULL);
    bosun_host_free(host);
    ok(memory.used == 0 && memory.blocks == 0 && !memory.wrong, "and gets it back, with the sizes");
    memory = (struct memory){0};
    options.memory_limit = (size_t)4 << 20;
    host = new_host(&options);
    check_status(bosun_host_run(host, "deployment_list", NULL), BOSUN_FAILING, "out of memory",
                 "the memory limit counts");
    ok(memory.most <= (size_t)4 << 20, "and is kept");
    bosun_host_free(host);
    ok(memory.used == 0 && !memory.wrong, "nothing is left");
}

/* Fails each allocation in turn, from making a host to freeing it, in steps that keep the test short. */
static void failing_allocator(void)
{
    struct memory memory = {0};
    bosun_options options;
    bosun_options_init(&options);
    options.allocate = allocate;
    options.allocate_data = &memory;
    int passed = 0;
    for (long fail_at = 1; passed < 2 && fail_at < 100000; fail_at += 1 + fail_at / 40) {
        memory = (struct memory){.fail_at = fail_at};
        bosun_error error;
        bosun_host *host = bosun_host_new(&options, &error);
        bosun_load_options load;
        bosun_load_options_init(&load);
        load.source = plugin_source;
        load.source_len = strlen(plugin_source);
        if (host)
            bosun_host_load_with(host, &load, &error);
        bosun_status *status = bosun_host_run(host, "pe_status", NULL);
        passed += bosun_status_outcome(status) == BOSUN_PASSING;
        if (bosun_status_outcome(status) == BOSUN_UNKNOWN || memory.wrong)
            ok(false, "an allocation that fails is a failing status");
        bosun_status_free(status);
        bosun_host_free(host);
        if (memory.used > 0)
            ok(false, "nothing is left after an allocation that has failed");
    }
    ok(passed == 2, "with enough memory, the action passes");
}

/* How much memory a host uses after so many runs with as many configs. */
static size_t use(bosun_host *host, const struct memory *memory, int runs)
{
    for (int i = 0; i < runs; i++) {
        char config[80];
        bosun_run_options options;
        bosun_run_options_init(&options);
        snprintf(config, sizeof config, "peInfo: {id: pe, name: n%d}\n", i % 100);
        options.config_text = config;
        options.config_len = strlen(config);
        bosun_status_free(bosun_host_run_with(host, "pe_status", &options));
    }
    check_status(bosun_host_run(host, "plugin_stop", NULL), BOSUN_PASSING, "all done", "it still works");
    return memory->used;
}

static void many_runs(void)
{
    struct memory memory = {0};
    bosun_options options;
    bosun_options_init(&options);
    options.allocate = allocate;
    options.allocate_data = &memory;
    bosun_host *host = new_host(&options);
    size_t before = use(host, &memory, 1000);
    size_t after = use(host, &memory, 4000);
    if (!ok(after < before + before / 2, "a host that runs many actions does not grow"))
        printf("# %zu bytes after 1,000 runs, %zu after 5,000\n", before, after);
    bosun_host_free(host);
}

/* ---- instructions */

static void instructions(void)
{
    bosun_options options;
    bosun_options_init(&options);
    options.instruction_limit = 2000000;
    bosun_host *host = new_host(&options);
    for (int i = 0; i < 3; i++) {
        bosun_status *status = bosun_host_run(host, "plugin_start", NULL);
        const char *code = bosun_status_code(status);
        ok(code && strcmp(code, "instructions") == 0 && bosun_code_kind(code) == BOSUN_ERROR_INSTRUCTIONS,
           "an endless loop ends after so many instructions");
        check_status(status, BOSUN_FAILING, "cleaned up: stopped after 2000000 instructions",
                     "and the plugin cleans up");
        check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_PASSING, "fine",
                     "the next run has its own");
    }
    check_status(bosun_host_run(host, "plugin_stop", NULL), BOSUN_FAILING,
                 "stopped after 2000000 instructions", "those of coroutines count, too");
    bosun_host_free(host);
    options.instruction_limit = 0;
    host = new_host(&options);
    check_status(bosun_host_run(host, "plugin_stop", NULL), BOSUN_PASSING, "all done", "0 is no limit");
    bosun_host_free(host);
    options.instruction_limit = 1;
    bosun_error error;
    host = bosun_host_new(&options, &error);
    ok(host != NULL, "a host can be made with any limit");
    bosun_load_options load;
    bosun_load_options_init(&load);
    load.source = "while true do end";
    load.source_len = strlen(load.source);
    ok(bosun_host_load_with(host, &load, &error) < 0 && error.kind == BOSUN_ERROR_INSTRUCTIONS,
       "loading a plugin is a call, too");
    bosun_host_free(host);
}

/* ---- codes, the version, the user's pointer */

static void kinds(void)
{
    static const struct {
        const char *code;
        bosun_error_kind kind;
    } cases[] = {
        {NULL, BOSUN_ERROR_NONE},          {"", BOSUN_ERROR_NONE},
        {"ENOMEM", BOSUN_ERROR_NO_MEMORY}, {"EACCES", BOSUN_ERROR_SYSTEM},
        {"E", BOSUN_ERROR_OTHER},          {"Empty", BOSUN_ERROR_OTHER},
        {"invalid", BOSUN_ERROR_INVALID},  {"cancelled", BOSUN_ERROR_CANCELLED},
        {"config", BOSUN_ERROR_CONFIG},    {"card_missing", BOSUN_ERROR_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ok(bosun_code_kind(cases[i].code) == cases[i].kind, cases[i].code ? cases[i].code : "(null)");
    bosun_error error;
    bosun_host *host = bosun_host_new(NULL, &error);
    ok(host && error.kind == BOSUN_ERROR_NONE, "success has no code");
    ok(bosun_host_load(host, "no-such-plugin", NULL, &error) < 0 &&
           error.kind == BOSUN_ERROR_PLUGIN_NOT_FOUND,
       "a plugin that is not there has one");
    bosun_host_cancel(host, NULL);
    ok(bosun_host_load(host, "filesystem", NULL, &error) < 0 && error.kind == BOSUN_ERROR_CANCELLED,
       "and so has a cancel");
    bosun_host_free(host);
}

static void version(void)
{
    char text[32];
    uint32_t number = bosun_version_number();
    snprintf(text, sizeof text, "%u.%u.%u", (unsigned)(number >> 16), (unsigned)(number >> 8 & 0xFF),
             (unsigned)(number & 0xFF));
    ok(strcmp(text, bosun_version()) == 0 && strcmp(text, BOSUN_VERSION) == 0 &&
           number == BOSUN_VERSION_NUMBER,
       "the version is a number, too");
    int mine = 0;
    bosun_options options;
    bosun_options_init(&options);
    options.user = &mine;
    bosun_host *host = bosun_host_new(&options, NULL);
    ok(bosun_host_user(host) == &mine && !bosun_host_user(NULL), "a host carries a pointer of the program's");
    bosun_host_free(host);
}

int main(void)
{
    begin();
    allocator();
    failing_allocator();
    many_runs();
    instructions();
    kinds();
    version();
    return end();
}
