--- Internal: a client of registries: where they are, how they let it in, and how requests are sent. The requests
--- themselves are in the other files of this folder, each of which adds methods to the class.

local access = require "bosun.registry.access"
local auth_file = require "bosun.registry.auth_file"
local credentials = require "bosun.registry.credentials"
local errors = require "bosun.registry.errors"
local http = require "bosun.http"
local options_of = require("bosun.options").check
local reference = require "bosun.registry.reference"
local tables = require "bosun.tables"

local HOSTS = { [auth_file.HUB] = "registry-1.docker.io" }
local TIMEOUT = 60
local STALL = 120 -- a registry that checks what it has received is silent meanwhile
local RETRY = { max = 4, backoff = 0.5, max_wait = 30, any_method = true }
local WANTS_TLS = { protocol = true, closed = true, ECONNRESET = true } -- how servers refuse to do without

local OPTIONS = {
  auth = "list|boolean", configs = "list", config_file = "string", insecure = "list|boolean", tls = "table",
  timeout = "timeout", chunk_size = "positive", on_progress = "function",
}

---@class bosun.registry.Options
---@field auth? bosun.registry.Credentials[]|false each for the registry, or the part of one, that its serveraddress
---names; false: none, not even those of the other options
---@field configs? { text: string|bosun.Secret, source: string }[] texts of the Docker client's config, such as a Secret
---of the type kubernetes.io/dockerconfigjson has, and what each is, for messages. They come before the file
---@field config_file? string the Docker client's config, or Podman's auth.json; default config.json in DOCKER_CONFIG,
---else in ~/.docker
---@field insecure? string[]|true registries ("host:5000") that may be asked without TLS, or with a certificate that
---does not verify; true: all. Those on this machine (localhost, 127.0.0.0/8) may be asked without TLS in any case
---@field tls? table<string, bosun.http.Tls> by registry
---@field timeout? number seconds for a request without a blob; default 60
---@field chunk_size? integer the most bytes of a request of an upload; default: all in one, or 48 MiB where a server in
---between refuses that
---@field on_progress? fun(text: string) gets a line now and then; default: the log

--- A client, to be closed after use: `local client <close> = registry.client()`. A call that fails returns nil and a
--- bosun.registry.Error.
---@class bosun.registry.Client
local Client = {}
Client.__index = Client

--- Closes the connections. Closing again does nothing.
function Client:close()
  self._http:close()
  self._apart:close()
end

Client.__close = Client.close

local function check_auth(list)
  for i, auth in ipairs(list or {}) do
    if type(auth) ~= "table" or type(auth.serveraddress) ~= "string" then
      error(("registry.client: option auth: entry %d has no serveraddress"):format(i), 4)
    end
  end
end

local function by_address(list)
  local map = {}
  for _, auth in ipairs(list) do map[auth.serveraddress] = auth end
  return map
end

local function set_of(list)
  local set = {}
  for _, item in ipairs(type(list) == "table" and list or {}) do set[item] = true end
  return set
end

function Client._new(options)
  options = options_of("registry.client", options, OPTIONS, 3)
  check_auth(options.auth)
  return setmetatable({
    _http = http.client { stall = STALL }, _apart = http.client { stall = STALL }, _retry = RETRY,
    _timeout = options.timeout or TIMEOUT,
    _no_auth = options.auth == false, _auth = by_address(options.auth or {}), _configs = options.configs,
    _config_file = options.config_file or credentials.default_file(), _insecure = set_of(options.insecure),
    _all_insecure = options.insecure == true, _tls = options.tls or {}, _chunk_size = options.chunk_size,
    _on_progress = options.on_progress,
    _registries = {}, _chosen = {},
  }, Client)
end

--- A parsed reference; nil, err.
---@param text string
---@param what string
---@return bosun.registry.Reference|nil
---@return bosun.registry.Error|nil err
function Client._parse(text, what)
  if type(text) ~= "string" then error(what .. ": expected the name of an image", 3) end
  local ref, problem = reference.parse(text)
  if ref then return ref end
  return nil, errors.invalid(what, '"%s" is not a valid image name: %s', text, problem)
end

--- Where to look for the credentials of a repository.
function Client:_sources(at)
  local from = { configs = self._configs, file = self._config_file, who = "registry" }
  if self._no_auth then
    from.auth = false
  else
    from.auth = auth_file.find(self._auth, at.domain, at.repository)
  end
  return from
end

-- ---- where a registry is --------------------------------------------------------------------------------------------

local function host_of(domain)
  return domain:match "^(%[.*%]):?%d*$" or domain:match "^[^:]*"
end

local function is_local(domain)
  local host = host_of(domain)
  return host == "localhost" or host == "[::1]" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

function Client:_is_insecure(domain)
  return self._all_insecure or self._insecure[domain] or false
end

--- The TLS options for a registry.
function Client:_tls_for(domain)
  local given = self._tls[domain]
  if not self:_is_insecure(domain) then return given end
  return tables.copy(given or {}, { verify = false })
end

function Client:_ping(base, domain, follow)
  return self._http:get(base .. "/v2/", {
    timeout = self._timeout, retry = self._retry, tls = self:_tls_for(domain), max_bytes = 1024 * 1024, follow = follow,
  })
end

--- Is this the reply of a registry, and not of a server that wants TLS?
local function is_plain(resp)
  return resp.status ~= 400 and (resp.status < 300 or resp.status > 399)
end

