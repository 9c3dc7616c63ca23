--- Internal: what plugins that bring up prediction servers say of an action in the same words: the model that it is
--- about, why it did not come up, and which model is served instead.

local given = require "bosun.deployment_info"
local probe = require "bosun.prediction_server.probe"
local status = require "bosun.action_status"

local State = status.DeploymentState

local results = {}

---@class bosun.prediction_server.Deployment what an action is to bring up
---@field id string
---@field model string
---@field info table deploymentInfo

--- The deployment of an action, with the model that `key` names; or nil and a problem.
---@param deployment_info table
---@param key "modelId"|"newModelId"
---@return bosun.prediction_server.Deployment|nil
---@return bosun.Error|nil problem
function results.deployment(deployment_info, key)
  local id, problem = given.id(deployment_info, "id")
  if not id then return nil, problem end
  local model, no_model = given.id(deployment_info, key)
  if not model then return nil, no_model end
  return { id = id, model = model, info = deployment_info }
end

--- What the message of a success adds about the model that was there before, and what else is to be said.
---@param remarks string[]
---@param model string that is served now
---@param before? string
---@return string
function results.additions(remarks, model, before)
  local texts = {}
  if before and before ~= model then texts[1] = ("instead of model %s"):format(before) end
  table.move(remarks, 1, #remarks, #texts + 1, texts)
  return texts[1] and ", " .. table.concat(texts, ", ") or ""
end

--- The failure of a deployment that did not come up. It has no state yet.
---@param deployment bosun.prediction_server.Deployment
---@param problem string|bosun.Error
---@param data? table
---@return ActionStatusInfo
function results.not_up(deployment, problem, data)
  local text = given.about(deployment, "cannot bring up model %s: %s", deployment.model, tostring(problem))
  return (status.ActionStatusInfo.failing(text, nil, data or nil, problem))
end

--- Adds to a failure that a model is still served, or does not answer any more.
---@param result ActionStatusInfo
---@param deployment bosun.prediction_server.Deployment
---@param served string the model that was asked
---@param finding bosun.prediction_server.Finding
function results.add_still_serving(result, deployment, served, finding)
  if finding.answers == false then
    result.state = State.ERRORED
    result.msg = ("%s\nmodel %s is still there, but does not answer: %s"):format(result.msg, served, finding.problem)
    return
  end
  local remark = probe.remark(finding)
  result.state = State.READY
  result.msg = ("%s\nstill serving model %s%s"):format(result.msg, served, remark and "; " .. remark or "")
  if served == deployment.model then return end
  result.data = result.data or {}
  result.data.oldModelInUse = true
end

return results
