--- Questions to the proxy: what its API says of the routers, and whether predictions reach a container through it.
---
--- Source: traefik 2.3 to 3.7, documentation of the API.

local http = require "bosun.http"
local json = require "bosun.json"
local time = require "bosun.time"
local wait = require "bosun.wait"

local address = require "docker.address"
local health = require "docker.health"
local labels = require "docker.labels"
local membership = require "docker.membership"
local names = require "docker.names"
local traefik = require "docker.traefik"

local proxy_api = { PORT = 8080 }

local WEB_PORT = 80
local CONNECT_TIMEOUT, TIMEOUT = 2, 5
local EXEC_TIMEOUT = 10
local ROUTE_TIMEOUT = 30
local BLIND_WAIT = 5 -- seconds, when its API is not reachable: the proxy looks for new containers every 2
local UNROUTE_TIMEOUT = 5
local RESTART_POLICY = "always"
local NO_API = "^404 page not found" -- from a traefik that has not seen any container yet

--- The proxy's own answers when it does not reach a server, or not in time.
local UNREACHED = { [502] = true, [503] = true, [504] = true }

--- The name of the proxy's container.
function proxy_api.container_name(context)
  return context.config.containerNamePrefix .. "traefik"
end

--- The path at which the proxy passes on GET requests to one generation's /ping.
function proxy_api.check_path(router)
  return ("/%s/ping"):format(router)
end

-- ---- asking ---------------------------------------------------------------------------------------------------------

local function decoded(text)
  local value = json.decode(text)
  return type(value) == "table" and value or nil
end

--- What it means that a port accepts a request and keeps silent.
local function silence(inspected, port)
  if port == WEB_PORT then return ("no answer through the proxy within %d s"):format(TIMEOUT) end
  local name = inspected.Name:gsub("^/", "")
  return ("the proxy accepts connections but does not answer; restart it: docker restart %s"):format(name)
end

--- The router to the route that tells which model a generation serves.
function proxy_api.info_router(router)
  return router .. "-info"
end

--- Asks from inside its container, which works wherever the engine is reachable. The status and the body; or nil and,
--- when the proxy does not answer, why.
function proxy_api.get_inside(context, inspected, port, path)
  local result, err = context.engine:exec(inspected.Id,
    { "wget", "-q", "-O", "-", ("http://127.0.0.1:%d%s"):format(port, path) }, { timeout = EXEC_TIMEOUT })
  if not result then return nil, err.code == "timeout" and silence(inspected, port) or nil end
  if result.code == 0 then return 200, result.stdout end
  local status = result.stderr:match("HTTP/[%d.]+ (%d%d%d)")
  if status then return math.tointeger(status), "" end
end

--- A request to a port of the proxy, by the first way that works. The status and the body; or nil and, when it is known
--- that the proxy does not answer, why.
local function get(context, inspected, port, path)
  for _, base in ipairs(address.candidates(context, inspected, port)) do
    local began = time.monotonic()
    local response, err = http.get(base .. path, {
      timeout = TIMEOUT, connect_timeout = CONNECT_TIMEOUT, proxy = false, follow = false,
    })
    if response then return response.status, response.body end
    -- Time that is up after more than the connection may take: something listens there and keeps silent.
    if err.code == "timeout" and time.monotonic() - began > CONNECT_TIMEOUT + 1 then
      return nil, silence(inspected, port)
    end
  end
  return proxy_api.get_inside(context, inspected, port, path)
end

--- The proxy's container, under whatever name; or nil and why there is none that runs, as text or as an error.
function proxy_api.inspect(context)
  local engine = context.engine
  local inspected, err = engine:inspect_container(proxy_api.container_name(context))
  if not inspected and err.code == "not_found" then
    local renamed = engine:list_containers { labels = labels.role_filter(context, labels.Role.PROXY) }
    if renamed and renamed[1] then inspected, err = engine:inspect_container(renamed[1].Id) end
  end
  if not inspected and err.code ~= "not_found" then return nil, err end
  if not inspected or not inspected.State.Running then return nil, "the proxy is not running" end
  if inspected.State.Restarting then return nil, "the proxy keeps crashing" end
  if inspected.State.Paused then return nil, "the proxy is paused" end
  return inspected
end

--- A problem of proxy_api.inspect as text.
---@param problem string|bosun.Error
---@return string
function proxy_api.words(problem)
  return type(problem) == "table" and problem.message or problem
end

--- Asks the API of the proxy in this container.
local function ask(context, inspected, path)
  local status, body = get(context, inspected, proxy_api.PORT, path)
  if not status then return nil, body and "failed" or "unreachable", body end
  local value = decoded(body)
  if status == 404 and (value or body == "" or body:find(NO_API)) then return nil, "absent" end
  if status == 200 and value then return value end
  return nil, "unreachable"
end

--- Asks the proxy's API.
---@param context table
---@param path string
---@return table|nil answer
---@return "absent"|"unreachable"|"failed"|nil why absent: 404; unreachable: not from here
---@return string|nil problem with "failed": predictions are not served
function proxy_api.ask(context, path)
  local inspected, problem = proxy_api.inspect(context)
  if not inspected then return nil, "failed", proxy_api.words(problem) end
  return ask(context, inspected, path)
