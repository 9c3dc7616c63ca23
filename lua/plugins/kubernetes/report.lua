--- Reports on deployments: the statuses of deployment_status and pe_status, and the entries of deployment_list.

local errors = require "bosun.error"
local given = require "bosun.deployment_info"
local probe = require "bosun.prediction_server.probe"
local status = require "bosun.action_status"

local fleet = require "kubernetes.fleet"
local proof = require "kubernetes.proof"
local reasons = require "kubernetes.reasons"

local ActionStatus, ActionStatusInfo, State = status.ActionStatus, status.ActionStatusInfo, status.DeploymentState

local report = {}

--- How many deployments pe_status asks for the last lines of their pods. The number of requests must not grow with the
--- number of deployments.
local MOST_INSPECTED = 5

local KINDS = {
  serving = { ActionStatus.OK, State.READY },
  partial = { ActionStatus.WARN, State.READY },
  updating = { ActionStatus.WARN, State.REPLACING_MODEL },
  launching = { ActionStatus.WARN, State.LAUNCHING },
  ending = { ActionStatus.WARN, State.SHUTTING_DOWN },
  failed = { ActionStatus.ERROR, State.ERRORED },
  stopped = { ActionStatus.ERROR, State.STOPPED },
}

local function pods_ready(deployed)
  return ("pods ready: %d of %d"):format(deployed.available, deployed.wanted)
end

--- What an unfinished replacement is for; "": there is none.
local function replacement(deployed)
  if fleet.served(deployed) == deployed.model then return "" end
  return ("the replacement by model %s is not finished: "):format(deployed.model)
end

--- What keeps its pods from getting ready, in a few words; nil: nothing is known. The second result: for good.
local function trouble_of(deployed)
  local pod = fleet.troubled_pod(deployed)
  local problem = pod and pod.problem
  if problem then return ("pod %s: %s: %s"):format(pod.name, problem.code, problem.message), not problem.may_pass end
  if deployed.refused.status == "True" then
    return ("%s: %s"):format(tostring(deployed.refused.reason), tostring(deployed.refused.message)), true
  end
  if deployed.progressing.reason == "ProgressDeadlineExceeded" then
    return ("%s: %s"):format(deployed.progressing.reason, tostring(deployed.progressing.message)), true
  end
end

--- A deployment without a pod that is ready: it is coming up, or has failed.
local function down(deployed)
  local trouble, is_final = trouble_of(deployed)
  local was_up = deployed.progressing.reason == "NewReplicaSetAvailable" and deployed.is_observed
  local text = trouble and ("%s; %s"):format(pods_ready(deployed), trouble) or pods_ready(deployed)
  return (is_final or was_up) and "failed" or "launching", text
end

--- A deployment some of whose pods are ready.
local function partly_up(deployed)
  local trouble, unfinished = trouble_of(deployed), replacement(deployed)
  local text = trouble and ("%s; %s"):format(pods_ready(deployed), trouble) or pods_ready(deployed)
  if unfinished ~= "" then return trouble and "partial" or "updating", unfinished .. text end
  local is_rolling = not deployed.is_observed or deployed.updated < deployed.wanted or deployed.total > deployed.updated
  return is_rolling and not trouble and "updating" or "partial", is_rolling and "its pods are being exchanged: " .. text
    or text
end

--- What the cluster says, as one of KINDS, and in words.
---@param deployed kubernetes.Deployed
---@return string kind
---@return string text
function report.kind(deployed)
  if deployed.is_ending then return "ending", "it is being deleted" end
  if deployed.wanted == 0 then return "stopped", "somebody has scaled it to 0 pods" end
  if not fleet.serves(deployed) then return down(deployed) end
  if not fleet.is_complete(deployed) then return partly_up(deployed) end
  return "serving", pods_ready(deployed)
end

local function answer(kind, deployed, text)
  local outcome, model, package = KINDS[kind], fleet.served(deployed)
  return ActionStatusInfo {
    status = outcome[1], state = outcome[2], data = { currentModelId = model, artifactSha256 = package },
    error = outcome[1] == ActionStatus.ERROR
      and errors.new { code = "unhealthy", op = "inspect", message = text } or nil,
    msg = ("%s: model %s, %s"):format(deployed.id, model, text),
  }
