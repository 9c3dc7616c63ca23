--- HTTP and HTTPS, on libcurl, which is loaded by the first request.
---
---     local resp = assert(http.get("https://host/models/1", { auth = { bearer = token }, retry = { max = 3 } }))
---     if not resp.ok then return nil, resp.status .. ": " .. resp.body end
---
--- A reply with any status is a response; what kept the reply from coming is `nil, err`, where `err.code` is "dns",
--- "connect" or the name of an errno value ("ECONNREFUSED"), "timeout" (of the request), "deadline" (of the action),
--- "cancelled", "tls", "closed" (the connection ended too early), "protocol" (not HTTP), "redirect", "too_large",
--- "upgrade", "invalid", or that of a file operation ("ENOSPC"). Wrong options raise.
---
--- Certificates are verified, by the system's CAs or by `tls.ca`. URLs and redirects are http and https; a redirect to
--- another host does not get the headers Authorization and Cookie, but does get the others. Proxies are those of the
--- environment (https_proxy, http_proxy, all_proxy, no_proxy). Every request ends with the action's deadline.
---
--- In a dry run GET, HEAD, OPTIONS and TRACE are sent. The others, and those whose sink is a file, are noted in the
--- plan, and return the response that the option `dry_run` describes: status 200 and an empty body.

local check_options = require("bosun.options").check
local driver = require "bosun.http.driver"
local native = require "bosun.native.http"
local request = require "bosun.http.request"
local response = require "bosun.http.response"
local time = require "bosun.time"

local http = {}

local CONCURRENCY = 16
local ALL = { concurrency = "positive" }

---@alias bosun.http.Text string|bosun.Secret

---@class bosun.http.Options
---@field method? string
---@field url? bosun.http.Text
---@field base_url? string what a url without "http://" is put behind; for clients
---@field headers? table<string, bosun.http.Text|number|(string|number)[]> a list sends the header several times
---@field query? table<string, bosun.http.Text|number|boolean|(string|number)[]> added to the URL, escaped
---@field body? bosun.http.Text
---@field json? any sent as JSON
---@field form? table<string, bosun.http.Text|number|boolean|(string|number)[]> sent as a form's fields
---@field source? string|fun():string?,any path of a file to send, or a function that returns the next bytes, nil at
---the end, or nil and an error. A function's bytes are sent in chunks, unless the header Content-Length says how many
---there are
---@field sink? string|fun(bytes: string):boolean?,any where the body of a 2xx reply goes: a path, which is replaced
---once everything is there, or a function, which ends the transfer by returning false, or nil and an error
---@field sync? boolean default false; true: a sink's file is on disk before the call returns
---@field max_bytes? integer of the reply's body, decompressed; default 64 MiB in memory, no limit for a sink
---@field max_line? integer longest line for http.stream, default 4 MiB
---@field timeout? number seconds for one attempt; default: until the action's deadline
---@field connect_timeout? number seconds, default 10
---@field stall? number seconds with less than a byte a second, after which it fails; default 60, none for http.stream;
---0: none
---@field unix_socket? string path of the socket to connect to; the URL's host is only a name then
---@field tls? bosun.http.Tls
---@field proxy? bosun.http.Text|boolean URL; false: none
---@field auth? bosun.http.Auth
---@field retry? bosun.http.Retry
---@field follow? boolean|integer redirects, true: 10. Default true for GET and HEAD, false for the others, which keep
---their method when they are redirected (POST turns into GET on 301, 302 and 303)
---@field dry_run? { status?: integer, headers?: table<string, string>, body?: string } the response in a dry run
---@field upgrade? string for http.connect: the protocol to switch to

---@class bosun.http.Tls
---@field ca? bosun.http.Text PEM text or path: the CAs to trust instead of the system's
---@field cert? bosun.http.Text PEM text or path of the client's certificate
---@field key? bosun.http.Text PEM text or path of its key
---@field verify? boolean default true; false: talk to anyone
---@field server_name? string asked for (SNI) and verified instead of the URL's host; redirects are not followed then

---@class bosun.http.Auth
---@field bearer? bosun.http.Text
---@field user? bosun.http.Text
---@field password? bosun.http.Text

--- Repeats a request that failed. Only GET, HEAD, OPTIONS, TRACE, PUT and DELETE, unless any_method says otherwise;
--- never one whose source is a function, or whose sink has got something already; never past the action's deadline.
---@class bosun.http.Retry
---@field max? integer how many attempts more than the first; default 3
---@field backoff? number seconds before the second attempt, twice as many before each further one; default 0.5
---@field max_wait? number longest pause in seconds, whatever Retry-After says; default 60
---@field on? (integer|string)[] statuses and error codes; default 429, 502, 503, 504 and failed connections
---@field any_method? boolean also POST and PATCH, which may then be done twice

--- A problem with the options is raised where the plugin called. Callers return these functions' results directly, so
--- that no frame of this file lies between.
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
  if type(requests) ~= "table" then misuse("http.all", "expected a list of requests") end
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
  if type(options) == "table" and options.sink then misuse("http.stream", "lines go to the function, not to a sink") end
  return one(client, "http.stream", { on_line = on_line }, options)
