--- Internal: an engine: how it is reached, which version of its API is spoken, and how it is asked. What it can be
--- asked for is in the files beside this one, each of which adds methods to the class.

local credentials = require "bosun.docker.credentials"
local effect = require "bosun.effect"
local endpoint = require "bosun.docker.endpoint"
local errors = require "bosun.docker.errors"
local http = require "bosun.http"
local json = require "bosun.json"
local log = require "bosun.log"
local options_of = require("bosun.docker.options").check

local OLDEST, NEWEST = "1.41", "1.51"
local SAFE = { GET = true, HEAD = true }
local AWAY = { "ENOENT", "ECONNREFUSED", "ECONNRESET", "closed" }
--- A restarted engine is away for moments.
local RETRY = { max = 2, backoff = 0.25, on = AWAY }

local CALL = {
  query = "table", headers = "table", timeout = "number", what = "string",
  json = "table string integer float boolean", dry_run = "table string integer float boolean",
}
local CONNECT = { host = "string", tls = "table string boolean", timeout = "number", config_file = "string" }

---@class bosun.docker.Options
---@field host? string "unix:///PATH", "tcp://HOST[:PORT]" or "http(s)://HOST[:PORT]"; default: DOCKER_HOST of the
---environment, else "unix:///var/run/docker.sock"
---@field tls? bosun.http.Tls|string|false a folder with ca.pem, cert.pem and key.pem, or what bosun.http takes; false:
---none. Default, when DOCKER_TLS_VERIFY is set: the folder DOCKER_CERT_PATH, else ~/.docker
---@field timeout? number seconds for an ordinary call; default 60
---@field config_file? string of the Docker client, for credentials of registries; default config.json in DOCKER_CONFIG,
---else in ~/.docker

---@class bosun.docker.CallOptions
---@field query? table<string, any> values that are tables are sent as JSON
---@field json? any the body
---@field headers? table<string, string>
---@field timeout? number seconds; default: the engine's
---@field what? string what the call does, for messages and the plan: "create container x"
---@field dry_run? any what a dry run returns in place of sending anything but GET and HEAD; default true

--- An engine, to be closed: `local engine <close> = assert(docker.connect())`. Calls return nil and a
--- bosun.docker.Error when they fail.
---@class bosun.docker.Engine
---@field host string its address, for people
---@field api_version string of the API that is spoken: "1.41"
---@field server_version string of the engine: "20.10.24"
---@field min_api_version string the oldest API that the engine speaks
---@field kind "docker"|"podman"
---@field is_local boolean it is reached by a Unix socket
---@field hostname string where published ports are reached: "127.0.0.1" for a Unix socket, else the host of its URL
local Engine = {}
Engine.__index = Engine

--- Closes the connections; again does nothing.
function Engine:close()
  self._client:close()
end

Engine.__close = Engine.close

-- ---- asking ---------------------------------------------------------------------------------------------------------

local function query_text(value)
  if type(value) == "table" then return json.encode(value, { sort = true }) end
  return value
end

local function query_of(query)
  local texts = {}
  for name, value in pairs(query or {}) do texts[name] = query_text(value) end
  return texts
end

--- A source of which the second result knows the error that it gave back.
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

--- Sends a request to a path with its version. Options as in CallOptions, and source, sink, on_line of bosun.http;
--- timeout false: none. Any 2xx and 304 is a response.
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
  if not resp and unread() then return nil, errors.unread(what, unread()) end
  if not resp then return nil, errors.unreached(self.host, what, err) end
  if resp.ok or resp.status == 304 then return resp end
  return nil, errors.refused(self.host, what, resp)
end

--- What a response holds: JSON, or true when it is empty.
function Engine:_value(resp, what)
  if resp.body:find "^%s*$" then return true end
  local value, err = resp:json()
  if value ~= nil then return value end
  return nil, errors.new {
    code = "protocol", status = resp.status,
    message = ("%s: %s answered with something that is not JSON (%s): %s"):format(what, self.host, err.message,
      errors.text_of(resp.body)),
  }
end

--- Sends a request and reads its answer.
function Engine:_ask(method, path, options)
  local resp, err = self:_send(method, "/v" .. self.api_version .. path, options)
  if not resp then return nil, err end
  return self:_value(resp, options.what or method .. " " .. path)
end

--- As _ask, for answers of which only the success counts.
function Engine:_do(method, path, options)
  local resp, err = self:_send(method, "/v" .. self.api_version .. path, options)
  if not resp then return nil, err end
  return true
end

--- As _ask, for answers that are a list; Podman says null when it is empty.
function Engine:_list(path, options)
  local value, err = self:_ask("GET", path, options)
  if value == nil then return nil, err end
  return type(value) == "table" and value or json.array {}
