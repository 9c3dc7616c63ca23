--- The reverse proxy: traefik, which follows the labels of containers. This file has the labels that route a
--- deployment's predictions, and the proxy's own container. docker.proxy_api has the questions to it.
---
--- Source: traefik 2.3 to 3.7, documentation of the docker provider and of entry points.

local http = require "bosun.http"
local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local public_path = require "bosun.prediction_server.public_path"
local time = require "bosun.time"
local wait = require "bosun.wait"

local address = require "docker.address"
local container = require "docker.container"
local health = require "docker.health"
local labels = require "docker.labels"
local names = require "docker.names"
local proxy_api = require "docker.proxy_api"
local traefik = require "docker.traefik"

local proxy = {}

local SOCKET = "/var/run/docker.sock"
local READY_TIMEOUT = 30
local BLIND_WAIT = 5 -- seconds that a proxy has to run when its API is not reachable from here
local ASK_TIMEOUT = 10
local NO_API = ("its API does not answer on port %d; is traefikImage an image of traefik?"):format(proxy_api.PORT)
local DEPLOYMENT_PRIORITY = 1000000

-- ---- labels of what it routes to ------------------------------------------------------------------------------------

--- What is in front of the proxy may or may not strip the path of the public prefix.
local function rule(context, segment, last)
  local base = public_path.of(context.config.outfacingPredictionURLPrefix)
  local path = ("Path(`/%s/%s`)"):format(segment, last)
  if base == "" then return path end
  return ("%s || Path(`%s/%s/%s`)"):format(path, base, segment, last)
end

--- Adds the labels that make a container, with its port as a service, known to the proxy.
local function add_service(context, result, service)
  result["traefik.enable"] = "true"
  result["traefik.docker.network"] = context.config.dockerNetwork
  result[("traefik.http.services.%s.loadbalancer.server.port"):format(service)] = "8080"
end

local function add_router(result, router, values)
  for key, value in pairs(values) do result[("traefik.http.routers.%s.%s"):format(router, key)] = tostring(value) end
  result[("traefik.http.routers.%s.entrypoints"):format(router)] = "web"
end

--- Adds to a container's labels the routes of a deployment's predictions: by its id, and by its model's id. A
--- deployment's id takes precedence over a model with the same one, a newer generation over an older one. Beside the
--- first is the route that tells the model. Another route is for the plugin: it leads to /ping of this very generation
--- (docker.proxy_api).
---@param context table
---@param result table<string, string> the labels
---@param route { deployment: string, model: string, generation: integer, service?: string, path: string,
---info: string } service: of another container; nil: this container; path, info: what replaces ".../predict" and
---".../info" in requests to the server
---@return table<string, string> result
function proxy.add_route(context, result, route)
  local router = names.router(context.config.containerNamePrefix, route.deployment, route.model, route.generation)
  add_service(context, result, router)
  local check = router .. "-check"
  result[("traefik.http.middlewares.%s.replacepath.path"):format(router)] = route.path
  result[("traefik.http.middlewares.%s.replacepath.path"):format(check)] = prediction_server.PING
  local common = { middlewares = router, service = route.service or router }
  local function add(name, id, priority)
    common.rule, common.priority = rule(context, names.segment(id), "predict"), priority
    add_router(result, name, common)
  end
  add(router, route.deployment, DEPLOYMENT_PRIORITY + route.generation)
  if route.model ~= route.deployment then add(router .. "-model", route.model, route.generation) end
  if context.proof.way ~= "off" then
    local info = proxy_api.info_router(router)
    result[("traefik.http.middlewares.%s.replacepath.path"):format(info)] = route.info
    add_router(result, info, {
      rule = rule(context, names.segment(route.deployment), "info"), middlewares = info, service = common.service,
      priority = DEPLOYMENT_PRIORITY + route.generation,
    })
  end
  add_router(result, check, {
    rule = ("Path(`%s`)"):format(proxy_api.check_path(router)), middlewares = check, service = common.service,
    priority = route.generation,
  })
  return result
end

--- Adds to a container's labels that it is a service for the routes of others. Its own route only leads to its health.
---@param context table
---@param result table<string, string>
---@param service string
---@return table<string, string> result
function proxy.add_service(context, result, service)
  add_service(context, result, service)
  result[("traefik.http.middlewares.%s.replacepath.path"):format(service)] = "/ping"
  add_router(result, service, { rule = ("Path(`/%s/ping`)"):format(service), service = service, middlewares = service })
  return result
