--- Removes what runs that were killed have left: objects of a deployment that has no Deployment. Recent ones may belong
--- to one that is being started right now.

local time = require "bosun.time"

local fleet = require "kubernetes.fleet"
local image = require "kubernetes.image"
local labels = require "kubernetes.labels"
local objects = require "kubernetes.objects"
local removal = require "kubernetes.removal"

local sweep = {}

local LEFTOVER_AGE = 3600 -- seconds

local function is_old(object)
  local born = time.parse(tostring(object.metadata.creationTimestamp))
  return born ~= nil and time.now() - born > LEFTOVER_AGE
end

--- The old objects of deployments, without their Deployments; or nil, err.
local function candidates(context)
  local all = {}
  for _, known in ipairs(objects.KINDS) do
    local some, err = known.kind == "Deployment" and {} or nil, nil
    if not some then some, err = context.cluster:list(known.kind, {
      namespace = context.namespace, labels = labels.selector(context), metadata_only = true,
      keep = function(object)
        local said = labels.read(object)
        local is_candidate = said.role == labels.Role.SERVER and said.id and labels.is_ours(context, object)
        return is_candidate and is_old(object) and object or nil
      end,
    }) end
    if not some and not fleet.is_dispensable(known, err) then return nil, err end
    table.move(some or {}, 1, #(some or {}), #all + 1, all)
  end
  return all
end

--- Ends builds that nobody waits for any more.
local function end_builds(context)
  local ended, err = image.end_builds(context, nil, is_old)
  if not ended then context.log:warn("cannot remove Jobs that earlier runs left behind", { error = err }) end
end

--- Removes leftovers. A failure is only logged: whatever is left harms nobody.
---@param context table
---@param found table<string, kubernetes.Deployed> read after the leftovers were listed
function sweep.run(context, read)
  end_builds(context)
  local old, err = candidates(context)
  if not old then return context.log:warn("cannot list what earlier runs left behind", { error = err }) end
  if #old == 0 then return end
  local found, problem = read()
  if not found then return context.log:warn("cannot list the deployments", { error = problem }) end
  local left = {}
  for _, object in ipairs(old) do
    if not found[labels.read(object).id] then left[#left + 1] = object end
  end
  local removed, why = removal.of(context, left)
  if not removed then context.log:warn("cannot remove what earlier runs left behind", { error = why }) end
end

return sweep
