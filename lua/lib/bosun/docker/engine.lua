--- Internal: an engine: how to connect to it, which version of its API to use, and how to send requests. The requests
--- themselves are in the other files of this folder, each of which adds methods to the class.

local credentials = require "bosun.registry.credentials"
local effect = require "bosun.effect"
local endpoint = require "bosun.docker.endpoint"
local errors = require "bosun.docker.errors"
local http = require "bosun.http"
local json = require "bosun.json"
local list_problem = require("bosun.native.list").problem
local log = require "bosun.log"
local options_of = require("bosun.options").check
local tables = require "bosun.tables"

local OLDEST, NEWEST = "1.41", "1.51"
local SAFE = { GET = true, HEAD = true }
local AWAY = { "ENOENT", "ECONNREFUSED", "ECONNRESET", "closed" }
--- An engine that restarts is away for a moment.
local RETRY = { max = 2, backoff = 0.25, on = AWAY }

local CALL = {
  query = "table", headers = "table", timeout = "timeout", what = "string",
  json = "table|string|number|boolean", dry_run = "table|string|number|boolean",
}
local CONNECT = { host = "string", tls = "table|string|boolean", timeout = "timeout", config_file = "string" }

---@class bosun.docker.Options
---@field host? string "unix:///PATH", "tcp://HOST[:PORT]" or "http(s)://HOST[:PORT]"; default: the environment's
---DOCKER_HOST, else the docker program's context (DOCKER_CONTEXT, else currentContext of its config.json), else
---"unix:///var/run/docker.sock"
---@field tls? bosun.http.Tls|string|false a folder with ca.pem, cert.pem and key.pem, or options of bosun.http; false:
---none. Default: the files of the context; without one, when DOCKER_TLS_VERIFY is set, the folder DOCKER_CERT_PATH,
---else ~/.docker
---@field timeout? number seconds for an ordinary call; default 60
---@field config_file? string of the Docker client, for registry credentials; default config.json in DOCKER_CONFIG,
---else in ~/.docker

---@class bosun.docker.CallOptions
---@field query? table<string, any> tables in it are sent as JSON
---@field json? any the body
---@field headers? table<string, string>
---@field timeout? number seconds; default: the engine's
---@field what? string what the call does, for messages and the plan: "create container x"
---@field dry_run? any what a dry run returns instead of sending anything but GET and HEAD; default true

--- An engine, to be closed after use: `local engine <close> = assert(docker.connect())`. A call that fails returns nil
--- and a bosun.docker.Error.
---@class bosun.docker.Engine
---@field host string its address, for people
---@field api_version string of the API in use: "1.41"
---@field server_version string of the engine: "20.10.24"
---@field min_api_version string the oldest API that the engine supports
---@field kind "docker"|"podman"
---@field is_local boolean whether the connection is a Unix socket
---@field hostname string where published ports are reachable: "127.0.0.1" for a Unix socket, else the host of its URL
local Engine = {}
Engine.__index = Engine

--- Closes the connections. Closing again does nothing.
function Engine:close()
  self._client:close()
end

Engine.__close = Engine.close

-- ---- requests -------------------------------------------------------------------------------------------------------

local function query_text(value)
  if type(value) == "table" then return json.encode(value, { sort = true }) end
  return value
end

local function query_of(query)
  local texts = {}
  for name, value in pairs(query or {}) do texts[name] = query_text(value) end
  return texts
end

--- A source, and a function that returns the error with which the source ended.
local function watched(source)
  local failure
  if not source then return nil, function() end end
  local function read()
    local bytes, err = source()
    if bytes == nil then failure = err end
    return bytes, err
  end
  return read, function() return failure end
end