end

-- ---- how it is ------------------------------------------------------------------------------------------------------

---@class docker.ProxyState
---@field trouble? string why no prediction arrives
---@field is_blind? boolean it answers, but does not see the engine's containers
---@field odd? string what somebody changed by hand
---@field routers? table<string, boolean> the names of the enabled ones; nil: not known
---@field networks? table<string, string> as docker.membership has them
---@field container? table the proxy's, inspected

local function oddity(context, inspected)
  local name, wanted = inspected.Name:gsub("^/", ""), proxy_api.container_name(context)
  if name ~= wanted then
    return ("the proxy's container %s was renamed to %s; rename it back: docker rename %s %s"):format(wanted, name,
      name, wanted)
  end
  local policy = health.restart_policy(inspected)
  if policy ~= RESTART_POLICY then
    return ("the restart policy of the proxy's container %s was changed to %s, so it may not come back after a crash; "
      .. "change it back: docker update --restart %s %s"):format(name, policy, RESTART_POLICY, name)
  end
end

local function enabled(list)
  local result = {}
  for _, router in ipairs(list) do
    if router.status == "enabled" then result[tostring(router.name):gsub("@.*$", "")] = true end
  end
  return result
end

--- How the proxy is, from two requests.
---@param context table
---@return docker.ProxyState
function proxy_api.look(context)
  local inspected, problem = proxy_api.inspect(context)
  if not inspected then return { trouble = proxy_api.words(problem) } end
  local list, why, trouble = ask(context, inspected, "/api/http/routers?per_page=100000")
  local routers = list and enabled(list)
  local is_blind = why == "absent" or routers ~= nil and traefik.is_blind(context, inspected, routers)
  return {
    trouble = is_blind and traefik.blind_text(context, inspected) or trouble, is_blind = is_blind,
    odd = oddity(context, inspected), routers = routers, networks = membership.of(context, inspected),
    container = inspected,
  }
end

-- ---- does it route to a generation? ---------------------------------------------------------------------------------

--- Does a request through the proxy reach this generation's container? True; false and why not; nil: unknown, because
--- the proxy's port is not reachable from here.
local function is_reached(context, inspected, router)
  local status, problem = get(context, inspected, WEB_PORT, proxy_api.check_path(router))
  if not status then return problem and false, problem end
  if not UNREACHED[status] then return true end
  return false, ("the proxy gets no answer from it (%d)"):format(status)
end

--- Does the proxy route a deployment's predictions to this generation, and do they reach it? Like is_reached; why not
--- can be an error.
local function is_routed(context, router)
  local inspected, missing = proxy_api.inspect(context)
  if not inspected then return false, missing end
  local answer, why, problem = ask(context, inspected, ("/api/http/routers/%s@docker"):format(router))
  if answer and answer.status == "enabled" then
    local reached, unreached = is_reached(context, inspected, router)
    return reached ~= false, unreached
  end
  if answer then return false, ("its router %s has the status %s"):format(router, tostring(answer.status)) end
  if why == "absent" then return false, ("it has no router %s yet"):format(router) end
  if why == "failed" then return false, problem end
  return nil
end

--- Waits until predictions reach a deployment's generation through the proxy.
---@param context table
---@param deployment { id: string, model: string }
---@param generation integer
---@param longest? number seconds
---@return true|nil ok
---@return string|nil problem
function proxy_api.wait_for_route(context, deployment, generation, longest)
  if context.dry_run then return true end
  local router = names.router(context.config.containerNamePrefix, deployment.id, deployment.model, generation)
  longest = longest or ROUTE_TIMEOUT
  local unreachable_since, blind_wait = nil, math.min(BLIND_WAIT, longest / 2)
  local outcome, err = wait.poll(function()
    local routed, why = is_routed(context, router)
    if routed ~= nil then
      unreachable_since = nil
      return routed and "routed", why
    end
    unreachable_since = unreachable_since or time.monotonic()
    return time.monotonic() - unreachable_since >= blind_wait and "unknown", "its API is not reachable from here"
  end, { interval = 0.2, backoff = 1.3, timeout = wait.budget(longest),
    what = "the proxy to route predictions to the new container" })
  if not outcome then
    return nil, err.message .. health.last_lines(context, proxy_api.container_name(context))
  end
  if outcome == "unknown" then
    context.log:warn("the proxy's API is not reachable from here; waited a fixed time instead",
      { seconds = blind_wait, hint = "publish its port 8080 with traefikPortMapping" })
  end
  return true
end

--- Waits until the proxy has noticed that a generation's container is gone, so that no prediction follows it.
---@param context table
---@param instance { deployment: string, model: string, generation: integer }
function proxy_api.wait_until_unrouted(context, instance)
  local router = names.router(context.config.containerNamePrefix, instance.deployment, instance.model,
    instance.generation)
  wait.poll(function()
    local answer = proxy_api.ask(context, ("/api/http/routers/%s@docker"):format(router))
    return answer == nil
  end, { interval = 0.2, timeout = wait.budget(UNROUTE_TIMEOUT), what = "the proxy to drop a router" })
end

return proxy_api
