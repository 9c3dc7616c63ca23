--- What has to be done for a deployment, decided before the first effect: how it is served, by which container, and
--- whether there is room for it.

local given = require "bosun.deployment_info"
local record = require "bosun.prediction_server.record"

local dedicated = require "docker.dedicated"
local execution = require "docker.execution"
local fleet = require "docker.fleet"
local room = require "docker.room"
local schema = require "docker.schema"
local shared = require "docker.shared"

local planning = {}

local NOT_JSON = "not possible in JSON: an infinite number, NaN, or a key that is not a string"

--- How the deployment is served; or nil and a problem.
local function kind_of(context, deployment)
  local is_shared, text = execution.is_shared(deployment.info)
  if is_shared == nil then
    return nil, context.config_problem({ "deploymentInfo", "modelExecutionType" }, text)
  end
  if text then context.remark(text) end
  return is_shared and shared or dedicated
end

--- A custom model's image of the same name may be another one by now.
local function has_image(instance, plan)
  return not plan.image_id or not instance.made_of or instance.made_of == plan.image_id
end

--- The newest instance that matches the plan, unless a newer one serves, which the proxy prefers.
local function same_as_planned(instances, plan, deployment)
  for _, instance in ipairs(instances) do
    local is_planned = instance.role == plan.role and instance.model == deployment.model and instance.spec == plan.spec
    if is_planned and not has_image(instance, plan) then
      plan.fresh, is_planned = true, false
    end
    if is_planned and instance.state ~= "dead" and instance.state ~= "removing" then return instance end
    if fleet.serves(instance) then return nil end
  end
end

--- Do the old containers go first? They do not if the model is one of many in the shared server.
local function stops_first(context, deployment, kind)
  local value = given.key_values(deployment.info).replaceStrategy
  for _, strategy in ipairs(schema.STRATEGIES) do
    if value == nil or value == strategy then
      return kind == dedicated and (value or context.config.replaceStrategy) == "stopFirst"
    end
  end
  return nil, context.config_problem({ "deploymentInfo", "keyValueConfig", "replaceStrategy" },
    ("expected %s"):format(table.concat(schema.STRATEGIES, " or ")))
end

--- What has to be done for a deployment. Changes nothing.
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param instances docker.Instance[] of the deployment, newest first
---@param options? { fresh?: boolean } fresh: a new container even when an identical one serves
---@return table|nil plan for docker.rollout
---@return string|bosun.Error|nil problem
function planning.plan(context, deployment, instances, options)
  local unfit = record.unfit(deployment.info)
  if unfit then return nil, context.config_problem(unfit, NOT_JSON) end
  local kind, unknown = kind_of(context, deployment)
  if not kind then return nil, unknown end
  local plan, problem = kind.plan(context, deployment, fleet.current(instances))
  if not plan then return nil, problem end
  plan.kind, plan.fresh = kind, options and options.fresh
  plan.same = not plan.fresh and same_as_planned(instances, plan, deployment) or nil
  plan.stops_first, problem = stops_first(context, deployment, kind)
  if plan.stops_first == nil then return nil, problem end
  local crowded = not plan.same and room.problem(context, plan, instances)
  if crowded then return nil, crowded end
  return plan
end

return planning
