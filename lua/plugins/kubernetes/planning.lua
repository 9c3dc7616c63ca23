--- What has to be done for a deployment, decided before anything is changed: its objects, which of them differ, and
--- what there was before.

local json = require "bosun.json"
local tables = require "bosun.tables"
local time = require "bosun.time"

local applied = require "kubernetes.applied"
local fleet = require "kubernetes.fleet"
local labels = require "kubernetes.labels"
local model_routes = require "kubernetes.model_routes"
local objects = require "kubernetes.objects"
local versions = require "kubernetes.versions"

local planning = {}

local LONGEST_NOTE = 100 * 1024 -- of the 256 KiB that all annotations of an object may have

--- What pods need goes before the Deployment, what publishes predictions and scales waits until the pods are ready.
local STAGES = { Secret = "early", Service = "middle" }

-- ---- the note of what was before ------------------------------------------------------------------------------------

local function with_annotation(object, key, value)
  local annotations = tables.copy(object.metadata.annotations or {})
  annotations[key] = value
  return tables.copy(object, { metadata = tables.copy(object.metadata, { annotations = annotations }) })
end

--- The Deployment without the note.
function planning.without_before(object)
  return with_annotation(object, fleet.BEFORE, nil)
end

--- The Deployment with a note of the objects that it replaces.
---@param object table
---@param before? table[]
function planning.with_before(object, before)
  local note = before and json.encode(json.array(before), { sort = true })
  if note and #note > LONGEST_NOTE then note = nil end -- this run has it in memory
  return with_annotation(object, fleet.BEFORE, note)
end

--- Does an object belong to the builder of the image?
---@param object table
---@return boolean
function planning.is_of_build(object)
  return labels.read(object).role == labels.Role.BUILD
end

--- All objects as they were applied, and those that a note may have: Secrets stay out of it.
local function as_before(all)
  local whole, noted = {}, {}
  for _, live in ipairs(all) do
    local object = not planning.is_of_build(live) and applied.of(live, versions.MANAGER)
    if object then
      if object.kind == "Deployment" then object = planning.without_before(object) end
      whole[#whole + 1] = object
      if object.kind ~= "Secret" then noted[#noted + 1] = object end
    end
  end
  return whole, noted
end

local function has_deployment(list)
  for _, object in ipairs(list) do
    if object.kind == "Deployment" then return true end
  end
  return false
end

--- What a rollout replaces: what an unfinished one before it has noted, else what there is.
local function before_of(deployed, all)
  if not deployed then return nil, nil end
  if deployed.before then return deployed.before, deployed.before end
  local whole, noted = as_before(all)
  if not has_deployment(whole) then return nil, nil end -- somebody else made it
  return whole, noted
end

-- ---- the objects ----------------------------------------------------------------------------------------------------

local function owns_replicas(live)
  for _, entry in ipairs(live.metadata.managedFields or {}) do
    local spec = entry.manager == versions.MANAGER and entry.operation == "Apply" and entry.fieldsV1["f:spec"]
    if spec and spec["f:replicas"] then return true end
  end
  return false
end

--- Keeps replicas in the Deployment that would fall back to 1 when an autoscaler is to have them from now on.
local function fit(main, live)
  if not live or main.spec.replicas ~= nil or not owns_replicas(live) then return main end
  return tables.copy(main, { spec = tables.copy(main.spec, { replicas = live.spec.replicas }) })
end

local function sort_into_stages(plan)
  plan.stages = { early = {}, middle = {}, late = {} }
  for _, object in ipairs(plan.desired) do
    if object.kind == "Deployment" then
      plan.main = object
    else
      table.insert(plan.stages[STAGES[object.kind] or "late"], object)
    end
  end
end

--- The live objects with the names of the desired ones: those of the deployment, and those that it shares or that
--- somebody else has, which is a problem.
local function known_objects(context, desired, all)
  local known = table.move(all, 1, #all, 1, {})
  for _, object in ipairs(desired) do
    if not versions.live(all, object) then
      local kind, name = object.apiVersion .. "/" .. object.kind, object.metadata.name
      local found, err = context.cluster:get(kind, name, { namespace = context.namespace })
      if not found and err.code ~= "NotFound" then return nil, err end
      if found and not (labels.is_ours(context, found) and labels.is_for_the_same(found, object)) then
        return nil, labels.taken(context, found)
      end
      known[#known + 1] = found
    end
  end
  return known
end

--- The text of the note that the live Deployment has.
local function note_of(live)
  return live and (live.metadata.annotations or {})[fleet.BEFORE]
end

--- What has to be done. Changes nothing.
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param image kubernetes.Image
---@param deployed? kubernetes.Deployed as it is
---@param all table[] its live objects
---@param options? { fresh?: boolean } fresh: new pods even when nothing differs
---@return table|nil plan for kubernetes.rollout
---@return string|bosun.Error|nil problem
function planning.plan(context, deployment, image, deployed, all, options)
  local stamp = options and options.fresh and time.format(time.now()) or deployed and deployed.stamp
  local ids, err = model_routes.taken_ids(context, deployment.model)
  if not ids then return nil, err end
  local desired, problem = objects.desired(context, deployment, image, { stamp = stamp, ids = ids })
  if not desired then return nil, problem end
  local plan = { id = deployment.id, model = deployment.model, package = image.package, desired = desired, all = all }
  sort_into_stages(plan)
  plan.known, problem = known_objects(context, desired, all)
  if not plan.known then return nil, problem end
  plan.live = versions.live(all, plan.main)
  plan.main = fit(plan.main, plan.live)
  plan.digest, plan.has_note = labels.read(plan.main).digest, note_of(plan.live) ~= nil
  local compared = with_annotation(plan.main, fleet.BEFORE, note_of(plan.live))
  plan.differs, problem = versions.differs(context, compared, plan.live)
  if plan.differs == nil then return nil, problem end
  plan.before_all, plan.before = before_of(deployed, all)
  return plan
end

return planning
