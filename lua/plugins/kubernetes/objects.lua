--- The objects of a deployment. Nothing here asks the cluster: the same config and the same deployment always make the
--- same objects.
---
--- A deployment has a Deployment, a Service, and an ingress or an HTTPRoute, all of one name; where the config asks
--- for it, a Secret, an autoscaler and a disruption budget. They have the Deployment as their owner, once that exists.
--- `/<model id>/predict` has a Service and an ingress of its own, which lead to all pods with that model: they belong
--- to no deployment, and go with the last one that serves the model.

local config = require "bosun.config"
local crypto = require "bosun.crypto"
local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local record = require "bosun.prediction_server.record"

local environment = require "kubernetes.objects.environment"
local labels = require "kubernetes.labels"
local limits = require "kubernetes.objects.limits"
local names = require "kubernetes.names"
local route = require "kubernetes.objects.route"
local routes = require "kubernetes.routes"
local scaling = require "kubernetes.objects.scaling"
local server = require "kubernetes.objects.server"

local objects = {}

--- All kinds that a deployment may have objects of, in the order in which they are removed: first what leads requests
--- to it. `optional`: not every cluster has it; `publishes`: it is part of a route.
---@type { kind: string, optional?: boolean, publishes?: boolean }[]
objects.KINDS = {
  { kind = "Ingress", publishes = true },
  { kind = "gateway.networking.k8s.io/v1/HTTPRoute", optional = true, publishes = true },
  { kind = "traefik.io/v1alpha1/Middleware", optional = true, publishes = true },
  { kind = "HorizontalPodAutoscaler" }, { kind = "PodDisruptionBudget" }, { kind = "Deployment" },
  { kind = "Service" }, { kind = "Secret" },
}

---@class kubernetes.Options
---@field stamp? string pods with another one are made anew: kubernetes.labels.read(…).stamp, or a new one
---@field ids? table<string, any> ids of all deployments: a model's route is left out if it is a deployment's

-- ---- metadata -------------------------------------------------------------------------------------------------------

--- The metadata of another object of a deployment than its Deployment.
local function metadata_of(context, deployment, name)
  return {
    name = name, namespace = context.namespace, labels = labels.deployment(context, deployment),
    annotations = labels.deployment_notes(context, deployment),
  }
end

--- The name of the objects that route by a model's id.
---@param context table
---@param model string
---@return string
function objects.model_name(context, model)
  return names.derived(context.config.objectNamePrefix, "model", model, context.environment)
end

local function model_metadata(context, model)
  local name = objects.model_name(context, model)
  return {
    name = name, namespace = context.namespace, labels = labels.model(context, model, name),
    annotations = labels.model_notes(context, model),
  }
end

-- ---- routes ---------------------------------------------------------------------------------------------------------

local function path_of(context, id, last)
  local _, base = routes.place(context)
  return ("%s/%s/%s"):format(base, names.segment(id), last)
end

--- Predictions, and where the proof asks through the published URL, the model's name.
local function paths_of(context, deployment)
  local paths = { { path = path_of(context, deployment.id, "predict"), target = prediction_server.PREDICTIONS } }
  if context.proof and context.proof.way == "url" then
    paths[2] = { path = path_of(context, deployment.id, "info"), target = prediction_server.INFO }
  end
  return paths
end

