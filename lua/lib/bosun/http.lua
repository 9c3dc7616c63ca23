--- HTTP and HTTPS, on libcurl. The first request loads it.
---
---     local resp = assert(http.get("https://host/models/1", { auth = { bearer = token }, retry = { max = 3 } }))
---     if not resp.ok then return nil, resp.status .. ": " .. resp.body end
---
--- A reply of any status is a response. A request without a reply returns `nil, err`, where `err.code` is "dns",
--- "connect" or the name of an errno value ("ECONNREFUSED"), "proxy" (it refuses), "timeout" (of the request),
--- "deadline" (of the action), "cancelled", "tls", "closed" (the connection ended too early), "protocol" (not HTTP),
--- "redirect", "too_large", "upgrade", "invalid", or that of a file operation ("ENOSPC"). Invalid options raise an
--- error.
---
--- A body is sent and received whole, or the request fails: also if a file changes while it is sent, or a compressed
--- reply is cut short. Replies kept in memory may be compressed on their way, with gzip and nothing else.
---
--- Certificates are verified with the CAs of `tls.ca`; without it, with those of the system, where SSL_CERT_FILE and
--- SSL_CERT_DIR, if set, take the place of its file and its folder of CAs. URLs and redirects use http or https; a
--- redirect to another host carries no Authorization, Cookie and traceparent headers, but all others. Proxies come from
--- the environment (https_proxy, http_proxy, all_proxy, no_proxy). Every request ends by the deadline of the action.
---
--- Each attempt has a header traceparent (W3C Trace Context), unless the plugin sets one: it names the trace of the
--- action, the `trace_id` of its log, so that what servers record can be found from there.
---
--- In a dry run GET, HEAD, OPTIONS, TRACE and requests with `reads` are sent. Other requests, and those with a file as
--- sink, are added to the plan and return the response that the option `dry_run` describes, by default status 200 with
--- an empty body.

local check_options = require("bosun.options").check
local connection = require "bosun.http.connection"
local driver = require "bosun.http.driver"
local list_problem = require("bosun.native.list").problem
local native = require "bosun.native.http"
local request = require "bosun.http.request"
local websocket = require "bosun.http.websocket"

local http = {}

local CONCURRENCY = 16
local ALL = { concurrency = "positive" }

---@alias bosun.http.Text string|bosun.Secret

---@class bosun.http.Options
---@field method? string
---@field url? bosun.http.Text
---@field base_url? string put in front of a url without "http://"; for clients
---@field headers? table<string, bosun.http.Text|number|(string|number)[]> a list sends a header for each item
---@field query? table<string, bosun.http.Text|number|boolean|(string|number)[]> escaped and added to the URL
---@field body? bosun.http.Text
---@field json? any sent as JSON
---@field form? table<string, bosun.http.Text|number|boolean|(string|number)[]> sent as the fields of a form
---@field source? string|fun():string?,any path of a file to send, or a function that returns the next bytes, nil at
---the end, or nil and an error. A function's bytes are sent in chunks, or as many as the header Content-Length says
---@field sink? string|fun(bytes: string, resp: bosun.http.Response):boolean?,any takes the body of a 2xx reply: a
---path, whose file is replaced when the body is complete, or a function, which also gets the response as far as it is
---known, and ends the transfer by returning false, or nil and an error
---@field sync? boolean default false; true: the file of a sink is on disk before the call returns
---@field max_bytes? integer limit of the decompressed body; default 64 MiB in memory, none for a sink
---@field max_line? integer bytes of the longest line for http.stream; default 4 MiB
---@field timeout? number seconds for one attempt; default: until the deadline of the action
---@field connect_timeout? number seconds; default 10
---@field stall? number the request fails after so many seconds with less than one byte per second; 0: never; default
---60, never for http.stream
---@field unix_socket? string path of the socket to connect to, whatever the host of the URL
---@field tls? bosun.http.Tls
---@field proxy? bosun.http.Text|boolean URL; false: none
---@field auth? bosun.http.Auth
---@field retry? bosun.http.Retry
---@field follow? boolean|integer the most redirects to follow; true: 10. Default true for GET and HEAD, false for other
---methods. A redirect keeps method and body, but 303 leads to a GET, and so do 301 and 302 after a POST. A body that a
---function makes cannot be sent again: the error "redirect"
---@field reads? boolean the request changes nothing, whatever its method: a dry run sends it, too
---@field dry_run? { status?: integer, headers?: table<string, string>, body?: string } the response in a dry run
---@field traceparent? boolean default true; false: no header of that name, for a server that refuses what it does not
---know, or a signature that covers every header
---@field upgrade? string for http.connect: the protocol to switch to

