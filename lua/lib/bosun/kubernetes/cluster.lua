--- Internal: a cluster: how to send requests to its API server. The requests themselves are in the other files of this
--- folder, each of which adds methods to the class.

local access = require "bosun.kubernetes.access"
local effect = require "bosun.effect"
local errors = require "bosun.kubernetes.errors"
local http = require "bosun.http"
local kinds = require "bosun.kubernetes.kinds"
local list_problem = require("bosun.native.list").problem
local log = require "bosun.log"
local options_of = require("bosun.options").check
local tables = require "bosun.tables"

local OLDEST_MINOR = 25
local CONNECTING = "connect to the Kubernetes API"
local SAFE = { GET = true, HEAD = true }
local AWAY = { 429, 502, 503, 504, "retry_after", "closed", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE" }
--- What may be done twice. An API server that restarts is away for a moment.
local REPEATABLE = { max = 4, backoff = 0.5, max_wait = 30, any_method = true, on = AWAY }
--- What may not: a 429 says that nothing was done.
local ONCE = { max = 4, backoff = 0.5, max_wait = 30, any_method = true, on = { 429 } }

--- The first request: a wrong address is more likely than a moment's absence.
local FIRST = { max = 2, backoff = 0.25, max_wait = 30, on = AWAY }

local CONNECT = {
  config_file = "string|list", context = "string", in_cluster = "boolean", namespace = "string", timeout = "timeout",
  field_manager = "string", service_account = "string",
}
local CALL = {
  query = "table", headers = "table", timeout = "timeout", what = "string", reads = "boolean",
  json = "table|string|number|boolean", dry_run = "table|string|number|boolean", content_type = "string",
}

---@class bosun.kubernetes.Options
---@field config_file? string|string[] kubeconfig files, which must exist; default: those of the environment's
---KUBECONFIG, else ~/.kube/config. Without one, in a pod: its service account
---@field context? string default: the current context
---@field in_cluster? boolean use the pod's service account, and no kubeconfig
---@field namespace? string default: that of the context or the pod, else "default"
---@field field_manager? string who owns what `apply` sets; default "bosun"
---@field timeout? number seconds for an ordinary call; default 60
---@field service_account? string the folder of the pod's token; default
---/var/run/secrets/kubernetes.io/serviceaccount

---@class bosun.kubernetes.CallOptions
---@field query? table<string, any>
---@field json? any the body
---@field content_type? string of the body; default "application/json"
---@field headers? table<string, string>
---@field timeout? number seconds; default: the cluster's
---@field what? string what the call does, for messages and the plan: "create deployment x"
---@field reads? boolean it changes nothing, whatever its method: a dry run makes it, too
---@field dry_run? any what a dry run returns instead of sending a change; default true

--- A cluster, to be closed after use: `local cluster <close> = assert(kubernetes.connect())`. A call that fails returns
--- nil and a bosun.kubernetes.Error. A kind is "Deployment" or another kind of Kubernetes itself, or
--- "GROUP/VERSION/Kind".
---@class bosun.kubernetes.Cluster
---@field server string the API server's URL
---@field namespace string that of calls that name none
---@field context? string of the kubeconfig
---@field user string who the client is, for people
---@field server_version? string "v1.35.4"; nil: the server does not tell
local Cluster = {}
Cluster.__index = Cluster

--- Closes the connections. Closing again does nothing.
function Cluster:close()
  for _, client in ipairs(self._clients) do client.http:close() end
end

Cluster.__close = Cluster.close

-- ---- requests -------------------------------------------------------------------------------------------------------

--- The client for these credentials: a new certificate takes a new one. Those before it may be in use.
local function client_for(cluster, current)
  local last = cluster._clients[#cluster._clients]
  if last and last.cert == current.cert and last.key == current.key then return last.http end
  local place = cluster._place
  local client = {
    cert = current.cert, key = current.key,
    http = http.client {
      base_url = place.server, proxy = place.proxy, connect_timeout = 10, follow = false, headers = place.headers,
      tls = tables.copy(place.tls, { cert = current.cert, key = current.key }),
    },
  }
  cluster._clients[#cluster._clients + 1] = client
  return client.http
end

--- Calls `fn(client, auth)`, which makes a request, and once more with new credentials if they are refused (401).
function Cluster:_with_credentials(what, fn)
  local credentials = self._place.credentials
  for attempt = 1, 2 do
    local current, err = credentials:get()
    if not current then return nil, errors.wrap(err, what) end
    local resp, failure = fn(client_for(self, current), current.auth)
    local reply = resp or failure.response
    if attempt == 2 or not reply or reply.status ~= 401 or not credentials:renew() then return resp, failure end
  end
end

--- The request for these options: those of CallOptions, plus sink, retry, repeatable (it may be done
--- twice), and timeout false: none.
local function request_of(cluster, method, path, options)
  local timeout = options.timeout
  if timeout == nil then timeout = cluster._timeout end
  local headers = options.headers
  if options.content_type then
    headers = tables.copy(headers or {}, { ["Content-Type"] = options.content_type })
  end
  return {
    method = method, url = path, query = options.query, json = options.json, headers = headers, sink = options.sink,
    timeout = timeout or nil, stall = 0, reads = options.reads,
    retry = options.retry or (SAFE[method] or options.repeatable) and REPEATABLE or ONCE,
  }
end

--- Sends a request. Any 2xx is a success. Options as for request_of, plus on_line and on_refusal, which gets a reply
--- that is not a success.
function Cluster:_send(method, path, options)
  local what = options.what or method .. " " .. path
  local resp, err = self:_with_credentials(what, function(client, auth)
    local request = request_of(self, method, path, options)
    request.auth = auth
    if options.on_line then return client:stream(request, options.on_line) end
    return client:request(request)
  end)
  if not resp then
    if err.op == "kubernetes" then return nil, err end
    return nil, errors.unreached(self.server, what, err)
  end
  if resp.ok then return resp end
  if options.on_refusal then options.on_refusal(resp) end
  err = errors.refused(self.server, what, resp)
  if resp.status == 401 then err.message = ("%s; %s is not accepted"):format(err.message, self.user) end
  return nil, err
end

--- Sends a request and reads the JSON of the reply; true: it is empty.
function Cluster:_ask(method, path, options)
  local resp, err = self:_send(method, path, options)
  if not resp then return nil, err end
  if resp.body:find "^%s*$" then return true end
  local value, problem = resp:json()
  if value ~= nil then return value end
  return nil, errors.new {
    code = "protocol", status = resp.status,
    message = ("%s: the reply from %s is not JSON: %s"):format(options.what or method .. " " .. path, self.server,
      problem.message),
  }
end

--- Any call of the API. In a dry run, all but GET, HEAD and what `reads` are noted in the plan.
---@param method string
---@param path string "/api/v1/namespaces"; escaped where necessary (http.escape)
---@param options? bosun.kubernetes.CallOptions
---@return any|nil value the JSON of the reply; true when it is empty
---@return bosun.kubernetes.Error|nil err
function Cluster:call(method, path, options)
  options = options_of("cluster:call", options, CALL)
  if SAFE[method] or options.reads or effect.begin("kubernetes." .. method:lower(), options.what or path) then
    return self:_ask(method, path, options)
  end
  if options.dry_run == nil then return true end
  return options.dry_run
end

-- ---- what calls have in common --------------------------------------------------------------------------------------

--- The namespace of a call's options; false: all.
function Cluster:_namespace(options)
  if options.namespace == nil then return self.namespace end
  return options.namespace
end

--- Kind, path and words for a call; or nil, err. `shown`: for messages, when the path has no name.
function Cluster:_locate(kind_name, namespace, name, subresource, shown)
  local kind, err = kinds.find(self, kind_name)
  if not kind then return nil, err end
  local path
  path, err = kinds.path(kind, namespace, name, subresource)
  if not path then return nil, err end
  local words = (name or shown) and kind.label .. " " .. (name or shown) or kind.plural
  if kind.namespaced then words = words .. (namespace and " in namespace " .. namespace or " in all namespaces") end
  return kind, path, words
end

local function requirement(key, value)
  if value == true then return key end
  if value == false then return "!" .. key end
  if type(value) ~= "table" then return ("%s=%s"):format(key, tostring(value)) end
  local problem = list_problem(value)
  if problem then error(("label %s: expected a value or a list of values, but %s"):format(key, problem), 0) end
  return ("%s in (%s)"):format(key, table.concat(value, ","))
end

--- A selector in the API's format. A table: { app = "x", tier = { "a", "b" }, new = true (any value), old = false }
function Cluster:_selector(labels)
  if labels == nil or type(labels) == "string" then return labels end
  local list = {}
  for _, key in ipairs(tables.sorted_keys(labels)) do list[#list + 1] = requirement(key, labels[key]) end
  return #list > 0 and table.concat(list, ",") or nil
end

-- ---- connecting -----------------------------------------------------------------------------------------------------

local function strange(cluster, status, said)
  return errors.new { code = "protocol", status = status,
    message = ("%s: the server at %s is not a Kubernetes API server (GET /version: %s)"):format(CONNECTING,
      cluster.server, said) }
end

--- What the version of a server says: its text; or nil, err.
local function check_version(cluster, version)
  local text = type(version) == "table" and version.gitVersion
  local major, minor = tostring(text):match "^v(%d+)%.(%d+)"
  if not major then return nil, strange(cluster, nil, "it has no gitVersion") end
  if tonumber(major) > 1 or tonumber(minor) >= OLDEST_MINOR then return text end
  return nil, errors.new { code = "unsupported",
    message = ("%s: the cluster is too old: it is %s, and 1.%d or later is needed (%s)"):format(CONNECTING, text,
      OLDEST_MINOR, cluster.server) }
end

--- Asks for the server's version, which takes no rights, unless the cluster has been closed off.
local function greet(cluster)
  local version, err = cluster:_ask("GET", "/version", { what = CONNECTING, retry = FIRST })
  if not version and err.status == 403 and not err.is_strange then return cluster end
  if not version and err.status and err.is_strange then
    return nil, strange(cluster, err.status, ("%d, %s"):format(err.status, err.server_message))
  end
  if not version then return nil, err end
  cluster.server_version, err = check_version(cluster, version)
  if not cluster.server_version then return nil, err end
  log.debug("kubernetes", { server = cluster.server, version = cluster.server_version, namespace = cluster.namespace })
  return cluster
end

--- See kubernetes.connect.
function Cluster._connect(options)
  options = options_of("kubernetes.connect", options, CONNECT)
  local place, err = access.resolve(options)
  if not place then return nil, err end
  local cluster = setmetatable({
    server = place.server, namespace = options.namespace or place.namespace, context = place.context, user = place.user,
    _place = place, _clients = {}, _discovered = {}, _timeout = options.timeout or 60,
    _manager = options.field_manager or "bosun",
  }, Cluster)
  local connected, problem = greet(cluster)
  if connected then return connected end
  cluster:close()
  return nil, problem
end

return Cluster