end

--- Any call of the engine's API. In a dry run all but GET and HEAD are noted in the plan.
---@param method string
---@param path string without the version: "/containers/json"; escaped where it has to be (http.escape)
---@param options? bosun.docker.CallOptions
---@return any|nil value the answer's JSON; true when it is empty
---@return bosun.docker.Error|nil err
function Engine:call(method, path, options)
  options = options_of("engine:call", options, CALL)
  if SAFE[method] or effect.begin("docker." .. method:lower(), options.what or path) then
    return self:_ask(method, path, options)
  end
  if options.dry_run == nil then return true end
  return options.dry_run
end

--- Is the engine there, and does it answer?
---@return true|nil ok
---@return bosun.docker.Error|nil err
function Engine:ping()
  local resp, err = self:_send("GET", "/_ping", { what = "ping" })
  if not resp then return nil, err end
  return true
end

--- What the engine says about itself and its machine.
---@return table|nil info
---@return bosun.docker.Error|nil err
function Engine:info()
  return self:_ask("GET", "/info", { what = "ask for the engine's state" })
end

-- ---- names and filters ----------------------------------------------------------------------------------------------

--- The path of an object: "/containers/ID/start". `kind`: "container". nil, err: the ID cannot be one.
function Engine:_path(collection, id, action)
  if type(id) ~= "string" then
    error(("%s: expected an ID or a name, got a %s"):format(collection, type(id)), 3)
  end
  id = id:gsub("^/", "")
  if id == "" or id:find "[/%c]" or id:find "^%.+$" or #id > 255 then
    return nil, errors.invalid("ask for one of " .. collection, "%q cannot be an ID or a name", id)
  end
  return ("/%s/%s%s"):format(collection, http.escape(id), action and "/" .. action or "")
end

local function label_texts(labels)
  local texts = {}
  for key, value in pairs(labels) do
    texts[#texts + 1] = value == true and key or ("%s=%s"):format(key, tostring(value))
  end
  table.sort(texts)
  return texts
end

--- Filters as the API has them, or nil for none. Labels: { key = "value", other = true (any value) }.
function Engine:_filters(labels, filters)
  local all = {}
  for name, values in pairs(filters or {}) do
    local texts = {}
    for i, value in ipairs(type(values) == "table" and values or { values }) do texts[i] = tostring(value) end
    all[name] = json.array(texts)
  end
  if labels and next(labels) then
    local texts = label_texts(labels)
    all.label = json.array(table.move(texts, 1, #texts, #(all.label or {}) + 1, all.label or {}))
  end
  return next(all) and all or nil
end

--- An ID as messages show it.
function Engine:_short(id)
  local hex = id:gsub("^sha256:", "")
  return #hex == 64 and not hex:find "%X" and hex:sub(1, 12) or id
end

--- A table with text keys that stays an object when it is empty: labels, build arguments.
function Engine:_texts(map)
  local texts = {}
  for key, value in pairs(map or {}) do texts[key] = tostring(value) end
  return texts
end

-- ---- connecting -----------------------------------------------------------------------------------------------------

--- 1041 for "1.41"; nil for what is no version.
local function number_of(version)
  local major, minor = tostring(version):match "^(%d+)%.(%d+)$"
  return major and tonumber(major) * 1000 + tonumber(minor)
end

local function is_podman(version)
  for _, component in ipairs(type(version.Components) == "table" and version.Components or {}) do
    if type(component) == "table" and tostring(component.Name):find "^Podman" then return true end
  end
  return false
end

--- The version both sides speak, or nil and why there is none.
local function negotiate(host, version, oldest)
  local newest_there, oldest_there = number_of(version.ApiVersion), number_of(oldest)
  local problem
  if newest_there < number_of(OLDEST) then
    problem = "is too old: its engine has to be updated (Docker 20.10 or later)"
  elseif oldest_there > number_of(NEWEST) then
    problem = "is too new: this program has to be updated"
  else
    return newest_there < number_of(NEWEST) and version.ApiVersion or NEWEST
  end
  return nil, errors.new {
    code = "unsupported",
    message = ("connect: the engine at %s speaks the API versions %s to %s, this program %s to %s: it %s"):format(host,
      oldest, version.ApiVersion, OLDEST, NEWEST, problem),
  }
end

local function not_an_engine(engine, status, said)
  return errors.new {
    code = "protocol", status = status,
    message = ("connect: what answers at %s is not a Docker Engine (GET /version: %d, %s)"):format(engine.host, status,
      said),
  }
end

--- Asks which versions the engine speaks.
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
    proxy = not place.is_local, -- those of the environment, or none
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
