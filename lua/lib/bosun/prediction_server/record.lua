--- Internal: what is kept of a deploymentInfo beside what runs, in a label or an annotation, as JSON.

local json = require "bosun.json"
local tables = require "bosun.tables"
local url = require "bosun.url"

local record = {}

local KEPT = { "name", "description", "modelArtifact", "modelExecutionType", "keyValueConfig" }

--- Where the model came from, without the credentials that a URL may have: more people may read what is kept.
local function shown(artifact)
  local is_url = type(artifact) == "string" and artifact:find "^[Hh][Tt][Tt][Pp][Ss]?://"
  return is_url and url.show(artifact) or artifact
end

--- The text that is kept.
---@param deployment_info table
---@return string
function record.encode(deployment_info)
  local kept = {}
  for _, key in ipairs(KEPT) do kept[key] = deployment_info[key] end
  kept.modelArtifact = shown(kept.modelArtifact)
  return json.encode(kept, { sort = true })
end

--- What a kept text says; empty when it says nothing.
---@param text any
---@return table
function record.decode(text)
  local info = type(text) == "string" and json.decode(text)
  return type(info) == "table" and info or {}
end

local function can_hold(value)
  return (pcall(json.encode, value))
end

--- The first value of a deploymentInfo that cannot be kept, as the keys that lead to it; nil when all of it can.
---@param deployment_info table
---@return string[]|nil key_path
function record.unfit(deployment_info)
  if can_hold(deployment_info) then return nil end
  for _, name in ipairs(KEPT) do
    local value = deployment_info[name]
    for _, key in ipairs(type(value) == "table" and tables.sorted_keys(value) or {}) do
      if type(key) == "string" and not can_hold(value[key]) then return { "deploymentInfo", name, key } end
    end
    if value ~= nil and not can_hold(value) then return { "deploymentInfo", name } end
  end
end

--- What a deployment is made from besides model and settings: the rest of deploymentInfo, but for the package's path,
--- which differs each time that the agent fetches the package.
---@param deployment_info table
---@return table
function record.dependencies(deployment_info)
  local values = deployment_info.keyValueConfig
  local is_empty = type(values) == "table" and next(values) == nil
  return {
    name = deployment_info.name, description = deployment_info.description,
    keyValueConfig = not is_empty and values or nil,
  }
end

return record