end

---@class bosun.http.Connection a connection that HTTP only opened: bytes both ways. To be closed: `local c <close> = …`
---@field status integer 101
---@field headers bosun.http.Headers
---@field dry_run boolean nothing is connected: what is sent is dropped, and nothing comes
local Connection = {}
Connection.__index = Connection

--- Sends all of the bytes.
---@param bytes string
---@return true|nil ok
---@return bosun.Error|nil err
function Connection:send(bytes)
  if self.dry_run then return true end
  return self._native:send(bytes)
end

--- Waits for bytes.
---@param options? { max?: integer, timeout?: number } max: bytes at once, default 64 KiB; timeout: seconds
---@return string|nil bytes nil: the other side has ended, or failed
---@return bosun.Error|nil err
function Connection:recv(options)
  if self.dry_run then return nil end
  return self._native:recv(options)
end

--- Closes it; closing again does nothing.
function Connection:close()
  if self._native then self._native:close() end
end

Connection.__close = Connection.close

local function add_upgrade(headers, protocol)
  headers[#headers + 1] = "Connection"
  headers[#headers + 1] = "Upgrade"
  headers[#headers + 1] = "Upgrade"
  headers[#headers + 1] = protocol
end

local function planned_connection(job)
  local resp = response.planned(job)
  return setmetatable({ status = 101, headers = resp.headers, dry_run = true }, Connection)
end

local function connect(client, url, options)
  options = options or {}
  local job, problem = request.prepare(client._defaults, options, { url = url })
  if not job then misuse("http.connect", problem) end
  if options.sink or options.source then
    misuse("http.connect", "bytes go through the connection, not a sink or source")
  end
  if not options.upgrade then misuse("http.connect", "option upgrade: expected the protocol to switch to") end
  job.attempt = 1
  add_upgrade(job.native.headers, options.upgrade)
  if not native.effect("http.connect", job.native.shown_url) then return planned_connection(job) end
  local started = time.monotonic()
  local connection, reply, refusal = native.connect(job.native)
  native.trace("http.connect", job.label, started, connection and tostring(reply.status) or tostring(reply))
  if connection then
    local headers = response.new(reply, job).headers
    return setmetatable({ _native = connection, status = reply.status, headers = headers, dry_run = false }, Connection)
  end
  reply.response = refusal and response.new(refusal, job)
  return nil, reply
end

---@class bosun.http.Client keeps connections open between its requests, and options that they share. To be closed:
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

--- As http.connect. The connection is its own, not one that the client keeps.
---@param url bosun.http.Text
---@param options bosun.http.Options
---@return bosun.http.Connection|nil connection
---@return bosun.Error|nil err
function Client:connect(url, options)
  return connect(self, url, options)
end

--- Closes the connections; a request after that raises. Closing again does nothing.
function Client:close()
  self._native:close()
end

Client.__close = Client.close

--- Makes a client. Its options are defaults for each of its requests, whose own take their place (headers by name).
---@param defaults? bosun.http.Options
---@return bosun.http.Client
function http.client(defaults)
  defaults = defaults or {}
  local ok, problem = request.check(defaults)
  if not ok then error("http.client: " .. problem, 2) end
  return setmetatable({ _defaults = defaults, _native = native.client() }, Client)
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

--- Sends many requests, several at once. One that fails is a result like others.
---@param requests bosun.http.Options[]
---@param options? { concurrency?: integer } how many at once, default 16
---@return bosun.http.Result[] results in the order of the requests
function http.all(requests, options)
  return many(shared, requests, options)
end

--- Hands on the body of a 2xx reply line by line, as it comes, in constant memory, until the server ends it. Lines end
--- in "\n" or "\r\n", which is cut off.
---@param options bosun.http.Options|string a request, or the URL of a GET
---@param on_line fun(line: string):boolean?,any returns false to stop, or nil and an error to fail
---@return bosun.http.Response|nil resp
---@return bosun.Error|nil err code "too_large": a line is longer than max_line
function http.stream(options, on_line)
  return stream(shared, options, on_line)
end

--- Asks the server to switch to another protocol, and hands over the connection: for WebSockets, and for what Docker
--- and Kubernetes call attach and exec. The protocol is the plugin's.
---@param url bosun.http.Text http or https
---@param options bosun.http.Options with `upgrade` ("websocket", "tcp"); `timeout` is for the reply to the request
---@return bosun.http.Connection|nil connection
---@return bosun.Error|nil err code "upgrade": the server answered something else, which is in `err.response`
function http.connect(url, options)
  return connect(shared, url, options)
end

--- Text as one component of a URL's path or query: every byte but letters, digits and "-._~" as %XX.
---@param text string
---@return string
function http.escape(text)
  if type(text) ~= "string" then error(("http.escape: expected a string, got a %s"):format(type(text)), 2) end
  return request.escape(text)
end

return http
