--- Internal: checks a plugin and its private config for `bosun validate`, without making a plugin object.

local config = require "bosun.config"
local missing = require "bosun.host.missing"
local yaml = require "bosun.yaml"

local validate = {}

--- The action config's `pluginConfig`, which may hold settings of the plugin. What is wrong with that file is reported
--- elsewhere.
local function fallback_in(path)
  local action_config = path and yaml.load(path)
  local values = type(action_config) == "table" and action_config.pluginConfig
  return type(values) == "table" and { values = values, file = path } or nil
end

local function problems_of(schema, path, action_config_file)
  if schema then return config.problems(path, schema, fallback_in(action_config_file)) end
  local loaded, err = true, nil
  if path then loaded, err = yaml.load(path) end
  return loaded == nil and { err } or {}
end

--- All problems of a plugin's private config, in the order of the file, and before them that it lacks the action.
--- Without a schema, any YAML file will do.
---@param class BosunPluginBase
---@param path string|nil nil: no file
---@param action_config_file string|nil
---@param action string|nil nil: any
---@return bosun.Error[] problems those without a `file` are about the private config
function validate.problems(class, path, action_config_file, action)
  if class.config_schema then
    local ok, problem = config.check_schema(class.config_schema)
    if not ok then error(("the config_schema of %s: %s"):format(class.__name, problem), 0) end
  end
  local problems = { action and missing.problem(class, action) }
  for _, problem in ipairs(problems_of(class.config_schema, path, action_config_file)) do
    problems[#problems + 1] = problem
  end
  return problems
end

return validate
