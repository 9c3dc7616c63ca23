--- A deployment with its own container: a single-model prediction server whose image contains the model.

local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local public_path = require "bosun.prediction_server.public_path"
local record = require "bosun.prediction_server.record"
local tables = require "bosun.tables"

local container = require "docker.container"
local health = require "docker.health"
local labels = require "docker.labels"
local limits = require "docker.limits"
local model_image = require "docker.model_image"
local names = require "docker.names"
local proxy = require "docker.proxy"
local services = require "docker.services"

local dedicated = { role = labels.Role.SERVER }

--- The health check: that of the private config, else that of a custom image, else that the server answers.
local function health_check(context, custom)
  local own = custom and type(custom.Config) == "table" and custom.Config.Healthcheck
  local has_own = type(own) == "table" and type(own.Test) == "table" and own.Test[1] and own.Test[1] ~= "NONE"
  if has_own and not context.config.healthCheck then return nil end
  return context.health_check
end

--- What the deployment's container should be. Changes nothing. `current` is what serves it now, if anything does.
---@return table|nil plan
---@return string|nil problem
function dedicated.plan(context, deployment, current)
  local host, problem = limits.of(context, deployment)
  if not host then return nil, problem end
  local environment, why = prediction_server.environment(deployment, services.monitoring(context),
    context.config.ppsEnvironment)
  if not environment then return nil, why end
  local custom, err = model_image.custom(context, deployment.model)
  if err then return nil, err end
  local digest, unread
  if not custom then digest, unread = model_image.digest(context, deployment, current) end
  if unread then return nil, unread end
  local bytes = not custom and model_image.bytes_to_build(context, deployment, digest) or nil
  local body = {
    Image = model_image.name(context, deployment.model),
    Env = services.environment_list(environment),
    ExposedPorts = { [prediction_server.PORT .. "/tcp"] = {} },
    Healthcheck = health_check(context, custom),
    HostConfig = container.host_config(context, host),
  }
  return {
    role = dedicated.role, is_custom = custom ~= nil, image_id = custom and custom.Id, body = body, package = digest,
    bytes = bytes, is_built = true,
    spec = container.spec_of(body, context.config.ppsBaseImage, record.dependencies(deployment.info),
      digest or json.null, public_path.of(context.config.outfacingPredictionURLPrefix)),
    name = names.container(context.config.containerNamePrefix, deployment.id, deployment.model),
  }
end

--- The other deployments of the same model whose package is another one, as a remark for the action's message.
local function remark_on_others(context, deployment, digest)
  local list = context.engine:list_containers { labels = labels.model_filter(context, deployment.model) }
  local others, ids = {}, {}
  for _, summary in ipairs(list or {}) do
    local other = labels.is_ours(context, summary.Labels) and labels.read(summary.Labels) or {}
    local differs = other.package and other.package ~= digest
    if differs and other.deployment and other.deployment ~= deployment.id then others[other.deployment] = true end
  end
  for _, id in ipairs(tables.sorted_keys(others)) do ids[#ids + 1] = id end
  if ids[1] then
    context.remark(("another package than that of the same model in deployment %s"):format(table.concat(ids, ", ")))
  end
end

--- Prepares what the container needs.
---@return true|nil ok
---@return string|nil problem
function dedicated.prepare(context, deployment, plan)
  if plan.is_custom then return true end
  plan.made = {}
  local ensured, problem = model_image.ensure(context, deployment, plan.package, plan.made)
  if not ensured then return nil, problem end
  if plan.made.built then remark_on_others(context, deployment, plan.package) end
  return true
end

--- The labels of one generation.
function dedicated.labels(context, deployment, plan, generation)
  local result = labels.deployment(context, deployment, plan, generation)
  return proxy.add_route(context, result, {
    deployment = deployment.id, model = deployment.model, generation = generation,
    path = prediction_server.PREDICTIONS, info = prediction_server.INFO,
  })
end

--- Waits until it answers.
---@return true|nil ok
---@return string|nil problem
function dedicated.wait(context, id)
  return health.wait(context, id)
end

--- Gives an instance's image back its name.
---@return true|nil ok
---@return string|nil problem
function dedicated.give_back(context, instance)
  return model_image.give_back(context, instance.model, instance.image_id)
end

--- Removes what belonged to a removed container. Of one that this action made (`instance.made`): what it made for it.
function dedicated.clean(context, instance, others)
  if instance.made then return model_image.take_back(context, instance.model, instance.made) end
  for _, other in ipairs(others) do
    local is_same = instance.image_id and other.image_id == instance.image_id
    if is_same or context.dry_run and other.model == instance.model then return end
  end
  model_image.remove(context, instance.model, instance.image_id)
end

return dedicated
