--- The reverse proxy: traefik 2, which follows the labels of containers. Here are the labels that route a deployment's
--- predictions, the proxy's own container, and what its API says.
---
--- Source: traefik 2.3, documentation of the docker provider and of the API.

local http = require "bosun.http"
local json = require "bosun.json"
local time = require "bosun.time"
local wait = require "bosun.wait"

local address = require "docker.address"
local health = require "docker.health"
local labels = require "docker.labels"
local names = require "docker.names"

local proxy = {}

local SOCKET = "/var/run/docker.sock"
local API_PORT = 8080
local ROUTE_TIMEOUT = 30
local READY_TIMEOUT = 10
local BLIND_WAIT = 5 -- seconds, when its API cannot be reached: it looks every 2
local DEPLOYMENT_PRIORITY = 1000000

local function container_name(context)
  return context.config.containerNamePrefix .. "traefik"
end

-- ---- labels of what it routes to ------------------------------------------------------------------------------------

--- Whoever is in front of the proxy may take the path of the public prefix off, or leave it.
local function rule(context, segment)
  local base = context.config.outfacingPredictionURLPrefix:gsub("/+$", ""):match("^%a+://[^/]*(/.+)$")
  local path = ("Path(`/%s/predict`)"):format(segment)
  if not base or base:find("[`{}]") then return path end
  return ("%s || Path(`%s/%s/predict`)"):format(path, base, segment)
end

--- Adds to labels what makes the proxy know a container, and its port as a service.
local function add_service(context, result, service)
  result["traefik.enable"] = "true"
  result["traefik.docker.network"] = context.config.dockerNetwork
  result[("traefik.http.services.%s.loadbalancer.server.port"):format(service)] = "8080"
end

local function add_router(result, router, values)
  for key, value in pairs(values) do result[("traefik.http.routers.%s.%s"):format(router, key)] = tostring(value) end
  result[("traefik.http.routers.%s.entrypoints"):format(router)] = "web"
end

--- Adds to a container's labels the routes of a deployment's predictions: by its id, and by its model's id. The
--- deployment's id goes before a model that has the same one; a newer generation goes before an older.
---@param context table
---@param result table<string, string> the labels
---@param route { deployment: string, model: string, generation: integer, service?: string, path: string } service: one
---that another container has; nil: this container; path: what the server gets instead of ".../predict"
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

--- Adds to a container's labels that it is a service, for the routes of others. Only its health can be asked for.
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

--- Asks from inside its container, which works wherever the engine can be reached.
local function ask_inside(context, id, path)
  local result = context.engine:exec(id,
    { "wget", "-q", "-O", "-", ("http://127.0.0.1:%d%s"):format(API_PORT, path) }, { timeout = 10 })
  if not result then return nil, "unreachable" end
  local value = result.code == 0 and decoded(result.stdout)
  if value then return value end
  return nil, result.stderr:find("404", 1, true) and "absent" or "unreachable"
end

--- Asks the proxy's API. The answer; or nil and "absent" (404), "unreachable"; or nil, "failed" and in words why it
--- cannot be asked.
---@param context table
---@param path string
---@return table|nil
---@return string|nil why
---@return string|nil problem
function proxy.ask(context, path)
  local inspected, err = context.engine:inspect_container(container_name(context))
  if not inspected and err.code ~= "not_found" then return nil, "failed", err.message end
  if not inspected or not inspected.State.Running then return nil, "failed", "the proxy does not run" end
  if inspected.State.Restarting then return nil, "failed", "the proxy crashes again and again" end
  for _, base in ipairs(address.candidates(context, inspected, API_PORT)) do
    local response = http.get(base .. path, { timeout = 5, connect_timeout = 2, proxy = false })
    if response and response.status == 404 and decoded(response.body) then return nil, "absent" end
    local value = response and response.ok and decoded(response.body)
    if value then return value end
  end
  return ask_inside(context, inspected.Id, path)
end

