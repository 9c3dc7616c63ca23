--- Removes objects of a deployment, and nothing else: each by its name and uid, after its labels and annotations have
--- said whose it is.

local errors = require "bosun.error"
local wait = require "bosun.wait"

local labels = require "kubernetes.labels"

local removal = {}

local INTERVAL = 0.3
local GRACE = 5 -- seconds on top of those that a pod may take to end
local LONGEST = 60 -- seconds that pods may take to end, besides their own grace period

--- What publishes predictions goes first, so that nobody is sent to a server that ends; then what would make new pods.
local ORDER = {
  Ingress = 1, HTTPRoute = 1, HorizontalPodAutoscaler = 2, PodDisruptionBudget = 2, Deployment = 3, Job = 3,
}

local function in_order(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted, function(a, b)
    local first, second = ORDER[a.kind] or 9, ORDER[b.kind] or 9
    if first ~= second then return first < second end
    if a.kind ~= b.kind then return a.kind < b.kind end
    return a.metadata.name < b.metadata.name
  end)
  return sorted
end

--- Removes these objects. One that is gone, or was replaced by another of its name, is none of them any more.
---@param context table
---@param list table[] live objects
---@return true|nil ok
---@return bosun.Error|nil err
function removal.of(context, list)
  for _, object in ipairs(in_order(list)) do
    local ok, err = context.cluster:delete(object.apiVersion .. "/" .. object.kind, object.metadata.name, {
      namespace = context.namespace, uid = object.metadata.uid,
    })
    if not ok and err.code ~= "Conflict" then return nil, err end
    if ok then context.note("removed", { kind = object.kind, name = object.metadata.name }) end
  end
  return true
end

--- How many pods are left of a deployment; `ending`: of those that are to end.
local function pods_left(context, id, ending)
  local count = 0
  local list, err = context.cluster:list("Pod", {
    namespace = context.namespace, labels = labels.selector(context, id), metadata_only = true,
    keep = function(pod)
      local is_its_own = labels.is_ours(context, pod) and labels.read(pod).id == id
      local counts = is_its_own and (not ending or pod.metadata.deletionTimestamp)
      count = count + (counts and 1 or 0)
    end,
  })
  if not list then return nil, err end
  return count
end

local function grace_of(list)
  for _, object in ipairs(list) do
    if object.kind == "Deployment" then
      return math.tointeger(object.spec.template.spec.terminationGracePeriodSeconds) or 30
    end
  end
  return 30
end

--- Waits until the pods of a deployment that were told to end have done so: until then, those who have not learnt of it
--- may still send them predictions.
---@param context table
---@param id string of the deployment
---@param longest? number seconds; default: what pods may take to end
function removal.wait_for_ends(context, id, longest)
  if context.dry_run then return end
  local config = context.config
  local seconds = math.min(longest or math.huge, config.drainTime + config.stopTimeout + GRACE)
  local ended, late = wait.poll(function()
    local left, problem = pods_left(context, id, true)
    return left == 0, problem or ("%d pods are ending"):format(left)
  end, { interval = INTERVAL, backoff = 1.2, timeout = wait.budget(seconds), what = "the end of old pods" })
  if not ended then context.log:warn("old pods are still there", { deployment = id, error = late }) end
end

--- Removes these objects, and waits until the deployment has no pod left.
---@param context table
---@param id string of the deployment
---@param list table[] live objects
---@return true|nil ok
---@return bosun.Error|nil err
function removal.whole(context, id, list)
  local removed, err = removal.of(context, list)
  if not removed then return nil, err end
  local ended, late = wait.poll(function()
    local left, problem = pods_left(context, id)
    if not left and problem.status then error(problem, 0) end
    return left == 0, problem or ("%d of its pods are still there"):format(left)
  end, {
    interval = INTERVAL, backoff = 1.3, timeout = wait.budget(grace_of(list) + LONGEST), what = "the end of its pods",
  })
  if ended then return true end
  return nil, errors.wrap(late, "not everything is gone")
end

return removal
