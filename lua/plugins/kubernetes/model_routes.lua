--- The routes by a model's id belong to no single deployment: several may serve the same model. They go when none does.

local fleet = require "kubernetes.fleet"
local labels = require "kubernetes.labels"
local names = require "kubernetes.names"
local objects = require "kubernetes.objects"
local publication = require "kubernetes.publication"
local removal = require "kubernetes.removal"
local versions = require "kubernetes.versions"

local model_routes = {}

--- What leads to a model has a Service, too.
local function may_be_route(known)
  return known.publishes or known.kind == "Service"
end

--- What publishes a model, whichever way, and is not wanted.
local function unwanted(context, model, wanted)
  local name, found = objects.model_name(context, model), {}
  for _, known in ipairs(objects.KINDS) do
    local object, err
    if known.publishes then object, err = context.cluster:get(known.kind, name, { namespace = context.namespace }) end
    if err and err.code ~= "NotFound" and not fleet.is_dispensable(known, err) then return nil, err end
    if object and labels.is_ours(context, object) then found[#found + 1] = object end
  end
  return objects.without(found, wanted)
end

--- Removes what publishes a model and is not wanted. True, and whether there was any; or nil and a problem.
local function remove(context, model, wanted)
  local list, err = unwanted(context, model, wanted)
  if not list then return nil, err end
  local removed, problem = removal.of(context, list)
  if not removed then return nil, problem end
  return true, list[1] ~= nil
end

--- Frees the path of a deployment, which a model's id has had.
local function free_path(context, id)
  local removed, any = remove(context, id, {})
  if not removed then return nil, any end
  if any then publication.wait_for_end(context, id) end
  return true
end

--- Removes what publishes a model at the path of a deployment, before that is published: a controller takes a path
--- once, or leads to either of both.
---@param context table
---@param plan table of kubernetes.planning
---@return true|nil ok
---@return bosun.Error|nil err
function model_routes.make_way(context, plan)
  for _, object in ipairs(plan.desired) do
    local publishes = object.kind == "Ingress" or object.kind == "HTTPRoute"
    local is_own = labels.read(object).role == labels.Role.SERVER
    if publishes and is_own and not versions.live(plan.known, object) then return free_path(context, plan.id) end
  end
  return true
end

--- Removes what published the deployment's model another way: an ingress, when there is a Gateway now.
---@param context table
---@param plan table of kubernetes.planning
---@return true|nil ok
---@return bosun.Error|nil err
function model_routes.end_other_ways(context, plan)
  local removed, err = remove(context, plan.model, plan.desired)
  return removed, not removed and err or nil
end

--- The routes by models' ids that there are.
local function list_routes(context)
  local all = {}
  for _, known in ipairs(objects.KINDS) do
    local some, err = {}, nil
    if may_be_route(known) then
      some, err = context.cluster:list(known.kind, {
        namespace = context.namespace, metadata_only = true, labels = labels.selector(context),
        keep = function(object)
          local is_route = labels.read(object).role == labels.Role.MODEL and labels.is_ours(context, object)
          return is_route and object or nil
        end,
      })
    end
    if not some and not fleet.is_dispensable(known, err) then return nil, err end
    table.move(some or {}, 1, #(some or {}), #all + 1, all)
  end
  return all
end

--- The models that are served, or are about to be, or may be again after an undo.
local function models_in_use(found)
  local models = {}
  for id, deployed in pairs(found) do
    models[id] = deployed.model
    for i, object in ipairs(deployed.before or {}) do models[("%s\0%d"):format(id, i)] = labels.read(object).model end
  end
  return models
end

--- Removes the routes of models that no deployment has any more. The routes are read before the deployments: whoever
--- publishes a model has its Deployment by then.
---@param context table
---@return true|nil ok
---@return bosun.Error|nil err
function model_routes.sweep(context)
  if context.dry_run then return true end
  local routes, err = list_routes(context)
  if not routes then return nil, err end
  if #routes == 0 then return true end
  local found, problem = fleet.read(context)
  if not found then return nil, problem end
  return removal.of(context, objects.unneeded_routes(routes, models_in_use(found)))
end

--- Of the ids of deployments, that one whose path a model's would be: the model has no path then.
---@param context table
---@param model string
---@return table<string, boolean>|nil ids
---@return bosun.Error|nil err
function model_routes.taken_ids(context, model)
  local name = names.object(context.config.objectNamePrefix, model)
  local found, err = context.cluster:get("Deployment", name, { namespace = context.namespace })
  if not found and err.code ~= "NotFound" then return nil, err end
  local id = found and labels.is_ours(context, found) and labels.read(found).id
  return id and { [id] = true } or {}
end

return model_routes