--- Sends a request to a path that includes the version. Options as in CallOptions, plus source, sink and on_line of
--- bosun.http; timeout false: none. Any 2xx and 304 is a success.
function Engine:_send(method, path, options)
  local what = options.what or method .. " " .. path
  local timeout = options.timeout
  if timeout == nil then timeout = self._timeout end
  local source, unread = watched(options.source)
  local request = {
    method = method, url = path, query = query_of(options.query), json = options.json, headers = options.headers,
    source = source, sink = options.sink, timeout = timeout or nil, stall = 0, follow = false,
    retry = SAFE[method] and RETRY or nil,
  }
  local resp, err
  if options.on_line then
    resp, err = self._client:stream(request, options.on_line)
  else
    resp, err = self._client:request(request)
  end
  if not resp and unread() then return nil, errors.wrap(unread(), what) end
  if not resp then return nil, errors.unreached(self.host, what, err) end
  if resp.ok or resp.status == 304 then return resp end
  return nil, errors.refused(self.host, what, resp)
end

--- The JSON of a reply, or true when it is empty.
function Engine:_value(resp, what)
  if resp.body:find "^%s*$" then return true end
  local value, err = resp:json()
  if value ~= nil then return value end
  return nil, errors.new {
    code = "protocol", status = resp.status,
    message = ("%s: the reply from %s is not JSON (%s): %s"):format(what, self.host, err.message,
      errors.text_of(resp.body)),
  }
end

--- Sends a request and reads the reply.
function Engine:_ask(method, path, options)
  local resp, err = self:_send(method, "/v" .. self.api_version .. path, options)
  if not resp then return nil, err end
  return self:_value(resp, options.what or method .. " " .. path)
end

--- Like _ask, when only success counts.
function Engine:_do(method, path, options)
  local resp, err = self:_send(method, "/v" .. self.api_version .. path, options)
  if not resp then return nil, err end
  return true
end

--- Like _ask, for lists; Podman sends null for an empty one.
function Engine:_list(path, options)
  local value, err = self:_ask("GET", path, options)
  if value == nil then return nil, err end
  return type(value) == "table" and value or json.array {}
end

--- Any call of the engine's API. In a dry run, all but GET and HEAD are noted in the plan.
---@param method string
---@param path string without the version: "/containers/json"; escaped where necessary (http.escape)
---@param options? bosun.docker.CallOptions
---@return any|nil value the JSON of the reply; true when it is empty
---@return bosun.docker.Error|nil err
function Engine:call(method, path, options)
  options = options_of("engine:call", options, CALL)
  if SAFE[method] or effect.begin("docker." .. method:lower(), options.what or path) then
    return self:_ask(method, path, options)
  end
  if options.dry_run == nil then return true end
  return options.dry_run
end

--- Checks that the engine answers.
---@return true|nil ok
---@return bosun.docker.Error|nil err
function Engine:ping()
  local resp, err = self:_send("GET", "/_ping", { what = "ping" })
  if not resp then return nil, err end
  return true
end

--- Information about the engine and its machine.
---@return table|nil info
---@return bosun.docker.Error|nil err
function Engine:info()
  return self:_ask("GET", "/info", { what = "ask for the engine's state" })
end

--- 1041 for "1.41"; nil for anything that is not a version.
local function number_of(version)
  local major, minor = tostring(version):match "^(%d+)%.(%d+)$"
  return major and tonumber(major) * 1000 + tonumber(minor)
end

-- ---- names and filters ----------------------------------------------------------------------------------------------

--- The path of an object: "/containers/ID/start". nil, err: not a valid ID.
function Engine:_path(collection, id, action)
  if type(id) ~= "string" then
    error(("%s: expected an ID or a name, got a %s"):format(collection, type(id)), 3)
  end
  id = id:gsub("^/", "")
  if id == "" or id:find "[/%c]" or id:find "^%.+$" or #id > 255 then
    return nil, errors.invalid("ask for one of " .. collection, "%q is not a valid ID or name", id)
  end
  return ("/%s/%s%s"):format(collection, http.escape(id), action and "/" .. action or "")
end

--- Does the engine have what came with this version of the API?
function Engine:_has_api(version)
  return number_of(self.api_version) >= number_of(version)
end