local function add_all(list, more)
  table.move(more, 1, #more, #list + 1, list)
end

local function add_route(list, context, deployment, name)
  local info = names.derived(context.config.objectNamePrefix, "info", deployment.id)
  local wanted = {
    paths = paths_of(context, deployment), service = name, port = prediction_server.PORT,
    metadata = function(i) return metadata_of(context, deployment, i == 2 and info or name) end,
  }
  add_all(list, route.objects(context, context.routing, wanted))
end

--- Is the model's path that of a deployment?
local function is_taken(deployment, options)
  local segment = names.segment(deployment.model)
  if segment == names.segment(deployment.id) then return true end
  for id in pairs(options.ids or {}) do
    if segment == names.segment(id) then return true end
  end
  return false
end

local function add_model_route(list, context, deployment, options)
  if is_taken(deployment, options) then return end
  local model = deployment.model
  list[#list + 1] = server.service(model_metadata(context, model), labels.model_pods(context, model))
  local wanted = {
    paths = { { path = path_of(context, model, "predict"), target = prediction_server.PREDICTIONS } },
    service = list[#list].metadata.name, port = prediction_server.PORT,
    metadata = function() return model_metadata(context, model) end,
  }
  add_all(list, route.objects(context, context.routing, wanted))
end

-- ---- all of them ----------------------------------------------------------------------------------------------------

--- An autoscaler compares with what is requested.
local function scaling_problem(context, found)
  local amounts = found.resources or {}
  if (amounts.requests or {}).cpu or (amounts.limits or {}).cpu then return nil end
  return config.problem(context.config, "autoscaler", "it needs resources.requests.cpu, or cpus in the deployment's "
    .. "keyValueConfig: the use of processors is a share of what is requested")
end

--- What the objects are made from; or nil and a problem.
local function made_of(context, deployment, image, name)
  local found, problem = limits.of(context, deployment)
  if not found then return nil, problem end
  local is_scaled = context.config.autoscaler ~= nil and found.replicas == nil
  local unscalable = is_scaled and scaling_problem(context, found)
  if unscalable then return nil, unscalable end
  local env, why = environment.of(context, deployment, name)
  if not env then return nil, why end
  local data = environment.secret_data(context)
  return {
    name = name, image = image.reference, env = env, limits = found, is_scaled = is_scaled, data = data,
    secrets = data and environment.secret_digest(data),
  }
end

--- A digest of what objects are, and of what the Deployment keeps: two lists of the same digest make no difference.
local function digest_of(list, deployment, image)
  local whole = { list, record.dependencies(deployment.info), image.package or json.null }
  return crypto.sha256(json.encode(whole, { sort = true }))
end

local function list_of(context, deployment, options, made)
  local function metadata() return metadata_of(context, deployment, made.name) end
  local list = {}
  if made.data then
    list[1] = { apiVersion = "v1", kind = "Secret", type = "Opaque", metadata = metadata(), data = made.data }
  end
  list[#list + 1] = server.deployment(context, deployment, made)
  list[#list + 1] = server.service(metadata(), labels.pods(context, deployment.id))
  add_route(list, context, deployment, made.name)
  if made.is_scaled then list[#list + 1] = scaling.autoscaler(context, metadata(), made.name) end
  if context.config.podDisruptionBudget then
    list[#list + 1] = scaling.budget(context, metadata(), deployment.id)
  end
  add_model_route(list, context, deployment, options)
  return list
end

local function deployment_of(list)
  for _, object in ipairs(list) do
    if object.kind == "Deployment" then return object end
  end
end

--- A deployment's objects, in the order in which they are applied. context.routing has to be there (kubernetes.routes).
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param image { reference: string, package?: string, history?: string[] }
---@param options? kubernetes.Options
---@return table[]|nil list
---@return string|bosun.Error|nil problem
function objects.desired(context, deployment, image, options)
  options = options or {}
  local name = names.object(context.config.objectNamePrefix, deployment.id)
  local made, problem = made_of(context, deployment, image, name)
  if not made then return nil, problem end
  local digest = digest_of(list_of(context, deployment, options, made), deployment, image)
  made.stamp = options.stamp -- not part of the digest
  local list = list_of(context, deployment, options, made)
  labels.keep(deployment_of(list).metadata.annotations, {
    info = deployment.info, digest = digest, package = image.package, images = image.history,
  })
  return list
end

-- ---- what is there and not wanted -----------------------------------------------------------------------------------

local function key_of(object)
  return ("%s/%s"):format(object.kind, object.metadata.name)
end

--- The objects of one list that are not in another.
---@param present table[] each with its kind
---@param wanted table[]
---@return table[]
function objects.without(present, wanted)
  local is_wanted, list = {}, {}
  for _, object in ipairs(wanted) do is_wanted[key_of(object)] = true end
  for _, object in ipairs(present) do
    if not is_wanted[key_of(object)] then list[#list + 1] = object end
  end
  return list
end

--- Of a deployment's objects, those that are no longer part of it: `present` without what is in `wanted`.
---@param present table[] each with its kind
---@param wanted table[]
---@return table[]
function objects.surplus(present, wanted)
  local list = {}
  for _, object in ipairs(objects.without(present, wanted)) do
    if labels.read(object).role ~= labels.Role.MODEL then list[#list + 1] = object end
  end
  return list
end

--- Of the objects that route by a model's id, those that no deployment needs, or whose path is a deployment's.
---@param present table[]
---@param deployments table<string, string> id → the model that it serves
---@return table[]
function objects.unneeded_routes(present, deployments)
  local is_served, is_id, list = {}, {}, {}
  for id, model in pairs(deployments) do is_served[model], is_id[names.segment(id)] = true, true end
  for _, object in ipairs(present) do
    local seen = labels.read(object)
    local is_needed = seen.model and is_served[seen.model] and not is_id[names.segment(seen.model)]
    if seen.role == labels.Role.MODEL and not is_needed then list[#list + 1] = object end
  end
  return list
end

return objects
