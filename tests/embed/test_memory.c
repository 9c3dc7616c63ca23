/* Plugins, private configs and modules from memory; unloading. TAP on standard output. */
#include "tap.h"
#include <dirent.h>

static const char plugin_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local P = require('bosun.plugin_base'):extend('InMemory')\n"
    "P.config_schema = { port = { type = 'integer', default = 80 } }\n"
    "function P:pe_status() return S.passing('port ' .. self.config.port) end\n"
    "function P:plugin_start()\n"
    "  local text = require('bosun.fs').read(self.private_config_file)\n"
    "  local file = assert(io.open(self.private_config_file))\n"
    "  local again = file:read 'a'\n"
    "  file:close()\n"
    "  return S.passing(text == again and text or 'two texts', nil, { self.private_config_file })\n"
    "end\n"
    "function P:plugin_stop() local x = nil; return x.y end\n"
    "function P:deployment_list() return S.passing(require('shop.prices').name, nil, {}) end\n"
    "return P\n";

static bosun_load_options in_memory(const char *source, const char *config)
{
    bosun_load_options options;
    bosun_load_options_init(&options);
    options.source = source;
    options.source_len = strlen(source);
    options.private_config_text = config;
    options.private_config_len = config ? strlen(config) : 0;
    return options;
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static void note_problem(void *data, const bosun_problem *problem)
{
    snprintf(data, 300, "%s:%u: %s: %s", problem->file ? problem->file : "(none)", problem->line,
             problem->path, problem->message);
}

static void texts(void)
{
    size_t before = count_descriptors();
    bosun_error error;
    bosun_host *host = bosun_host_new(NULL, &error);
    bosun_load_options options = in_memory(plugin_source, "port: 8080\n");
    ok(bosun_host_load_with(host, &options, &error) == 0, "a plugin can be in memory");
    check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_PASSING, "port 8080",
                 "and so can its config");
    check_status(bosun_host_run(host, "plugin_start", NULL), BOSUN_PASSING, "port: 8080\n",
                 "which it can read by itself, more than once");
    bosun_status *status = bosun_host_run(host, "plugin_start", NULL);
    contains(bosun_value_as_text(bosun_value_at(bosun_status_data(status), 0), NULL), "private config",
             "its path is shown as a name");
    bosun_status_free(status);
    check_status(bosun_host_run(host, "plugin_stop", NULL), BOSUN_FAILING, "plugin.lua:12: attempt",
                 "errors name the plugin and its line");
    bosun_host_free(host);

    host = bosun_host_new(NULL, &error);
    options = in_memory(plugin_source, "# a comment\nport: many\n");
    options.plugin = "shop";
    options.private_config = "shop.yaml";
    bosun_host_load_with(host, &options, &error);
    check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_FAILING,
                 "shop.yaml:2:", "errors name the config and its line");
    char problem[300] = "";
    ok(bosun_host_validate(host, "pe_status", NULL, note_problem, problem, &error) == 1,
       "validation finds it");
    contains(problem, "shop.yaml:2: port: ", "and says where");
    check_status(bosun_host_run(host, "plugin_stop", NULL), BOSUN_FAILING,
                 "shop.yaml:2:", "whatever the action");
    bosun_host_free(host);
    ok(count_descriptors() == before, "no descriptor is left open");
}

static void bad_texts(void)
{
    bosun_error error;
    bosun_host *host = bosun_host_new(NULL, &error);
    bosun_load_options options = in_memory("return 1 +", NULL);
    ok(bosun_host_load_with(host, &options, &error) < 0 && strstr(error.message, "plugin.lua:1"),
       "a syntax error has a line");
    check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_FAILING, "plugin.lua:1", "a run says why");
    options = in_memory("\x1bLua", NULL);
    ok(bosun_host_load_with(host, &options, &error) < 0 && strstr(error.message, "binary"),
       "a binary chunk is refused");
    options = in_memory("", NULL);
    options.plugin = "empty";
    ok(bosun_host_load_with(host, &options, &error) < 0 &&
           strstr(error.message, "plugin empty.lua returned nothing"),
       "an empty one returns nothing");
    ok(bosun_host_load(host, "no-such-plugin", NULL, &error) < 0 &&
           strcmp(error.code, "plugin_not_found") == 0,
       "a plugin that is not there does not spend the host");
    options = in_memory(plugin_source, NULL);
    ok(bosun_host_load_with(host, &options, &error) == 0 && !*error.code, "nor does any of these");
    check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_PASSING, "port 80", "which now runs");
    ok(bosun_host_load_with(host, &options, &error) < 0 && strstr(error.message, "bosun_host_unload"),
       "a host has one plugin at a time");
    check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_PASSING, "port 80", "which it keeps");
    options = (bosun_load_options){.size = sizeof options};
    ok(bosun_host_load_with(host, &options, &error) < 0 && strstr(error.message, "no plugin was named"),
       "there has to be one");
    ok(bosun_host_load_with(host, NULL, NULL) < 0 && bosun_host_load_with(NULL, NULL, &error) < 0,
       "NULL is an error");
    bosun_host_free(host);
}

/* ---- modules */

static const char *find_module(void *data, const char *name, size_t *len)
{
    ++*(int *)data;
    if (strcmp(name, "shop.prices") != 0)
        return NULL;
    static const char source[] = "local name, path = ... return { name = name .. ' found as ' .. path }";
    *len = sizeof source - 1;
    return source;
}