--- The reply to the first question, and the URL: without TLS where that is allowed and answered, else with it.
function Client:_find(domain)
  local host = HOSTS[domain] or domain
  if is_local(domain) or self:_is_insecure(domain) then
    local resp, err = self:_ping("http://" .. host, domain, false)
    if resp and is_plain(resp) then return resp, nil, "http://" .. host end
    if not resp and not WANTS_TLS[err.code] then return nil, err end
  end
  local resp, err = self:_ping("https://" .. host, domain)
  return resp, err, "https://" .. host
end

--- Why a registry cannot be asked.
function Client:_unreached(domain, what, err)
  local problem = errors.unreached(domain, what, err)
  if problem.code == "tls" and not self:_is_insecure(domain) then
    problem.message = problem.message .. "; one without TLS, or whose certificate cannot be checked, has to be one of "
      .. "the insecure registries"
  end
  return problem
end

--- What is known of a registry: its URL, its challenge, the tokens. Asked once.
function Client:_registry(domain, what)
  local known = self._registries[domain]
  if known then return known end
  local resp, err, base = self:_find(domain)
  if not resp then return nil, self:_unreached(domain, what, err) end
  if resp.status >= 500 then return nil, errors.refused(domain, what, resp) end
  local challenge = resp.status == 401 and access.challenge(resp.headers) or nil
  local state = { base = base, challenge = challenge, tokens = {} }
  self._registries[domain] = state
  return state
end

-- ---- requests -------------------------------------------------------------------------------------------------------

local function origin_of(url)
  return (url:match "^%a[%w+.-]*://[^/?#]*" or ""):lower()
end

--- The URL in a Location, absolute. One of the same host keeps the registry's scheme: a proxy in front may have ended
--- TLS without telling the registry.
local function resolve(base, url, location)
  if location:find "^//" then location = base:match "^%a+:" .. location end
  if location:find "^/" then return base .. location end
  if not location:find "^%a[%w+.-]*://" then return url:gsub("[?#].*$", ""):gsub("[^/]*$", "") .. location end
  local host = origin_of(location):gsub("^%a+://", "")
  if host == origin_of(base):gsub("^%a+://", "") then return base .. location:sub(#origin_of(location) + 1) end
  return location
end

local function scopes_of(at, request, challenge)
  local scopes = { ("repository:%s:%s"):format(at.repository, request.actions or "pull") }
  for _, scope in ipairs(request.scopes or {}) do scopes[#scopes + 1] = scope end
  local seen = set_of(scopes)
  for scope in (challenge and request.challenged and challenge.scope or ""):gmatch "%S+" do
    if not seen[scope] then scopes[#scopes + 1] = scope end
  end
  return scopes
end

--- Adds to a refusal which credentials the request was sent with.
local function with_note(client, at, err)
  if err.code == "UNAUTHORIZED" or err.code == "DENIED" or err.status == 401 or err.status == 403 then
    local _, note = access.credentials(client, at)
    err.message = ("%s; the request was sent %s"):format(err.message, note)
  end
  return err
end

function Client:_attempt(at, state, method, url, request)
  local own = origin_of(url) == origin_of(state.base)
  local auth, err = false, nil
  if own then auth, err = access.auth(self, at, state, scopes_of(at, request, state.challenge), request.what) end
  if auth == nil then return nil, with_note(self, at, err) end
  local headers = tables.copy(request.headers or {})
  if request.length then headers["Content-Length"] = tostring(request.length) end
  local resp, problem = (request.apart and self._apart or self._http):request {
    method = method, url = url, query = request.query, headers = headers, body = request.body, source = request.source,
    sink = request.sink, auth = auth or nil, tls = self:_tls_for(at.domain), reads = request.reads,
    timeout = not (request.source or request.sink or request.slow) and self._timeout or nil,
    retry = not request.once and self._retry or nil, max_bytes = request.max_bytes,
  }
  if resp then return resp end
  return nil, errors.unreached(at.domain, request.what, problem)
end

--- Sends a request to a path below /v2/, or to a URL that the registry gave. Credentials go to the registry's own host
--- only. `request`: what, actions ("pull"; "pull,push"), scopes (more), query, headers, body, source with length, sink,
--- unknown (code of a 404), once (no retries), slow (no timeout), max_bytes, apart (it is read while another request
--- is under way). Returns the response of a 2xx and the URL
--- that it leads to (Location).
---@param at bosun.registry.Reference
---@param method string
---@param path string
---@param request table
---@return bosun.http.Response|nil resp
---@return bosun.registry.Error|string|nil err or the location
function Client:_send(at, method, path, request)
  local state, err = self:_registry(at.domain, request.what)
  if not state then return nil, err end
  local url = path:find "^/" and state.base .. path or path
  local resp
  resp, err = self:_attempt(at, state, method, url, request)
  if resp and resp.status == 401 and not request.source and origin_of(url) == origin_of(state.base) then
    state.challenge = access.challenge(resp.headers) or state.challenge
    access.forget(state)
    resp, err = self:_attempt(at, state, method, url, tables.copy(request, { challenged = true }))
  elseif resp and resp.status == 401 then
    access.forget(state)
  end
  if not resp then return nil, err end
  if not resp.ok then
    return nil, with_note(self, at, errors.refused(at.domain, request.what, resp, request.unknown))
  end
  local location = resp.headers.Location
  return resp, location and resolve(state.base, url, location)
end

return Client
