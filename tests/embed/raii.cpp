/* What bosun.hpp promises: exceptions, moves, views. Built and run by test_examples.sh. TAP on standard
 * output. */
#include <bosun.hpp>
#include <cstdio>
#include <iostream>

static int tests = 0;
static int failures = 0;

static void ok(bool good, const char *name)
{
    failures += !good;
    std::cout << (good ? "ok " : "not ok ") << ++tests << " - " << name << '\n';
}

static const char source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local log = require 'bosun.log'\n"
    "local P = require('bosun.plugin_base'):extend('Raii')\n"
    "P.config_schema = { port = { type = 'integer', default = 80 } }\n"
    "function P:pe_status()\n"
    "  log.info 'now'\n"
    "  return S.passing(require 'given', nil, { n = 7, list = { 'a', 2.5, true } })\n"
    "end\n"
    "function P:plugin_start() while true do end end\n"
    "return P\n";

static bosun_load_options in_memory(const char *config)
{
    bosun_load_options load;
    bosun_load_options_init(&load);
    load.source = source;
    load.source_len = sizeof source - 1;
    load.private_config_text = config;
    load.private_config_len = std::char_traits<char>::length(config);
    return load;
}

static void exceptions(bosun::host &host)
{
    try {
        host.load("no-such-plugin");
        ok(false, "a failure throws");
    } catch (const bosun::error &error) {
        ok(error.kind() == BOSUN_ERROR_PLUGIN_NOT_FOUND && error.code() == "plugin_not_found" &&
               *error.what(),
           "a failure throws its code");
    }
    ok(host.run("pe_status").outcome() == BOSUN_FAILING, "a run does not");
    host.load(in_memory("port: many\n"));
    auto problems = host.validate("pe_status");
    ok(problems.size() == 1 && problems[0].path == "port" && problems[0].line == 1, "there are problems");
    host.unload();
    host.load(in_memory("port: 8080\n"));
    ok(host.validate("pe_status").empty(), "or none");
}

static void statuses(bosun::host &host)
{
    bosun::status status = host.run("pe_status");
    bosun::value data = status.data();
    ok(status.passing() && status.message() == "a module" && status.code().empty(), "a status has a message");
    ok(data["n"].integer() == 7 && data["list"].size() == 3 && data["list"][std::size_t{0}].text() == "a" &&
           data["list"][1].number() == 2.5 && data["list"][2].boolean() && !data["other"]["deeper"],
       "and data");
    ok(status.json().find("\"n\":7") != std::string_view::npos && status.yaml().starts_with("status: "),
       "as text");
    bosun::run_options options;
    options.config_text = "peInfo: {id: pe}\n";
    options.timeout = 0.1;
    ok(host.run("plugin_start", options).code() == "deadline", "a run has settings");
    ok(host.describe(BOSUN_DESCRIBE_JSON).starts_with("{"), "a plugin is described");
}

int main()
{
    bool throws = false;
    bosun::options options;
    options.log = [&](const bosun_log_event &event) {
        if (throws && std::string_view(event.message) == "now")
            throw std::out_of_range("from the log");
    };
    options.find_module = [](std::string_view name) -> std::optional<std::string> {
        return name == "given" ? std::optional<std::string>("return 'a module'") : std::nullopt;
    };
    bosun::host first(std::move(options));
    bosun::host host = std::move(first);
    exceptions(host);
    statuses(host);
    throws = true;
    try {
        host.run("pe_status");
        ok(false, "what a function throws comes out of the call");
    } catch (const std::out_of_range &error) {
        ok(std::string_view(error.what()) == "from the log", "what a function throws comes out of the call");
    }
    throws = false;
    ok(host.run("pe_status").passing(), "and the host goes on");
    host.cancel("enough");
    host.reset();
    ok(host.run("pe_status").passing(), "a cancel can be taken back");
    std::cout << "1.." << tests << '\n';
    return failures != 0;
}
