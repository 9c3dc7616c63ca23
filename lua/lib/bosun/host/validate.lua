--- Internal: whether a plugin would take its private config, for `bosun validate`. No plugin object is made.

local config = require "bosun.config"
local yaml = require "bosun.yaml"

local validate = {}

local function load(schema, path)
  if schema then return config.load(path, schema) end
  if path then return yaml.load(path) end
  return {}
end

--- Every problem of a plugin's private config, in the order of the file. Without a schema the file only has to be YAML.
---@param class BosunPluginBase
---@param path string|nil nil: no file
---@return bosun.Error[]
function validate.problems(class, path)
  if class.config_schema then
    local ok, problem = config.check_schema(class.config_schema)
    if not ok then error(("the config_schema of %s: %s"):format(class.__name, problem), 0) end
  end
  local loaded, err = load(class.config_schema, path)
  if loaded ~= nil then return {} end
  return err.problems or { err }
end

return validate
