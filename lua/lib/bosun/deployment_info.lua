--- Reads `deploymentInfo`, the argument of the deployment actions, with one check and one wording for every plugin.
---
---     local given = require "bosun.deployment_info"
---     local model, problem = given.id(deployment_info, "modelId")
---     if not model then return given.failing(deployment_info, problem) end

local errors = require "bosun.error"
local failing = require("bosun.action_status").ActionStatusInfo.failing
local fs = require "bosun.fs"
local path = require "bosun.path"

local deployment_info = {}

local LONGEST_ID = 1024 -- bytes

--- A message about a deployment: "deployment-1: …".
---@param info { id: any } deploymentInfo, or anything else with the deployment's id
---@param format string as for string.format
---@param ... any
---@return string
function deployment_info.about(info, format, ...)
  return ("%s: %s"):format(tostring(info.id), format:format(...))
end

--- A failing status about a deployment: "deployment-1: …", with the code of the error in `data.error`.
---@param info { id: any } as for `about`
---@param problem string|bosun.Error
---@param state? DeploymentState
---@param data? any
---@return ActionStatusInfo
function deployment_info.failing(info, problem, state, data)
  local status = failing(deployment_info.about(info, "%s", tostring(problem)), state, data,
    type(problem) == "table" and problem or nil)
  return status
end

--- An error about a value of the action config.
local function wrong(format, ...)
  return nil, errors.new { code = "config", op = "read the action config", message = format:format(...) }
end

--- An id: text that is not empty, without NUL bytes, of up to 1024 bytes.
---@param info table deploymentInfo
---@param key string "id", "modelId" or "newModelId"
---@return string|nil id
---@return bosun.Error|nil problem
function deployment_info.id(info, key)
  local id = info[key]
  if type(id) ~= "string" or id == "" then
    local stand_in = key == "newModelId" and ", and so is modelId" or "" -- which the host puts in its place
    return wrong("deploymentInfo.%s is missing%s", key, stand_in)
  end
  if id:find("\0", 1, true) then return wrong("deploymentInfo.%s contains a NUL byte", key) end
  if #id > LONGEST_ID then
    return wrong("deploymentInfo.%s is %d bytes long; at most %d are allowed", key, #id, LONGEST_ID)
  end
  return id
end

--- The deployment's own settings (`keyValueConfig`); empty when it has none.
---@param info table deploymentInfo
---@return table
function deployment_info.key_values(info)
  return type(info.keyValueConfig) == "table" and info.keyValueConfig or {}
end

---@class bosun.deployment_info.Artifact
---@field path string
---@field file string the last component of the path, which is safe as a file name
---@field type "file"|"directory"
---@field size integer bytes of a file

--- The model's file (`modelArtifact`): a file that exists, under a safe name. A model at an http or https URL is
--- fetched into a temporary file, which goes when the action has ended; its SHA-256 is checked if `deploymentInfo` has
--- one. The token of `pluginConfig` is sent if the URL is on the server of `mlopsUrl`.
---@param info table deploymentInfo
---@param given? { folder?: boolean } folder: a folder is as good as a file
---@return bosun.deployment_info.Artifact|nil artifact
---@return bosun.Error|nil problem
function deployment_info.artifact(info, given)
  local file = info.modelArtifact
  if type(file) ~= "string" or file == "" then return wrong "deploymentInfo.modelArtifact is missing" end
  if file:find("\0", 1, true) then
    return wrong "deploymentInfo.modelArtifact is not a valid path: contains a NUL byte"
  end
  if file:find "^[Hh][Tt][Tt][Pp][Ss]?://" then
    return require("bosun.host.fetch").artifact(file, info)
  end
  local stat, err = fs.stat(file)
  if not stat then return nil, errors.wrap(err, "cannot read the model") end
  local folders = given and given.folder
  if stat.type ~= "file" and not (folders and stat.type == "directory") then
    local expected = folders and "a file or a directory" or "a file"
    return wrong("modelArtifact %s is a %s; expected %s", file, stat.type, expected)
  end
  local name = path.basename(file)
  local safe, problem = path.safe_component(name, nil, "the model's file name")
  if not safe then return nil, problem end
  return { path = file, file = name, type = stat.type, size = stat.size }
end

local DIGEST_KEYS = { { "modelSha256" }, { "keyValueConfig", "sha256" } }

--- The SHA-256 that the model is to have: `modelSha256`, or `sha256` of `keyValueConfig`.
---@param info table deploymentInfo
---@return string|nil hex in lower case; nil without a problem: any will do
---@return bosun.Error|nil problem
function deployment_info.sha256(info)
  local expected, named
  for _, keys in ipairs(DIGEST_KEYS) do
    local value, name = info, "deploymentInfo." .. table.concat(keys, ".")
    for _, key in ipairs(keys) do value = type(value) == "table" and value[key] or nil end
    if value ~= nil and not (type(value) == "string" and #value == 64 and value:find "^%x+$") then
      return wrong("%s: expected the 64 hexadecimal digits of the model's SHA-256", name)
    end
    value = value and value:lower()
    if expected and value and value ~= expected then
      return wrong("%s and %s differ: %s and %s", named, name, expected, value)
    end
    if value then expected, named = value, name end
  end
  return expected
end

--- Compares a model's SHA-256 with the one that it is to have, if there is one.
---@param info table deploymentInfo
---@param sha256 string the model's
---@return true|nil ok
---@return bosun.Error|nil problem
function deployment_info.check_sha256(info, sha256)
  local expected, problem = deployment_info.sha256(info)
  if problem then return nil, problem end
  if not expected or expected == sha256 then return true end
  return nil, errors.new { code = "digest", op = "check the model", message = (
    "the SHA-256 of the model %s is %s, not %s as deploymentInfo has it"):format(tostring(info.modelArtifact), sha256,
    expected) }
end

--- What to add to a message when a deployment had another model than the action names; "" when it had that one.
---@param info table deploymentInfo
---@param served? string the id of the model that was served
---@return string
function deployment_info.other_model(info, served)
  local expected = deployment_info.id(info, "modelId")
  if not expected or not served or served == expected then return "" end
  return (" (it served model %s, not %s)"):format(served, expected)
end

--- A deployment's prediction URL: "BASE/SEGMENT/predict".
---@param base string
---@param segment string stands for the deployment, encoded already
---@return string
function deployment_info.prediction_url(base, segment)
  return ("%s/%s/predict"):format(base:gsub("/+$", ""), segment)
end

return deployment_info
