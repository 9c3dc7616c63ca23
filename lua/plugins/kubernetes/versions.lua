--- Changes objects by server-side apply: only what differs, and the Deployment only in the version that was read, so
--- that two actions on one deployment, on two machines, never mix.

local errors = require "bosun.error"
local tables = require "bosun.tables"

local applied = require "kubernetes.applied"
local labels = require "kubernetes.labels"

local versions = {}

local MOST_TRIES = 10 -- the status of a Deployment changes all the time, and with it its version

versions.MANAGER = "bosun"

--- The live object of the same kind and name.
---@param all table[]
---@param object table
---@return table|nil
function versions.live(all, object)
  for _, live in ipairs(all) do
    if live.kind == object.kind and live.metadata.name == object.metadata.name then return live end
  end
end

--- Would applying the object change the live one? The server says so (dryRun=All), with its own defaults and ways to
--- write a quantity. Refuses, too, what the server would refuse.
---@param context table
---@param object table
---@param live? table
---@return boolean|nil differs
---@return bosun.Error|nil err
function versions.differs(context, object, live)
  local checked, err = context.cluster:apply(object, { check = true, namespace = context.namespace })
  if not checked then return nil, err end
  return not live or not applied.is_same(live, checked)
end

--- Makes an object as it is described, if it differs.
---@param context table
---@param object table
---@param live? table
---@return table|nil object as it is now
---@return boolean|bosun.Error changed
function versions.converge(context, object, live)
  local differs, err = versions.differs(context, object, live)
  if differs == nil then return nil, err end
  if not differs then return live, false end
  local now, refused = context.cluster:apply(object, { namespace = context.namespace })
  if not now then return nil, refused end
  return now, true
end

local function is_other(now, before)
  return now.metadata.uid ~= before.metadata.uid or now.metadata.generation ~= before.metadata.generation
    or labels.read(now).digest ~= labels.read(before).digest
end

local function overtaken(name)
  return errors.new { code = "Conflict", op = "kubernetes", message = ("deployment %s: another action, or somebody "
    .. "else, has changed it in the meantime; run this action again"):format(name) }
end

--- Applies a Deployment over the version that was read; nil: it did not exist.
---@param context table
---@param object table
---@param live? table
---@return table|nil now
---@return bosun.Error|nil err code "Conflict": it is another one by now
function versions.apply_over(context, object, live)
  local cluster, name = context.cluster, object.metadata.name
  for _ = 1, MOST_TRIES do
    local metadata = live and tables.copy(object.metadata, { -- the uid, as one that is gone has no version any more
      uid = live.metadata.uid, resourceVersion = live.metadata.resourceVersion,
    })
    local now, err = cluster:apply(metadata and tables.copy(object, { metadata = metadata }) or object,
      { namespace = context.namespace })
    if now or err.code ~= "Conflict" or not live then return now, err end
    local fresh, gone = cluster:get("Deployment", name, { namespace = context.namespace })
    if not fresh and gone.code ~= "NotFound" then return nil, gone end
    if not fresh or is_other(fresh, live) then return nil, overtaken(name) end
    live = fresh
  end
  return nil, overtaken(name)
end

return versions