--- Waits until a proxy that was just started answers. What cannot be asked from here has to run, at least.
local function is_ready(context, id, created)
  if not created then return true end
  local ok = wait.poll(function()
    if proxy.ask(context, "/api/version") then return true end
    local now = health.look(context, id)
    return now and now.kind ~= "healthy" and now.kind ~= "starting" and "broken"
  end, { interval = 0.2, backoff = 1.5, timeout = health.budget(READY_TIMEOUT), what = "the proxy" })
  if ok == true then return true end
  local now, err = health.look(context, id)
  if not now then return nil, err.message end
  return now.kind == "healthy" or now.kind == "starting", now.text
end

-- ---- its container --------------------------------------------------------------------------------------------------

--- `{80: 81}` as the engine wants it: what the container exposes, and where.
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

--- The proxy as a service of docker.services.
function proxy.service(context)
  local config = context.config
  local exposed, bindings = proxy.ports(config.traefikPortMapping)
  return {
    role = labels.Role.PROXY, name = container_name(context), ready = is_ready, image = config.traefikImage,
    body = {
      Image = config.traefikImage,
      Cmd = json.array {
        "--providers.docker", "--providers.docker.exposedbydefault=false",
        "--providers.docker.network=" .. config.dockerNetwork,
        "--providers.docker.constraints=" .. labels.constraint(context),
        "--entrypoints.web.address=:80", "--api.insecure=true",
      },
      ExposedPorts = exposed,
      HostConfig = {
        RestartPolicy = { Name = "always" }, NetworkMode = config.dockerNetwork, PortBindings = bindings,
        Mounts = { { Type = "bind", Source = socket_of(context), Target = SOCKET, ReadOnly = true } },
      },
    },
  }
end

--- Traefik up to 3.6.0 speaks API 1.24 only, which newer engines refuse. What to say about it, or nil.
---@return string|nil
function proxy.warning(context)
  local major, minor, patch = context.config.traefikImage:match(":v?(%d+)%.(%d+)%.?(%d*)")
  local lowest = tonumber((context.engine.min_api_version:gsub("^1%.", "")))
  if not major or not lowest or lowest <= 24 then return nil end
  local version = tonumber(major) * 10000 + tonumber(minor) * 100 + (tonumber(patch) or 0)
  if version > 30600 then return nil end
  return ("%s speaks the engine's API 1.24 only, and this engine has %s and newer: set traefikImage to 3.6.1 or newer")
    :format(context.config.traefikImage, context.engine.min_api_version)
end

--- True when the proxy sends a deployment's predictions to this generation; false, and why not; nil when nobody can
--- tell.
local function is_routed(context, router)
  local answer, why, problem = proxy.ask(context, ("/api/http/routers/%s@docker"):format(router))
  if answer and answer.status == "enabled" then return true end
  if answer then return false, ("its router %s is %s"):format(router, tostring(answer.status)) end
  if why == "absent" then return false, ("it has no router %s yet"):format(router) end
  if why == "failed" then return false, problem end
  return nil
end

--- Waits until the proxy sends predictions to a deployment's generation. True; or nil and in words why it does not.
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
    return time.monotonic() - unreachable_since >= BLIND_WAIT and "unknown", "its API cannot be reached from here"
  end, { interval = 0.2, backoff = 1.3, timeout = health.budget(ROUTE_TIMEOUT),
    what = "the proxy to take up the new container" })
  if not outcome then return nil, err.message .. health.last_lines(context, container_name(context)) end
  if outcome == "unknown" then
    context.log:warn("the proxy's API cannot be reached from here; it was given time instead",
      { seconds = BLIND_WAIT, hint = "publish its port 8080 with traefikPortMapping" })
  end
  return true
end

--- The names of the routers that are on; nil when nobody can tell, then perhaps in words why there are none.
---@param context table
---@return table<string, boolean>|nil
---@return string|nil problem
function proxy.routers(context)
  local list, _, problem = proxy.ask(context, "/api/http/routers?per_page=100000")
  if not list then return nil, problem end
  local enabled = {}
  for _, router in ipairs(list) do
    if router.status == "enabled" then enabled[tostring(router.name):gsub("@.*$", "")] = true end
  end
  return enabled
end

return proxy
