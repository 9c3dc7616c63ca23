--- The reverse proxy: traefik, which follows the labels of containers. This file has the labels that route a
--- deployment's predictions, the proxy's own container, and the questions to its API.
---
--- Source: traefik 2.3 to 3.7, documentation of the docker provider, of entry points and of the API.

local http = require "bosun.http"
local json = require "bosun.json"
local time = require "bosun.time"
local url = require "bosun.url"
local wait = require "bosun.wait"

local address = require "docker.address"
local container = require "docker.container"
local health = require "docker.health"
local labels = require "docker.labels"
local names = require "docker.names"
local traefik = require "docker.traefik"

local proxy = {}

local SOCKET = "/var/run/docker.sock"
local API_PORT = 8080
local ROUTE_TIMEOUT = 30
local READY_TIMEOUT = 30
local BLIND_WAIT = 5 -- seconds, when its API is not reachable: the proxy looks for new containers every 2
local DEPLOYMENT_PRIORITY = 1000000

local function container_name(context)
  return context.config.containerNamePrefix .. "traefik"
end

-- ---- labels of what it routes to ------------------------------------------------------------------------------------

--- What is in front of the proxy may or may not strip the path of the public prefix.
local function rule(context, segment)
  local prefix = assert(url.parse(context.config.outfacingPredictionURLPrefix))
  local base = prefix.path:gsub("/+$", "")
  local path = ("Path(`/%s/predict`)"):format(segment)
  if base == "" or base:find("[`{}]") then return path end
  return ("%s || Path(`%s/%s/predict`)"):format(path, base, segment)
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
--- deployment's id takes precedence over a model with the same one, a newer generation over an older one.
---@param context table
---@param result table<string, string> the labels
---@param route { deployment: string, model: string, generation: integer, service?: string, path: string } service: of
---another container; nil: this container; path: what replaces ".../predict" in requests to the server
---@return table<string, string> result
function proxy.add_route(context, result, route)
  local router = names.router(context.config.containerNamePrefix, route.deployment, route.model, route.generation)
  add_service(context, result, router)
  result[("traefik.http.middlewares.%s.replacepath.path"):format(router)] = route.path
  local common = { middlewares = router, service = route.service or router }
  local function add(name, id, priority)
    common.rule, common.priority = rule(context, names.segment(id)), priority
    add_router(result, name, common)
  end
  add(router, route.deployment, DEPLOYMENT_PRIORITY + route.generation)
  if route.model ~= route.deployment then add(router .. "-model", route.model, route.generation) end
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

-- ---- its API --------------------------------------------------------------------------------------------------------

local function decoded(text)
  local value = json.decode(text)
  return type(value) == "table" and value or nil
end

--- Asks from inside its container, which works wherever the engine is reachable.
local function ask_inside(context, id, path)
  local result = context.engine:exec(id,
    { "wget", "-q", "-O", "-", ("http://127.0.0.1:%d%s"):format(API_PORT, path) }, { timeout = 10 })
  if not result then return nil, "unreachable" end
  local value = result.code == 0 and decoded(result.stdout)
  if value then return value end
  return nil, result.stderr:find("404", 1, true) and "absent" or "unreachable"
end

--- Asks the proxy's API.
---@param context table
---@param path string
---@return table|nil answer
---@return "absent"|"unreachable"|"failed"|nil why absent: 404
---@return string|nil problem with "failed"
---@return table|nil inspected its container
function proxy.ask(context, path)
  local inspected, err = context.engine:inspect_container(container_name(context))
  if not inspected and err.code ~= "not_found" then return nil, "failed", err.message end
  if not inspected or not inspected.State.Running then return nil, "failed", "the proxy is not running" end
  if inspected.State.Restarting then return nil, "failed", "the proxy keeps crashing" end
  for _, base in ipairs(address.candidates(context, inspected, API_PORT)) do
    local response = http.get(base .. path, { timeout = 5, connect_timeout = 2, proxy = false })
    if response and response.status == 404 and decoded(response.body) then return nil, "absent" end
    local value = response and response.ok and decoded(response.body)
    if value then return value, nil, nil, inspected end
  end
  local value, why = ask_inside(context, inspected.Id, path)
  return value, why, nil, inspected