---@class bosun.http.Tls
---@field ca? bosun.http.Text PEM text or path of the CAs to trust, and no others
---@field cert? bosun.http.Text PEM text or path of the client certificate
---@field key? bosun.http.Text PEM text or path of its key
---@field verify? boolean default true; false: accept any certificate
---@field server_name? string sent (SNI) and verified instead of the host of the URL; redirects are not followed

---@class bosun.http.Auth
---@field bearer? bosun.http.Text
---@field user? bosun.http.Text
---@field password? bosun.http.Text

--- Repeats a failed request: GET, HEAD, OPTIONS, TRACE, PUT and DELETE, with any_method the others, too. Never repeated
--- is a request with a function as source, or whose sink has received bytes, nor any past the deadline of the action.
---@class bosun.http.Retry
---@field max? integer the most attempts after the first; default 3
---@field backoff? number seconds before the second attempt, doubled for each further one; default 0.5
---@field max_wait? number longest pause in seconds, also for Retry-After; default 60
---@field on? (integer|string)[] statuses and error codes; default 429, 502, 503, 504 and connection failures.
---"retry_after": any status from 500 on whose reply has a Retry-After
---@field any_method? boolean also POST and PATCH, although the server may then act on them twice

--- Raises a problem of the options at the line of the plugin. The public functions return the results of their helpers
--- in tail calls, so no frame of this file is in between.
local function misuse(name, problem)
  error(("%s: %s"):format(name, problem), 3)
end

local function one(client, name, fixed, options)
  if options == nil then options = {} end
  local job, problem = request.prepare(client._defaults, options, fixed)
  if not job then misuse(name, problem) end
  driver.run(client._native, { job }, 1)
  return job.response, job.err
end

local function many(client, requests, options)
  local jobs, results = {}, {}
  local not_a_list = list_problem(requests)
  if not_a_list then misuse("http.all", "expected a list of requests, but " .. not_a_list) end
  options = check_options("http.all", options, ALL)
  for i, item in ipairs(requests) do
    local job, problem = request.prepare(client._defaults, item, {})
    if not job then misuse("http.all", ("request %d: %s"):format(i, problem)) end
    jobs[i] = job
  end
  driver.run(client._native, jobs, options.concurrency or CONCURRENCY)
  for i, job in ipairs(jobs) do results[i] = { job.response, job.err, response = job.response, err = job.err } end
  return results
end

local function stream(client, options, on_line)
  if type(on_line) ~= "function" then misuse("http.stream", "expected a function that takes a line") end
  if type(options) == "string" then options = { url = options } end
  if type(options) == "table" and options.sink then
    misuse("http.stream", "option sink: the lines go to the function")
  end
  return one(client, "http.stream", { on_line = on_line }, options)
end

---@class bosun.http.Client shares connections and options between its requests. Close it:
---`local client <close> = http.client{…}`
local Client = {}
Client.__index = Client

--- As http.request.
---@param options bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:request(options)
  return one(self, "http.request", {}, options)
end

--- As http.get.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:get(url, options)
  return one(self, "http.get", { method = "GET", url = url }, options)
end

--- As http.head.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:head(url, options)
  return one(self, "http.head", { method = "HEAD", url = url }, options)
end

--- As http.post.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:post(url, options)
  return one(self, "http.post", { method = "POST", url = url }, options)
end

--- As http.put.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:put(url, options)
  return one(self, "http.put", { method = "PUT", url = url }, options)
end

--- As http.patch.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:patch(url, options)
  return one(self, "http.patch", { method = "PATCH", url = url }, options)
end

--- As http.delete.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:delete(url, options)
  return one(self, "http.delete", { method = "DELETE", url = url }, options)
end

--- As http.all.
---@param requests bosun.http.Options[]
---@param options? { concurrency?: integer }
---@return bosun.http.Result[]
function Client:all(requests, options)
  return many(self, requests, options)
end

--- As http.stream.
---@param options bosun.http.Options|string
---@param on_line fun(line: string):boolean?,any
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function Client:stream(options, on_line)
  return stream(self, options, on_line)
end

--- As http.connect. The connection is not shared with other requests.
---@param url bosun.http.Text
---@param options bosun.http.Options
---@return bosun.http.Connection|nil connection
---@return bosun.Error|nil err
function Client:connect(url, options)
  return connection.open(self, url, options)