--- Filters in the API's format, or nil for none. Labels: { key = "value", other = true (any value) }.
function Engine:_filters(labels, filters)
  local all = {}
  for name, values in pairs(filters or {}) do
    local texts = {}
    local problem = type(values) == "table" and list_problem(values)
    if problem then error(("filter %s: expected a list of values, but %s"):format(name, problem), 0) end
    for i, value in ipairs(type(values) == "table" and values or { values }) do texts[i] = tostring(value) end
    all[name] = json.array(texts)
  end
  if labels and next(labels) then
    local texts = tables.assignments(labels)
    all.label = json.array(table.move(texts, 1, #texts, #(all.label or {}) + 1, all.label or {}))
  end
  return next(all) and all or nil
end

--- An ID as it appears in messages.
function Engine:_short(id)
  local hex = id:gsub("^sha256:", "")
  return #hex == 64 and not hex:find "%X" and hex:sub(1, 12) or id
end

--- A table of strings, such as labels or build arguments.
function Engine:_texts(map)
  local texts = {}
  for key, value in pairs(map or {}) do texts[key] = tostring(value) end
  return texts
end

-- ---- connecting -----------------------------------------------------------------------------------------------------

local function is_podman(version)
  for _, component in ipairs(type(version.Components) == "table" and version.Components or {}) do
    if type(component) == "table" and tostring(component.Name):find "^Podman" then return true end
  end
  return false
end

--- The newest version that both sides support.
local function negotiate(host, version, oldest)
  local newest_there, oldest_there = number_of(version.ApiVersion), number_of(oldest)
  local problem
  if newest_there < number_of(OLDEST) then
    problem = "the engine is too old: update it to Docker 20.10 or later"
  elseif oldest_there > number_of(NEWEST) then
    problem = "the engine is too new: update this program"
  else
    return newest_there < number_of(NEWEST) and version.ApiVersion or NEWEST
  end
  return nil, errors.new {
    code = "unsupported",
    message = ("connect: %s (the one at %s supports the API versions %s to %s, this program %s to %s)"):format(problem,
      host, oldest, version.ApiVersion, OLDEST, NEWEST),
  }
end

local function not_an_engine(engine, status, said)
  return errors.new {
    code = "protocol", status = status,
    message = ("connect: the server at %s is not a Docker Engine (GET /version: %d, %s)"):format(engine.host, status,
      said),
  }
end

--- Asks the engine for its versions.
local function greet(engine)
  local resp, err = engine:_send("GET", "/version", { what = "connect" })
  if not resp and err.is_strange then return nil, not_an_engine(engine, err.status, err.engine_message) end
  if not resp then return nil, err end
  local version = resp:json()
  if type(version) ~= "table" or not number_of(version.ApiVersion) then
    return nil, not_an_engine(engine, resp.status, (errors.text_of(resp.body)))
  end
  engine.kind = is_podman(version) and "podman" or "docker"
  engine.server_version = tostring(version.Version)
  engine.min_api_version = number_of(version.MinAPIVersion) and version.MinAPIVersion or version.ApiVersion
  engine.api_version, err = negotiate(engine.host, version, engine.min_api_version)
  if not engine.api_version then return nil, err end
  log.debug("docker engine", { host = engine.host, kind = engine.kind, version = engine.server_version,
    api = engine.api_version })
  return engine
end

--- See docker.connect.
function Engine._connect(options)
  options = options_of("docker.connect", options, CONNECT)
  local place, problem = endpoint.resolve(options.host, options.tls)
  if not place then return nil, problem end
  local client = http.client {
    base_url = place.base_url, unix_socket = place.unix_socket, tls = place.tls, connect_timeout = 10,
    proxy = not place.is_local, -- true: that of the environment
  }
  local engine = setmetatable({
    host = place.host, is_local = place.is_local, hostname = place.hostname, _client = client,
    _timeout = options.timeout or 60, _config_file = options.config_file or credentials.default_file(),
  }, Engine)
  local connected, err = greet(engine)
  if connected then return connected end
  engine:close()
  return nil, err
end

return Engine