end

--- The names of the enabled routers; nil: unknown, and with a problem: there are none.
---@param context table
---@return table<string, boolean>|nil
---@return string|nil problem
---@return boolean|nil is_blind it answers, but does not see the engine's containers
function proxy.routers(context)
  local list, why, problem, inspected = proxy.ask(context, "/api/http/routers?per_page=100000")
  if why == "absent" then return nil, traefik.blind_text(context, inspected), true end
  if not list then return nil, problem end
  local enabled = {}
  for _, router in ipairs(list) do
    if router.status == "enabled" then enabled[tostring(router.name):gsub("@.*$", "")] = true end
  end
  local blind = traefik.blindness(context, inspected, enabled)
  if blind then return nil, blind, true end
  return enabled
end

--- Older traefiks only speak API 1.24, which newer engines refuse: a warning about that, or nil.
---@return string|nil
function proxy.warning(context)
  return traefik.version_problem(context, (proxy.ask(context, "/api/version")))
end

--- Waits until a newly started proxy works: it answers, and sees the engine's containers. One whose API is not
--- reachable from here at least has to run.
local function is_ready(context, id, created)
  if not created then return true end
  local blind
  local ok = wait.poll(function()
    local routers, problem, is_blind = proxy.routers(context)
    if routers then return true end
    local now = health.look(context, id)
    if is_blind then blind = problem end
    return now and now.kind ~= "healthy" and now.kind ~= "starting" and "broken"
  end, { interval = 0.2, backoff = 1.5, timeout = health.budget(READY_TIMEOUT), what = "the proxy" })
  if ok == true then return true end
  local now, err = health.look(context, id)
  if not now then return nil, err.message end
  if now.kind ~= "healthy" and now.kind ~= "starting" then return nil, now.text end
  local warning = blind and proxy.warning(context)
  return not blind, warning and ("%s; %s"):format(blind, warning) or blind
end

-- ---- its container --------------------------------------------------------------------------------------------------

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
    role = labels.Role.PROXY, name = container_name(context), ready = is_ready, image = config.traefikImage,
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

--- Does the proxy route a deployment's predictions to this generation? True; false and why not; nil: unknown.
local function is_routed(context, router)
  local answer, why, problem = proxy.ask(context, ("/api/http/routers/%s@docker"):format(router))
  if answer and answer.status == "enabled" then return true end
  if answer then return false, ("its router %s has the status %s"):format(router, tostring(answer.status)) end
  if why == "absent" then return false, ("it has no router %s yet"):format(router) end
  if why == "failed" then return false, problem end
  return nil
end

--- Waits until the proxy routes predictions to a deployment's generation.
---@param context table
---@param deployment { id: string, model: string }
---@param generation integer
---@return true|nil ok
---@return string|nil problem
function proxy.wait_for_route(context, deployment, generation)
  if context.dry_run then return true end
  local router = names.router(context.config.containerNamePrefix, deployment.id, deployment.model, generation)
  local unreachable_since
  local outcome, err = wait.poll(function()
    local routed, why = is_routed(context, router)
    if routed ~= nil then
      unreachable_since = nil
      return routed and "routed", why
    end
    unreachable_since = unreachable_since or time.monotonic()
    return time.monotonic() - unreachable_since >= BLIND_WAIT and "unknown", "its API is not reachable from here"
  end, { interval = 0.2, backoff = 1.3, timeout = health.budget(ROUTE_TIMEOUT),
    what = "the proxy to route predictions to the new container" })
  if not outcome then return nil, err.message .. health.last_lines(context, container_name(context)) end
  if outcome == "unknown" then
    context.log:warn("the proxy's API is not reachable from here; waited a fixed time instead",
      { seconds = BLIND_WAIT, hint = "publish its port 8080 with traefikPortMapping" })
  end
  return true
end

return proxy