end

--- As http.websocket. The connection is not shared with other requests.
---@param url bosun.http.Text
---@param options? bosun.http.WebSocketOptions
---@return bosun.http.WebSocket|nil ws
---@return bosun.Error|nil err
function Client:websocket(url, options)
  return websocket.open(self, url, options)
end

--- Closes the connections. Requests after that raise an error; closing again does nothing.
function Client:close()
  self._native:close()
end

Client.__close = Client.close

--- Makes a client. Its options are defaults of its requests, which can override each (and each header).
---@param defaults? bosun.http.Options
---@return bosun.http.Client
function http.client(defaults)
  defaults = defaults or {}
  local ok, problem = request.check(defaults)
  if not ok then error("http.client: " .. problem, 2) end
  local connections = native.transport and require("bosun.http.transport").client() or native.client()
  return setmetatable({ _defaults = defaults, _native = connections }, Client)
end

local shared = http.client()

--- Sends a request and waits for the reply.
---@param options bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function http.request(options)
  return one(shared, "http.request", {}, options)
end

--- Sends a request with the method GET.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function http.get(url, options)
  return one(shared, "http.get", { method = "GET", url = url }, options)
end

--- Sends a request with the method HEAD.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function http.head(url, options)
  return one(shared, "http.head", { method = "HEAD", url = url }, options)
end

--- Sends a request with the method POST.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function http.post(url, options)
  return one(shared, "http.post", { method = "POST", url = url }, options)
end

--- Sends a request with the method PUT.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function http.put(url, options)
  return one(shared, "http.put", { method = "PUT", url = url }, options)
end

--- Sends a request with the method PATCH.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function http.patch(url, options)
  return one(shared, "http.patch", { method = "PATCH", url = url }, options)
end

--- Sends a request with the method DELETE.
---@param url bosun.http.Text
---@param options? bosun.http.Options
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err
function http.delete(url, options)
  return one(shared, "http.delete", { method = "DELETE", url = url }, options)
end

---@class bosun.http.Result { response, err }, in two ways: result[1] or result.response, result[2] or result.err
---@field response? bosun.http.Response
---@field err? bosun.Error

--- Sends many requests, several at once. A failed request is a result like any other.
---@param requests bosun.http.Options[]
---@param options? { concurrency?: integer } requests at once; default 16
---@return bosun.http.Result[] results in the order of the requests
function http.all(requests, options)
  return many(shared, requests, options)
end

--- Passes the body of a 2xx reply to a function line by line, as it arrives and in constant memory. Lines end with "\n"
--- or "\r\n", which is removed.
---@param options bosun.http.Options|string a request, or the URL of a GET
---@param on_line fun(line: string):boolean?,any returns false to stop, or nil and an error
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err code "too_large": a line is longer than max_line
function http.stream(options, on_line)
  return stream(shared, options, on_line)
end

--- Asks the server to switch to another protocol, and returns the connection, as attach and exec of Docker need it. The
--- plugin speaks the protocol. For WebSockets, see http.websocket.
---@param url bosun.http.Text http or https
---@param options bosun.http.Options with `upgrade` ("websocket", "tcp"); `timeout` limits the wait for the reply
---@return bosun.http.Connection|nil connection
---@return bosun.Error|nil err code "upgrade": the server gave another reply, which is in `err.response`
function http.connect(url, options)
  return connection.open(shared, url, options)
end

--- Opens a WebSocket (RFC 6455).
---
---     local ws <close> = assert(http.websocket("https://host/events", { protocols = { "v1" } }))
---     assert(ws:send("hello", { text = true }))
---     local message = assert(ws:recv { timeout = 5 })
---
---@param url bosun.http.Text http or https
---@param options? bosun.http.WebSocketOptions `timeout` limits the wait for the reply
---@return bosun.http.WebSocket|nil ws
---@return bosun.Error|nil err code "upgrade": the server gave another reply, which is in `err.response`; "protocol": it
---does not open a WebSocket
function http.websocket(url, options)
  return websocket.open(shared, url, options)
end

--- Escapes text for the path or query of a URL: all bytes but letters, digits and "-._~" become %XX.
---@param text string
---@return string
function http.escape(text)
  if type(text) ~= "string" then error(("http.escape: expected a string, got a %s"):format(type(text)), 2) end
  return request.escape(text)
end

return http
