/* A program that makes the HTTP requests of plugins itself. TAP on standard output. */
#include "tap.h"

static const char plugin_source[] =
    "local S = require('bosun.action_status').ActionStatusInfo\n"
    "local http = require 'bosun.http'\n"
    "local fs = require 'bosun.fs'\n"
    "local P = require('bosun.plugin_base'):extend('Transported')\n"
    "local ways = {}\n"
    "function ways.get() local r = assert(http.get('http://shop/echo', { headers = { ['X-One'] = '1' }, "
    "timeout = 3 }))\n"
    "  return ('%d %s %s'):format(r.status, r.headers['content-type'], r.body) end\n"
    "function ways.post() return assert(http.post('https://shop/echo', { body = 'a\\0b' })).body end\n"
    "function ways.json() return assert(http.post('http://shop/echo', { json = { n = 1 } })).body end\n"
    "function ways.fails() local r, err = http.get('http://shop/refuse') assert(not r)\n"
    "  return err.code .. ' ' .. err.message end\n"
    "function ways.silent() return select(2, http.get('http://shop/silent')).message end\n"
    "function ways.nothing() return select(2, http.get('http://shop/nothing')).code end\n"
    "function ways.large() return select(2, http.get('http://shop/large', { max_bytes = 1000 })).code end\n"
    "function ways.socket() return select(2, http.get('http://shop/echo', { unix_socket = '/x' })).message "
    "end\n"
    "function ways.websocket() return select(2, http.websocket('http://shop/echo')).message end\n"
    "function ways.lines() local lines = {}\n"
    "  assert(http.stream('http://shop/lines', function(l) lines[#lines + 1] = l end))\n"
    "  return table.concat(lines, '|') end\n"
    "function ways.all() local list = {} for i = 1, 5 do list[i] = { url = 'http://shop/echo?' .. i } end\n"
    "  local replies = http.all(list) local n = 0 for i = 1, 5 do\n"
    "    n = n + (replies[i].response.body:find('echo?' .. i, 1, true) and 1 or 0) end\n"
    "  return n .. ' replies' end\n"
    "function ways.sink(folder) assert(http.get('http://shop/lines', { sink = folder .. '/sunk' }))\n"
    "  local text = assert(fs.read(folder .. '/sunk')) fs.remove(folder .. '/sunk') return #text .. ' bytes' "
    "end\n"
    "function ways.upload() local n = 0\n"
    "  return assert(http.put('http://shop/echo', { source = function() n = n + 1 return n < 4 and 'part' .. "
    "n or nil end }))\n"
    "    .body end\n"
    "function P:deployment_status(info) return S.passing(ways[info.id](info.name)) end\n"
    "return P\n";

struct shop {
    int requests;
    char seen[400];
    double timeout;
};

static void note_headers(struct shop *shop, const bosun_transport_request *request)
{
    shop->seen[0] = '\0';
    for (const char *const *header = request->headers; *header; header += 2) {
        size_t len = strlen(shop->seen);
        snprintf(shop->seen + len, sizeof shop->seen - len, "%s=%s;", header[0], header[1]);
    }
}

static int make_request(void *data, const bosun_transport_request *request, bosun_transport_reply *reply)
{
    struct shop *shop = data;
    char text[200];
    shop->requests++;
    shop->timeout = request->timeout;
    note_headers(shop, request);
    const char *path = strstr(request->url, "//shop/");
    path = path ? path + 6 : "";
    if (strcmp(path, "/refuse") == 0) {
        bosun_reply_fail(reply, "ECONNREFUSED", "nobody listens");
        return -1;
    }
    if (strcmp(path, "/silent") == 0)
        return -1;
    if (strcmp(path, "/nothing") == 0)
        return 0;
    bosun_reply_set_status(reply, 201);
    bosun_reply_add_header(reply, "Content-Type", "text/plain");
    if (strcmp(path, "/lines") == 0)
        return bosun_reply_append(reply, "one\r\ntwo\n\nlast", 14);
    if (strcmp(path, "/large") == 0) {
        int rc = 0;
        for (int i = 0; i < 100 && rc == 0; i++)
            rc = bosun_reply_append(reply, text, sizeof text);
        return rc;
    }
    int len = snprintf(text, sizeof text, "%s %s %zu:", request->method, path, request->body_len);
    bosun_reply_append(reply, text, (size_t)len);
    return bosun_reply_append(reply, request->body, request->body_len);
}

static bosun_host *open_shop(struct shop *shop, double timeout)
{
    bosun_error error;
    bosun_options options;
    bosun_options_init(&options);
    options.transport = make_request;
    options.transport_data = shop;
    options.timeout = timeout;
    bosun_host *host = bosun_host_new(&options, &error);
    bosun_load_options load;
    bosun_load_options_init(&load);
    load.source = plugin_source;
    load.source_len = strlen(plugin_source);
    if (!host || bosun_host_load_with(host, &load, &error) < 0)
        printf("# %s\n", error.message);
    return host;
}

static void check_way(bosun_host *host, const char *way, const char *expected, const char *name)
{
    char config[200];
    bosun_run_options run;
    bosun_run_options_init(&run);
    snprintf(config, sizeof config, "deploymentInfo: {id: %s, name: %s}\n", way, folder);
    run.config_text = config;
    run.config_len = strlen(config);
    check_status(bosun_host_run_with(host, "deployment_status", &run), BOSUN_PASSING, expected, name);
}

static void null_replies(void)
{
    bosun_reply_set_status(NULL, 200);
    bosun_reply_fail(NULL, NULL, NULL);
    ok(bosun_reply_add_header(NULL, "a", "b") < 0 && bosun_reply_append(NULL, "a", 1) < 0,
       "NULL is no reply");
}

int main(void)
{
    begin();
    struct shop shop = {0};
    bosun_host *host = open_shop(&shop, 0);
    check_way(host, "get", "201 text/plain GET /echo 0:", "a request is the program's");
    ok(strstr(shop.seen, "X-One=1;") && strstr(shop.seen, "traceparent=00-"),
       "with its headers, and the trace");
    ok(shop.timeout > 2 && shop.timeout <= 3, "and its timeout");
    check_way(host, "post", "POST /echo 3:a", "bodies are sent");
    check_way(host, "json", "POST /echo 7:{\"n\":1}", "also as JSON");
    check_way(host, "upload", "PUT /echo 15:part1part2part3", "and from a function");
    check_way(host, "fails", "ECONNREFUSED GET http://shop/refuse failed: nobody listens",
              "a failure has its code");
    check_way(host, "silent", "no reason is given", "or none");
    check_way(host, "nothing", "protocol", "a reply needs a status");
    check_way(host, "large", "too_large", "a body has a limit");
    check_way(host, "lines", "one|two||last", "replies are read by lines");
    check_way(host, "sink", "14 bytes", "or go to a file");
    check_way(host, "all", "5 replies", "many are made one after the other");
    int before = shop.requests;
    check_way(host, "socket", "has no unix_socket", "what the program cannot do is refused");
    check_way(host, "websocket", "no connections for other protocols", "so is another protocol");
    ok(shop.requests == before, "without asking it");
    bosun_host_free(host);
    host = open_shop(&shop, 2);
    check_way(host, "get", "201 text/plain", "in an action with a deadline");
    ok(shop.timeout > 0 && shop.timeout <= 2, "a request has no more time than that");
    bosun_host_free(host);
    null_replies();
    return end();
}
