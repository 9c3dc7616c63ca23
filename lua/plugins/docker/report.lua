--- Reports on deployments: the statuses of deployment_status and pe_status, and the entries of deployment_list.

local errors = require "bosun.error"
local given = require "bosun.deployment_info"
local probe = require "bosun.prediction_server.probe"
local status = require "bosun.action_status"

local drift = require "docker.drift"
local fleet = require "docker.fleet"
local health = require "docker.health"
local labels = require "docker.labels"
local membership = require "docker.membership"
local names = require "docker.names"
local proof = require "docker.proof"
local proxy_api = require "docker.proxy_api"
local shared = require "docker.shared"

local ActionStatus, ActionStatusInfo, State = status.ActionStatus, status.ActionStatusInfo, status.DeploymentState

local report = {}

--- How many unhealthy deployments pe_status inspects. Of others it reports what the engine's list says: the number of
--- requests must not grow with the number of deployments.
local MOST_INSPECTED = 5

local KINDS = {
  healthy = { ActionStatus.OK, State.READY },
  starting = { ActionStatus.WARN, State.LAUNCHING },
  created = { ActionStatus.ERROR, State.ERRORED },
  unhealthy = { ActionStatus.ERROR, State.ERRORED },
  restarting = { ActionStatus.ERROR, State.ERRORED },
  paused = { ActionStatus.ERROR, State.STOPPED },
  ended = { ActionStatus.ERROR, State.ERRORED },
}

--- The URL of a deployment's predictions.
function report.prediction_url(context, deployment_id)
  return given.prediction_url(context.config.outfacingPredictionURLPrefix, names.segment(deployment_id))
end

local function answer(kind, id, instance, text)
  local outcome = KINDS[kind]
  return ActionStatusInfo {
    status = outcome[1], state = outcome[2],
    data = { currentModelId = instance.model, artifactSha256 = instance.package },
    error = outcome[1] == ActionStatus.ERROR
      and errors.new { code = "unhealthy", op = "inspect", message = tostring(text) } or nil,
    msg = ("%s: model %s, container %s: %s"):format(id, instance.model, instance.name, text),
  }
end

function report.absent(id)
  local absent = errors.new { code = "not_deployed", message = "not deployed" }
  return (given.failing({ id = id }, absent, State.ERRORED))
end

--- What the list says, as one of the kinds of docker.health.
local function kind_in_list(instance)
  if instance.state == "running" then
    return instance.health or "healthy"
  elseif KINDS[instance.state] then
    return instance.state
  end
  return "ended"
end

--- Podman's list says nothing about health checks.
local function is_certain(context, instance)
  return instance.state == "running" and (instance.health == "healthy"
    or instance.health == nil and context.engine.kind ~= "podman")
end

--- From the list alone.
local function brief(id, instance)
  return answer(kind_in_list(instance), id, instance, instance.status)
end

--- From inspecting it, with the end of its log when it is not healthy.
local function thorough(context, id, instance)
  local now, err = health.look(context, instance.id)
  if not now then
    if err.code == "not_found" then return report.absent(id) end
    return ActionStatusInfo.unknown(("%s: %s"):format(id, err.message), State.UNKNOWN)
  end
  local text = now.text
  if now.kind ~= "healthy" then text = text .. health.last_lines(context, instance.id) end
  local result = answer(now.kind, id, instance, text)
  local changed = result.status == ActionStatus.OK and drift.of(context, instance, now.inspected)
  if not changed then return result end
  return ActionStatusInfo.warning(("%s; but %s"):format(result.msg, changed), result.state, result.data)
end

--- Corrects the status of a healthy deployment whose predictions do not arrive.
local function with_route(context, result, id, instance, seen, lost)
  if result.state ~= State.READY then return result end
  local trouble = lost or seen.trouble or seen.networks and membership.unreached(instance, seen.networks)
  if trouble then return answer("unhealthy", id, instance, trouble) end
  local router = names.router(context.config.containerNamePrefix, id, instance.model, instance.generation)
  if seen.routers and not seen.routers[router] then
    local msg = ("%s; but the proxy does not route predictions to it: it has no router %s"):format(result.msg, router)
    return ActionStatusInfo.warning(msg, State.READY, result.data)
  end
  return result