static void modules(void)
{
    int asked = 0;
    bosun_error error;
    bosun_options options;
    bosun_options_init(&options);
    options.find_module = find_module;
    options.find_module_data = &asked;
    bosun_host *host = bosun_host_new(&options, &error);
    bosun_load_options load = in_memory(plugin_source, NULL);
    bosun_host_load_with(host, &load, &error);
    check_status(bosun_host_run(host, "deployment_list", NULL), BOSUN_PASSING,
                 "shop.prices found as shop.prices.lua", "a function finds modules");
    int before = asked;
    check_status(bosun_host_run(host, "deployment_list", NULL), BOSUN_PASSING, "found as", "once");
    ok(asked == before && asked > 0, "and is not asked for those of the library, or again");
    bosun_host_unload(host, &error);
    const char added[] = "return { name = 'added' }";
    ok(bosun_host_add_module(host, "shop.prices", added, sizeof added - 1, &error) == 0,
       "a module can be added");
    bosun_host_load_with(host, &load, &error);
    check_status(bosun_host_run(host, "deployment_list", NULL), BOSUN_PASSING, "added", "and comes first");
    bosun_host_unload(host, &error);
    bosun_host_load_with(host, &load, &error);
    check_status(bosun_host_run(host, "deployment_list", NULL), BOSUN_PASSING, "added", "for each plugin");
    ok(bosun_host_add_module(host, "shop.prices", "", 0, &error) < 0 && strstr(error.message, "already"),
       "a name is taken once");
    ok(bosun_host_add_module(host, "bosun.fs", "", 0, &error) < 0 &&
           bosun_host_add_module(host, "bosun", "", 0, &error) < 0 && strstr(error.message, "library"),
       "and not from the library");
    ok(bosun_host_add_module(host, "bosunx", "return 1 +", 10, &error) == 0,
       "a module is not run when it is added");
    ok(bosun_host_add_module(host, NULL, "", 0, NULL) < 0 &&
           bosun_host_add_module(host, "", "", 0, NULL) < 0 &&
           bosun_host_add_module(host, "x", NULL, 3, &error) < 0 &&
           bosun_host_add_module(NULL, "x", "", 0, NULL) < 0 &&
           bosun_host_add_c_module(host, "x", NULL, NULL, &error) < 0 &&
           bosun_host_add_c_module(NULL, "x", NULL, NULL, NULL) < 0,
       "NULL is an error");
    bosun_host_free(host);
    host = bosun_host_new(NULL, &error);
    bosun_host_load_with(host, &load, &error);
    check_status(bosun_host_run(host, "deployment_list", NULL), BOSUN_FAILING,
                 "module 'shop.prices' not found", "a module that nobody has is an error");
    bosun_host_free(host);
}

/* ---- unloading */

static const char leaving_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local log = require 'bosun.log'\n"
    "local P = require('bosun.plugin_base'):extend('Leaving')\n"
    "kept = setmetatable({}, { __gc = function() log.info('finalized') end })\n"
    "endless = ENDLESS and setmetatable({}, { __gc = function() while true do end end })\n"
    "function P:pe_status() seen = (seen or 0) + 1 return S.passing('run ' .. seen) end\n"
    "return P\n";

static void count_finalized(void *data, const bosun_log_event *event)
{
    if (strcmp(event->message, "finalized") == 0)
        ++*(int *)data;
}

static void unloading(void)
{
    int finalized = 0;
    bosun_error error;
    bosun_options options;
    bosun_options_init(&options);
    options.log = count_finalized;
    options.log_data = &finalized;
    bosun_host *host = bosun_host_new(&options, &error);
    ok(bosun_host_unload(host, &error) == 0, "nothing can be unloaded");
    bosun_load_options load = in_memory(leaving_source, NULL);
    for (int i = 1; i <= 3; i++) {
        bosun_host_load_with(host, &load, &error);
        check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_PASSING, "run 1",
                     "a plugin is loaded anew");
        ok(bosun_host_unload(host, &error) == 0 && finalized == i, "unloading runs finalizers");
        check_status(bosun_host_run(host, "pe_status", NULL), BOSUN_FAILING, "no plugin is loaded",
                     "it is gone");
        ok(!bosun_host_describe(host, BOSUN_DESCRIBE_TEXT, &error) && !bosun_host_has_schema(host),
           "with all else");
    }
    bosun_host_load_with(host, &load, &error);
    bosun_host_cancel(host, "while it was loaded");
    bosun_host_unload(host, &error);
    ok(bosun_host_load_with(host, &load, &error) < 0 && strcmp(error.code, "cancelled") == 0,
       "a cancel that was pending stops the next call");
    ok(bosun_host_load_with(host, &load, &error) == 0, "and only that");
    bosun_host_free(host);
    ok(bosun_host_unload(NULL, &error) < 0, "NULL is an error");

    bosun_options_init(&options);
    options.timeout = 0.1;
    options.memory_limit = (size_t)8 << 20;
    host = bosun_host_new(&options, &error);
    bosun_host_add_module(host, "endless", "ENDLESS = true", 14, &error);
    char source[sizeof leaving_source + 30];
    snprintf(source, sizeof source, "require 'endless'\n%s", leaving_source);
    load = in_memory(source, NULL);
    for (int i = 0; i < 5; i++) {
        ok(bosun_host_load_with(host, &load, &error) == 0, "a plugin whose finalizer is endless");
        ok(bosun_host_unload(host, &error) == 0, "is unloaded in time");
    }
    bosun_host_free(host);
}

int main(void)
{
    begin();
    texts();
    bad_texts();
    modules();
    unloading();
    return end();
}
