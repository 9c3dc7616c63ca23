--- Internal: checks a private config for `bosun validate`, without making a plugin object.

local config = require "bosun.config"
local yaml = require "bosun.yaml"

local validate = {}

local function load(schema, path)
  if schema then return config.load(path, schema) end
  if path then return yaml.load(path) end
  return {}
end

--- All problems of a plugin's private config, in the order of the file. Without a schema, any YAML file will do.
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