end

--- Corrects the status of a deployment whose model was asked.
local function with_finding(result, one)
  local finding = one.finding
  if finding.answers == false then return answer("unhealthy", one.id, one.instance, finding.problem) end
  local remark = probe.remark(finding)
  if remark then result.msg = ("%s; %s"):format(result.msg, remark) end
  return result
end

--- Corrects the statuses of deployments that are ready by asking their models.
---@param results table<string, ActionStatusInfo>
---@param currents table<string, docker.Instance>
local function prove(context, results, currents, seen)
  if not proof.is_on(context) then return end
  local asked = {}
  for id, instance in pairs(currents) do
    local router = names.router(context.config.containerNamePrefix, id, instance.model, instance.generation)
    local is_routed = not seen.routers or seen.routers[router]
    if results[id].state == State.READY and is_routed then asked[#asked + 1] = { id = id, instance = instance } end
  end
  proof.ask(context, asked, seen)
  for _, one in ipairs(asked) do results[one.id] = with_finding(results[one.id], one) end
end

local function with_others(result, instances)
  if #instances > 1 then
    result.msg = ("%s (an unfinished replacement left %d containers; the next action on the deployment cleans up)")
      :format(result.msg, #instances)
  end
  local stranger = instances.strangers and instances.strangers[1]
  if stranger then
    result.msg = ("%s; container %s was made from an image of the deployment's container and has its labels, so "
      .. "predictions may get there: remove it"):format(result.msg, stranger.name)
    if result.status == ActionStatus.OK then result.status = ActionStatus.WARN end
  end
  return result
end

--- The problems of those current instances whose model the shared server has lost.
local function lost_models(context, currents)
  local routes = {}
  for _, instance in pairs(currents) do
    if instance.role == labels.Role.ROUTE and instance.state == "running" then routes[#routes + 1] = instance end
  end
  return shared.problems(context, routes)
end

--- The status of each deployment with one of these ids, from the list of all containers: for pe_status.
---@param context table
---@param deployments table<string, docker.Instance[]>
---@param ids string[]
---@param seen docker.ProxyState
---@return table<string, ActionStatusInfo>
function report.statuses(context, deployments, ids, seen)
  local currents, results, inspected = {}, {}, 0
  for _, id in ipairs(ids) do currents[id] = fleet.current(deployments[id] or {}) end
  local lost = lost_models(context, currents)
  for _, id in ipairs(ids) do
    local instance = currents[id]
    local result = instance and brief(id, instance) or report.absent(id)
    if instance and not is_certain(context, instance) and inspected < MOST_INSPECTED then
      inspected, result = inspected + 1, thorough(context, id, instance)
    end
    if instance then
      result = with_route(context, result, id, instance, seen, lost[instance.id])
    end
    results[id] = result
  end
  prove(context, results, currents, seen)
  for _, id in ipairs(ids) do
    if deployments[id] then results[id] = with_others(results[id], deployments[id]) end
  end
  return results
end

--- For deployment_status.
---@return ActionStatusInfo
function report.status(context, instances, id)
  local instance = fleet.current(instances)
  if not instance then return with_others(report.absent(id), instances) end
  local lost = lost_models(context, { [id] = instance })
  local seen = proxy_api.look(context)
  local results = { [id] = with_route(context, thorough(context, id, instance), id, instance, seen, lost[instance.id]) }
  prove(context, results, { [id] = instance }, seen)
  return with_others(results[id], instances)
end

--- The entry of deployment_list: a status from the engine's list alone, as the Python runner has it, and the
--- deployment's facts.
function report.entry(id, instances)
  local current = fleet.current(instances)
  local now, info = brief(id, current), current.info
  return {
    status = now.status, msg = now.msg, state = now.state, data = now.data, error = now.error,
    id = id, modelId = current.model, name = info.name, description = info.description,
    modelArtifact = info.modelArtifact, modelExecutionType = info.modelExecutionType,
    keyValueConfig = info.keyValueConfig,
  }
end

return report
