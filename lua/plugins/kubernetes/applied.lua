--- What this plugin has applied of a live object: the object as it was handed over, without what the server and others
--- have added since. With it an object can be put back as it was, whichever config it came from.
---
--- Source: server-side apply, metadata.managedFields (fieldsV1): "f:NAME" is a field, 'k:{"name":"x"}' the item of a
--- list with these fields, "v:VALUE" an item of a list that is a set, "." the item itself.

local json = require "bosun.json"

local applied = {}

local function fields_of(object, manager)
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    if entry.manager == manager and entry.operation == "Apply" and not entry.subresource then return entry.fieldsV1 end
  end
end

--- Does a key of a list stand for this item?
local function is_meant(key, item)
  local kind, text = key:match "^([kv]):(.*)$"
  local wanted = kind and json.decode(text)
  if kind == "v" then return item == wanted end
  if kind ~= "k" or type(item) ~= "table" then return false end
  for name, value in pairs(wanted) do
    if item[name] ~= value then return false end
  end
  return true
end

local extract

--- The part of a list, in the list's own order.
local function of_list(fields, list)
  local result = json.array {}
  for _, item in ipairs(list) do
    for key, below in pairs(fields) do
      if is_meant(key, item) then result[#result + 1] = extract(below, item) end
    end
  end
  return result
end

local function of_map(fields, map)
  local result = {}
  for key, below in pairs(fields) do
    local name = key:match "^f:(.*)$"
    if name and map[name] ~= nil then result[name] = extract(below, map[name]) end
  end
  return result
end

--- The part of a value that belongs to these fields; all of it when they name no part.
function extract(fields, value)
  local has_items, has_fields = false, false
  for key in pairs(fields) do
    has_items, has_fields = has_items or key:find "^[kvi]:" ~= nil, has_fields or key:find "^f:" ~= nil
  end
  if type(value) ~= "table" or not (has_items or has_fields) then return value end
  return has_items and of_list(fields, value) or of_map(fields, value)
end

--- The object as it was applied; nil: it was not.
---@param object table a live one, with its kind
---@param manager string the field manager
---@return table|nil
function applied.of(object, manager)
  local fields = fields_of(object, manager)
  if not fields then return nil end
  local result = of_map(fields, object)
  result.apiVersion, result.kind = object.apiVersion, object.kind
  result.metadata = result.metadata or {}
  result.metadata.name, result.metadata.namespace = object.metadata.name, object.metadata.namespace
  return result
end

--- What the server changes by itself.
local VOLATILE = {
  managedFields = true, resourceVersion = true, generation = true, creationTimestamp = true, uid = true,
}

local function is_same(a, b, ignored)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not (ignored and ignored[key]) and not is_same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil and not (ignored and ignored[key]) then return false end
  end
  return true
end

--- Are two states of an object the same, but for what the server counts by itself?
---@param live table
---@param then_ table as the server would have it
---@return boolean
function applied.is_same(live, then_)
  local skipped = { metadata = true, status = true }
  return is_same(live, then_, skipped) and is_same(live.metadata, then_.metadata, VOLATILE)
end

return applied
