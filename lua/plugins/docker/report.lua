--- What is said of deployments: the statuses of deployment_status and pe_status, and the entries of deployment_list.

local status = require "bosun.action_status"

local fleet = require "docker.fleet"
local health = require "docker.health"
local labels = require "docker.labels"
local names = require "docker.names"
local proxy = require "docker.proxy"
local shared = require "docker.shared"

local ActionStatus, ActionStatusInfo, State = status.ActionStatus, status.ActionStatusInfo, status.DeploymentState

local report = {}

--- Of so many deployments that are not well pe_status says more than the engine's list does: the number of requests to
--- the engine is not to grow with the number of deployments.
local LOOKED_INTO = 5

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
  return ("%s/%s/predict"):format(context.config.outfacingPredictionURLPrefix:gsub("/+$", ""),
    names.segment(deployment_id))
end

local function answer(kind, id, instance, text)
  local outcome = KINDS[kind]
  return ActionStatusInfo {
    status = outcome[1], state = outcome[2], data = { currentModelId = instance.model },
    msg = ("%s: model %s, container %s: %s"):format(id, instance.model, instance.name, text),
  }
end

function report.absent(id)
  return ActionStatusInfo {
    status = ActionStatus.ERROR, state = State.STOPPED, msg = ("%s: it is not deployed here"):format(id),
  }
end

--- The list's words as one of the kinds of docker.health.
local function kind_in_list(instance)
  if instance.state == "running" then
    return instance.health or "healthy"
  elseif KINDS[instance.state] then
    return instance.state
  end
  return "ended"
end

--- Podman's list says nothing of health checks.
local function is_certain(context, instance)
  return instance.state == "running" and (instance.health == "healthy"
    or instance.health == nil and context.engine.kind ~= "podman")
end

--- From what the list says alone.
local function brief(id, instance)
  return answer(kind_in_list(instance), id, instance, instance.status)
end

--- From inspecting it, with its last lines where it is not well.
local function thorough(context, id, instance)
  local now, err = health.look(context, instance.id)
  if not now then
    if err.code == "not_found" then return report.absent(id) end
    return ActionStatusInfo {
      status = ActionStatus.UNKNOWN, state = State.UNKNOWN, msg = ("%s: %s"):format(id, err.message),
    }
  end
  local text = now.text
  if now.kind ~= "healthy" then text = text .. health.last_lines(context, instance.id) end
  return answer(now.kind, id, instance, text)
end

--- Takes back that a deployment is well, when its predictions do not arrive.
local function with_route(context, result, id, instance, routers, trouble)
  if result.status ~= ActionStatus.OK then return result end
  if trouble then return answer("unhealthy", id, instance, trouble) end
  local router = names.router(context.config.containerNamePrefix, id, instance.model, instance.generation)
  if routers and not routers[router] then
    return ActionStatusInfo {
      status = ActionStatus.WARN, state = State.READY, data = result.data,
      msg = ("%s; but the proxy does not send predictions to it: it has no router %s"):format(result.msg, router),
    }
  end
  return result
end

local function with_others(result, instances)
  if #instances > 1 then
    result.msg = ("%s (an unfinished replacement left %d containers: the next action on it clears that up)"):format(
      result.msg, #instances)
  end
  return result
end

--- The routes among the current instances whose model the shared server does not have.
local function lost_models(context, currents)
  local routes = {}
  for _, instance in pairs(currents) do
    if instance.role == labels.Role.ROUTE and instance.state == "running" then routes[#routes + 1] = instance end
  end
  return shared.problems(context, routes)
end

--- The status of each deployment with one of these ids, from the list of all containers.
---@param context table
---@param deployments table<string, docker.Instance[]>
---@param ids string[]
---@param most integer how many of them may be looked into
---@return table<string, ActionStatusInfo>
local function statuses(context, deployments, ids, most)
  local currents, results, looked_into = {}, {}, 0
  for _, id in ipairs(ids) do currents[id] = fleet.current(deployments[id] or {}) end
  local lost, routers, proxy_problem = lost_models(context, currents), nil, nil
  if next(currents) then routers, proxy_problem = proxy.routers(context) end
  for _, id in ipairs(ids) do
    local instance = currents[id]
    local result = instance and brief(id, instance) or report.absent(id)
    if instance and not is_certain(context, instance) and looked_into < most then
      looked_into, result = looked_into + 1, thorough(context, id, instance)
    end
    if instance then
      local trouble = lost[instance.id] or proxy_problem
      result = with_others(with_route(context, result, id, instance, routers, trouble), deployments[id])
    end
    results[id] = result
  end
  return results
end

--- For pe_status.
---@return table<string, ActionStatusInfo>
function report.statuses(context, deployments, ids)
  return statuses(context, deployments, ids, LOOKED_INTO)
end

--- For deployment_status.
---@return ActionStatusInfo
function report.status(context, instances, id)
  return statuses(context, { [id] = instances }, { id }, 1)[id]
end

--- The entry of deployment_list.
function report.entry(id, instances)
  local current = fleet.current(instances)
  local info = current.info
  return {
    id = id, modelId = current.model, name = info.name, description = info.description,
    modelArtifact = info.modelArtifact, modelExecutionType = info.modelExecutionType,
    keyValueConfig = info.keyValueConfig,
  }
end

return report