end

--- The status of a deployment that does not exist.
---@param id string
---@return ActionStatusInfo
function report.absent(id)
  local absent = errors.new { code = "not_deployed", message = "not deployed" }
  return (given.failing({ id = id }, absent, State.ERRORED))
end

--- From the lists alone.
local function brief(deployed)
  local kind, text = report.kind(deployed)
  return answer(kind, deployed, text), kind
end

--- With the last lines of a pod that is not well.
local function thorough(context, deployed)
  local kind, text = report.kind(deployed)
  if kind == "serving" or kind == "stopped" then return answer(kind, deployed, text) end
  local pod = fleet.troubled_pod(deployed) or deployed.pods[1]
  if pod and not pod.is_ready then
    text = ("%s%s; %s"):format(replacement(deployed), pods_ready(deployed), reasons.of(context, pod))
  end
  return answer(kind, deployed, text)
end

local function warn(result, text)
  result.msg = ("%s; but %s"):format(result.msg, text)
  if result.status == ActionStatus.OK then result.status = ActionStatus.WARN end
  return result
end

--- Corrects the status of a deployment that nothing publishes any more, or whose rollout was interrupted.
local function with_surroundings(result, deployed)
  if deployed.missing and deployed.missing[1] and not deployed.is_ending then
    warn(result, ("its %s is missing, so predictions do not arrive; deployment_start makes it again"):format(
      table.concat(deployed.missing, " and its ")))
  elseif deployed.before and fleet.is_complete(deployed) then
    result.msg = result.msg .. "; an interrupted action left notes, which the next action on it clears up"
  end
  return result
end

--- Corrects the status of a deployment whose model was asked.
local function with_finding(result, one)
  local finding = one.finding
  if not finding then return result end
  if finding.answers == false then return answer("failed", one.deployed, finding.problem) end
  local remark = probe.remark(finding)
  if remark then result.msg = ("%s; %s"):format(result.msg, remark) end
  return result
end

--- Corrects the statuses of deployments that are ready by asking their models.
local function prove(context, results, deployments)
  local asked = {}
  for id, deployed in pairs(deployments) do
    if results[id].state == State.READY then asked[#asked + 1] = { deployed = deployed } end
  end
  proof.ask(context, asked)
  for _, one in ipairs(asked) do results[one.deployed.id] = with_finding(results[one.deployed.id], one) end
end

--- The status of each deployment with one of these ids, from the lists of all objects: for pe_status.
---@param context table
---@param found table<string, kubernetes.Deployed>
---@param ids string[]
---@return table<string, ActionStatusInfo>
function report.statuses(context, found, ids)
  local results, there, inspected = {}, {}, 0
  for _, id in ipairs(ids) do
    local deployed = found[id]
    there[id] = deployed
    local result, kind
    if deployed then result, kind = brief(deployed) end
    if kind == "failed" and inspected < MOST_INSPECTED then
      inspected, result = inspected + 1, thorough(context, deployed)
    end
    results[id] = result or report.absent(id)
  end
  if proof.is_cheap(context) then prove(context, results, there) end
  for id, deployed in pairs(there) do results[id] = with_surroundings(results[id], deployed) end
  return results
end

--- For deployment_status.
---@param context table
---@param deployed? kubernetes.Deployed
---@param id string
---@return ActionStatusInfo
function report.status(context, deployed, id)
  if not deployed then return report.absent(id) end
  local results = { [id] = thorough(context, deployed) }
  if proof.is_on(context) then prove(context, results, { [id] = deployed }) end
  return with_surroundings(results[id], deployed)
end

--- The entry of deployment_list: a status from the cluster's lists alone, as the Python runner has it, and the
--- deployment's facts.
---@param deployed kubernetes.Deployed
---@return table
function report.entry(deployed)
  local now, info = brief(deployed), deployed.info
  return {
    status = now.status, msg = now.msg, state = now.state, data = now.data, error = now.error,
    id = deployed.id, modelId = now.data.currentModelId, name = info.name, description = info.description,
    modelArtifact = info.modelArtifact, modelExecutionType = info.modelExecutionType,
    keyValueConfig = info.keyValueConfig,
  }
end

return report
