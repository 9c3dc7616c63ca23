--- Internal: whether a plugin would take its private config, for `bosun validate`. No plugin object is made.

local config = require "bosun.config"
local yaml = require "bosun.yaml"

local validate = {}

--- What is wrong with a file that could not be checked: its place, when the reader's message begins with it.
local function reading_problem(path, err)
  local line, column, what
  if err.message:sub(1, #path) == path then
    line, column, what = err.message:match("^:(%d+):(%d+): (.*)$", #path + 1)
  end
  return { path = "", line = tonumber(line), column = tonumber(column), message = what or err.message }
end

local function load(schema, path)
  if schema then return config.load(path, schema) end
  if path then return yaml.load(path) end
  return {}
end

--- Every problem of a plugin's private config, in the order of the file. Without a schema the file only has to be YAML.
---@param class BosunPluginBase
---@param path string|nil nil: no file
---@return { path: string, line?: integer, column?: integer, message: string }[]
function validate.problems(class, path)
  if class.config_schema then
    local ok, problem = config.check_schema(class.config_schema)
    if not ok then error(("the config_schema of %s: %s"):format(class.__name, problem), 0) end
  end
  local loaded, err = load(class.config_schema, path)
  if loaded ~= nil then return {} end
  if not path then
    for _, problem in ipairs(err.problems) do problem.message = problem.message .. "; no private config was given" end
  end
  return err.problems or { reading_problem(path, err) }
end

return validate
