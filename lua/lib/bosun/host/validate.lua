--- Internal: checks a private config for `bosun validate`, without making a plugin object.

local config = require "bosun.config"
local yaml = require "bosun.yaml"

local validate = {}

--- The action config's `pluginConfig`, which may hold settings of the plugin. What is wrong with that file is reported
--- elsewhere.
local function fallback_in(path)
  local action_config = path and yaml.load(path)
  local values = type(action_config) == "table" and action_config.pluginConfig
  return type(values) == "table" and { values = values, file = path } or nil
end

--- All problems of a plugin's private config, in the order of the file. Without a schema, any YAML file will do.
---@param class BosunPluginBase
---@param path string|nil nil: no file
---@param action_config_file string|nil
---@return bosun.Error[]
function validate.problems(class, path, action_config_file)
  if class.config_schema then
    local ok, problem = config.check_schema(class.config_schema)
    if not ok then error(("the config_schema of %s: %s"):format(class.__name, problem), 0) end
  end
  if class.config_schema then return config.problems(path, class.config_schema, fallback_in(action_config_file)) end
  local loaded, err = true, nil
  if path then loaded, err = yaml.load(path) end
  return loaded == nil and { err } or {}
end

return validate