end

-- ---- its container --------------------------------------------------------------------------------------------------

--- Has something other than the proxy's API its port, or nothing? False when that cannot be known.
local function is_silent(context, id, inspected)
  local path = ("http://127.0.0.1:%d/"):format(proxy_api.PORT)
  local result = context.engine:exec(id, { "wget", "-q", "-O", "-", path }, { timeout = ASK_TIMEOUT })
  if result and result.code ~= 126 and result.code ~= 127 then return true end
  for _, base in ipairs(address.candidates(context, inspected, proxy_api.PORT)) do
    local response, err = http.get(base .. "/", { timeout = 5, connect_timeout = 2, proxy = false })
    if response or err.code == "ECONNREFUSED" or err.code == "closed" then return true end
  end
  return false
end

--- Older traefiks only speak API 1.24, which newer engines refuse: a warning about that, or nil.
---@return string|nil
function proxy.warning(context)
  return traefik.version_problem(context, (proxy_api.ask(context, "/api/version")))
end

--- Waits until the proxy works: it answers, and sees the engine's containers. A new one whose API is not reachable from
--- here at least has to run and not to be something else, an older one not to hang.
local function is_ready(context, id, created)
  local blind
  local silent_from = time.monotonic() + BLIND_WAIT
  local outcome, err = wait.poll(function()
    local seen = proxy_api.look(context)
    blind = seen.is_blind and seen.trouble
    if seen.routers and not blind then return "ready" end
    local has_had_time = time.monotonic() > silent_from -- it may have been started a moment ago
    if not created and not blind and (seen.trouble or has_had_time) then
      return seen.trouble and "hung" or "ready", seen.trouble
    end
    local now, problem = health.look(context, id)
    if not now then return nil, problem end
    if now.kind ~= "healthy" and now.kind ~= "starting" then return "broken", now.text end
    if blind then return nil, blind end
    if created and has_had_time and not is_silent(context, id, now.inspected) then return "ready" end
    return nil, NO_API
  end, {
    interval = 0.2, backoff = 1.5, timeout = wait.budget(READY_TIMEOUT), what = "the proxy", dry_run = "ready",
  })
  if outcome == "ready" then return true end
  if outcome then return nil, err end
  local warning = blind and proxy.warning(context)
  if warning then return nil, ("%s; %s"):format(blind, warning) end
  return nil, blind or err.message
end

--- A mapping such as `{80: 81}` in the engine's terms: the ports that the container exposes, and their bindings.
---@param mapping? table<integer, integer|string>
---@return table exposed
---@return table bindings
function proxy.ports(mapping)
  local exposed, bindings = {}, {}
  for inside, outside in pairs(mapping or {}) do
    local ip, port = tostring(outside):match("^%[?(.-)%]?:?(%d+)$")
    exposed[inside .. "/tcp"] = {}
    bindings[inside .. "/tcp"] = { { HostIp = ip, HostPort = port } }
  end
  return exposed, bindings
end

--- The socket's path on the engine's machine.
local function socket_of(context)
  return context.config.dockerSocket or context.engine.host:match("^unix://(.+)$") or SOCKET
end

--- The proxy, for docker.services.
function proxy.service(context)
  local config = context.config
  local exposed, bindings = proxy.ports(config.traefikPortMapping)
  return {
    role = labels.Role.PROXY, name = proxy_api.container_name(context), ready = is_ready, image = config.traefikImage,
    labels = proxy.add_service(context, {}, traefik.own_route(context)),
    body = {
      Image = config.traefikImage,
      Cmd = json.array {
        "--providers.docker", "--providers.docker.exposedbydefault=false",
        "--providers.docker.network=" .. config.dockerNetwork,
        "--providers.docker.constraints=" .. labels.constraint(context),
        "--entrypoints.web.address=:80",
        "--entrypoints.web.transport.respondingtimeouts.readtimeout=0", -- else traefik 3 cuts a body after 60 s
        "--api.insecure=true",
      },
      ExposedPorts = exposed,
      HostConfig = container.host_config(context, {
        PortBindings = bindings,
        Mounts = { { Type = "bind", Source = socket_of(context), Target = SOCKET, ReadOnly = true } },
      }),
    },
  }
end

return proxy
