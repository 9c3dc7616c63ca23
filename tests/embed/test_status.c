/* The status as data: JSON, texts with their length, the code, a walk over the data. TAP on standard output.
 */
#include "tap.h"
#include <math.h>
#include <stdint.h>

static const char plugin_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local errors = require 'bosun.error'\n"
    "local yaml = require 'bosun.yaml'\n"
    "local secret = require 'bosun.secret'\n"
    "local P = require('bosun.plugin_base'):extend('Data')\n"
    "function P:pe_status()\n"
    "  return S.passing('all \"well\"\\n\\0\\xFF', nil, { n = -1, big = math.mininteger, half = 0.5, huge = "
    "1e300,\n"
    "    inf = math.huge, yes = true, no = false, none = yaml.null, text = 'a\\0b\\xC3', list = { 1, 'two', "
    "{} },\n"
    "    empty = yaml.array {}, map = { [1] = 'i', ['1'] = 's', [true] = 'b', [2.5] = 'f', [-math.huge] = "
    "'inf' } })\n"
    "end\n"
    "function P:plugin_start()\n"
    "  error(errors.new { code = 'card_missing', message = 'the card is missing', op = 'look' })\n"
    "end\n"
    "function P:plugin_stop() secret.new('geheim123') return S.passing('geheim123', nil, { 'geheim123' }) "
    "end\n"
    "function P:deployment_list() return S.failing('bad', nil, { d1 = { error = 'my own' } }) end\n"
    "return P\n";

static void json(bosun_status *status)
{
    size_t len = 0;
    const char *text = bosun_status_json(status, &len);
    ok(text && strlen(text) == len && !strchr(text, '\n'), "a status is a line of JSON");
    ok(text == bosun_status_json(status, NULL), "which is made once");
    contains(text,
             "{\"status\":\"passing\",\"msg\":\"all "
             "\\\"well\\\"\\n\\\\0\xEF\xBF\xBD\",\"state\":null,\"duration\":0.",
             "its texts are quoted, and valid UTF-8");
    contains(text, "\"big\":-9223372036854775808", "an integer has 64 bits");
    contains(text, "\"half\":0.5", "a float is one");
    contains(text, "\"huge\":1.0e+300", "also a large one");
    contains(text, "\"inf\":\"inf\"", "what JSON lacks is a string");
    contains(text, "\"list\":[1,\"two\",{}]", "there are lists");
    contains(text, "\"empty\":[]", "empty ones, too");
    contains(text, "\"none\":null", "and nulls");
    contains(text, "\"text\":\"a\\u0000b\xEF\xBF\xBD\"", "and NUL bytes");
    contains(text, "\"1 (an integer)\":\"i\"", "no key hides another: an integer");
    contains(text, "\"1\":\"s\"", "a string");
    contains(text, "\"2.5 (a float)\":\"f\"", "a float");
    contains(text, "\"-inf\":\"inf\"", "an infinite one");
    contains(text, "\"true (a boolean)\":\"b\"", "a boolean");
    text = bosun_status_yaml(status, &len);
    ok(text && strlen(text) == len, "the YAML is there, too");
}

