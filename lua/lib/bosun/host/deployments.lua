--- Internal: completes the `data` of the two actions that answer for several deployments. Loaded only for them. `call`
--- is the driver's Call.

local action_status = require "bosun.action_status"
local errors = require "bosun.error"
local null = require("bosun.yaml").null

local ActionStatus, ActionStatusInfo = action_status.ActionStatus, action_status.ActionStatusInfo
local DeploymentState = action_status.DeploymentState

local deployments = {}

--- Raises unless the key at `where` is an id.
local function check_id(call, where, id)
  if type(id) == "string" then return end
  call:refuse(": %s has the key %s, a %s; expected the ids of deployments", where, tostring(id), type(id))
end

local function whole_statuses(call, infos)
  local whole = {}
  for id, info in pairs(infos) do
    check_id(call, "data.deploymentsStatus", id)
    local where = (": data.deploymentsStatus[%q]"):format(id)
    if not ActionStatusInfo.is(info) then
      call:refuse("%s is %s; expected an ActionStatusInfo", where, call.describe(info))
    end
    call:check(where, info)
    whole[id] = call:whole(info, info.data)
  end
  return whole
end

--- A plugin puts the statuses of deployments into `data.deploymentsStatus`, or by id straight into `data`. The agent
--- reads `deploymentsStatus`.
---@param call table
---@param data table
---@return table
function deployments.pe_status(call, data)
  local infos, rest = {}, {}
  for key, value in pairs(data) do
    local into = ActionStatusInfo.is(value) and infos or rest
    into[key] = value
  end
  local given = rest.deploymentsStatus
  if given == nil and next(infos) == nil then return data end
  if given ~= nil and type(given) ~= "table" then
    call:refuse(": data.deploymentsStatus is a %s; expected a table of ActionStatusInfo by deployment id", type(given))
  end
  for id, info in pairs(given or {}) do infos[id] = info end
  rest.deploymentsStatus = whole_statuses(call, infos)
  return rest
end

local STATUS_KEYS = { status = true, msg = true, state = true, duration = true, timestamp = true, data = true }

--- The status among the facts about a running deployment.
local function status_among(facts)
  local entry = {}
  for key in pairs(STATUS_KEYS) do
    if facts[key] ~= null then entry[key] = facts[key] end
  end
  return {
    status = entry.status or ActionStatus.OK, msg = entry.msg, duration = entry.duration,
    state = entry.state or entry.status == nil and DeploymentState.READY or nil,
    error = errors.is(facts.error) and facts.error or nil,
    data = entry.data or facts.modelId and { currentModelId = facts.modelId } or nil,
  }
end

--- Each entry becomes a whole status with the facts about the deployment (`id`, `modelId`, …) beside its six keys: that
--- serves agents that read the one and agents that read the other.
---@param call table
---@param data table
---@return table
function deployments.deployment_list(call, data)
  local whole = {}
  for id, entry in pairs(data) do
    check_id(call, "data", id)
    local where = (": data[%q]"):format(id)
    if type(entry) ~= "table" then
      call:refuse("%s is %s; expected a table of facts about the deployment, or an ActionStatusInfo", where,
        call.describe(entry))
    end
    local is_status = ActionStatusInfo.is(entry)
    local info = is_status and entry or status_among(entry)
    call:check(where, info)
    whole[id] = call:whole(info, info.data)
    whole[id].duration = info.duration or null
    for key, fact in pairs(is_status and {} or entry) do
      if not STATUS_KEYS[key] and not errors.is(fact) then whole[id][key] = fact end
    end
  end
  return whole
end

return deployments