static void walk(bosun_status *status)
{
    const bosun_value *data = bosun_status_data(status);
    ok(bosun_value_kind(data) == BOSUN_MAPPING && bosun_value_count(data) == 12, "data is a mapping of keys");
    bool whole = true;
    for (size_t i = 0; i < bosun_value_count(data); i++) {
        const char *key = bosun_value_as_text(bosun_value_key_at(data, i), NULL);
        whole = whole && key && bosun_value_find(data, key) == bosun_value_at(data, i);
    }
    ok(whole, "each can be found by its number and by its key");
    ok(!bosun_value_at(data, 12) && !bosun_value_key_at(data, SIZE_MAX) && !bosun_value_find(data, "other"),
       "others are not there");
    ok(bosun_value_as_int(bosun_value_find(data, "big")) == INT64_MIN, "an integer");
    ok(bosun_value_as_float(bosun_value_find(data, "n")) == -1, "which is a float, too");
    ok(bosun_value_as_float(bosun_value_find(data, "half")) == 0.5, "a float");
    ok(bosun_value_as_bool(bosun_value_find(data, "yes")) &&
           !bosun_value_as_bool(bosun_value_find(data, "no")),
       "booleans");
    ok(isinf(bosun_value_as_float(bosun_value_find(data, "inf"))), "infinity");
    size_t len = 0;
    const char *text = bosun_value_as_text(bosun_value_find(data, "text"), &len);
    ok(text && len == 6 && memcmp(text, "a\0b\xEF\xBF\xBD", 7) == 0,
       "a text has a length, and is valid UTF-8");
    const bosun_value *list = bosun_value_find(data, "list");
    ok(bosun_value_kind(list) == BOSUN_SEQUENCE && bosun_value_count(list) == 3 &&
           !bosun_value_key_at(list, 0) && bosun_value_as_int(bosun_value_at(list, 0)) == 1 &&
           !bosun_value_find(list, "1"),
       "a sequence has items");
    ok(bosun_value_as_int(list) == 0 && !bosun_value_as_text(list, &len) && len == 0 &&
           isnan(bosun_value_as_float(list)) == 0 && !bosun_value_as_bool(list),
       "and nothing else");
    ok(bosun_value_kind(bosun_value_find(data, "none")) == BOSUN_NULL, "null is null");
}

static void nothing(void)
{
    size_t len = 1;
    ok(bosun_value_kind(NULL) == BOSUN_NULL && bosun_value_count(NULL) == 0 && !bosun_value_at(NULL, 0) &&
           !bosun_value_key_at(NULL, 0) && !bosun_value_find(NULL, "x") && !bosun_value_as_text(NULL, &len) &&
           len == 0 && bosun_value_as_int(NULL) == 0 && bosun_value_as_float(NULL) == 0 &&
           !bosun_value_as_bool(NULL),
       "no value is like null");
    ok(!bosun_status_data(NULL) && !bosun_status_json(NULL, &len) && !bosun_status_code(NULL) &&
           bosun_status_message_length(NULL) == 0,
       "no status has none");
}

static void codes(bosun_host *host)
{
    bosun_status *status = bosun_host_run(host, "plugin_start", NULL);
    const char *code = bosun_status_code(status);
    ok(code && strcmp(code, "card_missing") == 0, "a failing status has the code of its error");
    contains(bosun_status_json(status, NULL), "\"data\":{\"error\":{\"code\":\"card_missing\"",
             "in the JSON, too");
    const bosun_value *error = bosun_value_find(bosun_status_data(status), "error");
    contains(bosun_value_as_text(bosun_value_find(error, "operation"), NULL), "look", "and in the walk");
    ok(strlen(bosun_status_message(status)) == bosun_status_message_length(status),
       "its message has a length");
    bosun_status_free(status);
    status = bosun_host_run(host, "no_such_action", NULL);
    ok(bosun_status_code(status) && !bosun_status_state(status), "the host's own failures have one, too");
    bosun_status_free(status);
    status = bosun_host_run(host, "plugin_stop", NULL);
    ok(!bosun_status_code(status), "a passing one has none");
    ok(!strstr(bosun_status_json(status, NULL), "geheim"), "JSON has no secrets");
    contains(bosun_value_as_text(bosun_value_at(bosun_status_data(status), 0), NULL), "[redacted]",
             "nor has the walk");
    bosun_status_free(status);
    status = bosun_host_run(host, "deployment_list", NULL);
    ok(bosun_status_outcome(status) == BOSUN_FAILING && !bosun_status_code(status),
       "data of the plugin's own under that name is no code");
    bosun_status_free(status);
}

int main(void)
{
    begin();
    char *path = write_file("data.lua", plugin_source);
    bosun_host *host = make_host(NULL, path);
    bosun_status *status = bosun_host_run(host, "pe_status", NULL);
    codes(host);
    bosun_host_free(host);
    json(status); /* it outlives its host */
    walk(status);
    bosun_status_free(status);
    nothing();
    remove_file(path);
    return end();
}
