--- Typed configs. A plugin describes the keys of its private config in a table, and the config is checked against it.
--- All problems of a file are reported at once, each with file, line, column, the path of the key, what was expected
--- and what was found. An unknown key that resembles a known one is a problem, any other is logged as a warning.
---
---     local config = require "bosun.config"
---     local SCHEMA = {
---       baseDir = { type = "path", default = "." },
---       port = { type = "integer", min = 1, max = 65535, required = true, description = "port of the server" },
---     }
---     local settings = assert(config.load(path, SCHEMA))
---
--- A plugin that sets `SamplePlugin.config_schema` finds its checked config in `self.config`.
---
--- The types are string, integer, number, boolean, seconds (a number or "5m"), bytes (an integer or "512Mi"), path,
--- url, map, list and any. See bosun.config.Spec for the other properties of a key.

local check = require "bosun.config.check"
local config_secrets = require "bosun.config.secrets"
local errors = require "bosun.error"
local fs = require "bosun.fs"
local log = require "bosun.log"
local schemas = require "bosun.config.schema"
local yaml = require "bosun.yaml"

local config = {}

local MOST_PROBLEMS = 20

--- schemas that have been checked
local checked_schemas = setmetatable({}, { __mode = "k" })

--- loaded config → its file, raw values and marks
local origins = setmetatable({}, { __mode = "k" })

---@class bosun.config.Error: bosun.Error the place of a single problem, or a message with a line for each problem
---@field problems bosun.Error[] all of them, in the order of the file

--- Ends the message of a problem when no file was given.
local NOT_GIVEN = "; no private config was given"

local function by_position(a, b)
  if a.file ~= b.file then return (a.file or "") < (b.file or "") end
  if a.line ~= b.line then return (a.line or 0) < (b.line or 0) end
  if a.column ~= b.column then return (a.column or 0) < (b.column or 0) end
  return a.path < b.path
end

--- A problem as an error. file "": none was given.
local function as_error(op, file, problem)
  return errors.new {
    code = "config", op = op, file = problem.file or file, line = problem.line, column = problem.column,
    path = problem.path ~= "" and problem.path or nil, message = problem.message,
  }
end

local function failure(op, file, problems)
  table.sort(problems, by_position)
  for i, problem in ipairs(problems) do problems[i] = as_error(op, file, problem) end
  if #problems == 1 then
    local only = errors.new(problems[1])
    only.problems = problems
    return only
  end
  local lines = {}
  for i = 1, math.min(#problems, MOST_PROBLEMS) do lines[i] = tostring(problems[i]) end
  if #problems > MOST_PROBLEMS then lines[#lines + 1] = ("… and %d more"):format(#problems - MOST_PROBLEMS) end
  return errors.new { code = "config", op = op, file = file, message = table.concat(lines, "\n"), problems = problems }
end

--- The mapping in a file, and the marks of its values. The file's secrets are known from then on.
local function read(path, schema)
  local text, err = fs.read(path)
  if not text then return nil, err end
  local value, marks = yaml.decode_marked(text, path)
  if value == nil then
    config_secrets.add_text(text, schema)
    return nil, marks
  end
  config_secrets.add({ fields = schema }, value, false)
  if value == yaml.null then return {}, marks end
  return value, marks
end

--- What the agent says about the plugin in its `pluginConfig`; these are no settings of the plugin.
local AGENT_KEYS = { name = true, type = true, platform = true, command = true, commandPrefix = true }

---@class bosun.config.Fallback settings that count where the file has none
---@field values table the action config's `pluginConfig`
---@field file? string the action config, for messages

--- The `pluginConfig` as the file has it, with marks; without a file that can be read, the values alone.
local function marked_values(fallback)
  local root, marks
  if fallback.file then root, marks = read(fallback.file, {}) end
  local values = type(root) == "table" and root.pluginConfig
  if type(values) ~= "table" then return fallback.values, {} end
  return values, marks
end

--- Takes the keys of the schema that the file lacks from the fallback, with their marks.
local function fall_back(raw, marks, schema, fallback)
  local values, more
  config_secrets.add({ fields = schema }, fallback.values, false)
  for key in pairs(schema) do
    if raw[key] == nil and fallback.values[key] ~= nil and not AGENT_KEYS[key] then
      if not values then values, more = marked_values(fallback) end
      local mark = { file = fallback.file or "pluginConfig", path = "pluginConfig." .. key }
      for name, number in pairs(more[values] and more[values][key] or {}) do mark[name] = number end
      raw[key] = values[key]
      config_secrets.add(schema[key], values[key], false)
      marks[raw] = marks[raw] or {}
      marks[raw][key] = mark
    end
  end
  for container, places in pairs(more or {}) do
    if type(container) == "table" then marks[container] = places end
  end
end

--- Checks the whole file. Returns the config or nil, the problems, and what deserves only a warning.
local function checked(file, raw, marks, schema, fallback)
  local state = { marks = marks, problems = {}, warnings = {} }
  local root = check.root(marks)
  if type(raw) ~= "table" or check.is_list(raw) then
    root.message = "expected a mapping, found " .. check.found(raw)
    return nil, { root }, {}
  end
  if fallback then fall_back(raw, marks, schema, fallback) end
  local result = check.fields(state, schema, raw, root)
  for _, problem in ipairs(file == "" and state.problems or {}) do
    if not problem.file then problem.message = problem.message .. NOT_GIVEN end
  end
  origins[result] = { file = file, raw = raw, marks = marks }
  return #state.problems == 0 and result or nil, state.problems, state.warnings
end

--- The same for the file at `path`; nil, nil and the error when it cannot be read.
local function load(path, schema, fallback)
  if not path then return checked("", {}, {}, schema, fallback) end
  local raw, marks = read(path, schema)
  if raw == nil then return nil, nil, marks end
  return checked(path, raw, marks, schema, fallback)
end

--- Checks a schema, once for each table. config.load does so, too.
---@param schema table<string, bosun.config.Spec>
---@return true|nil ok
---@return string|nil problem "port: type is strin; expected one of …"
function config.check_schema(schema)
  if checked_schemas[schema] then return true end
  local ok, problem = pcall(schemas.check, schema)
  if ok then ok, problem = pcall(check.defaults, schema) end
  if not ok then return nil, problem end
  checked_schemas[schema] = true
  return true
end

--- Reads and checks a config file.
---@param path string|nil nil: no file, all defaults
---@param schema table<string, bosun.config.Spec>
---@param fallback? bosun.config.Fallback settings from elsewhere, for keys that the file lacks
---@return table|nil config a new table with values converted and defaults filled in
---@return bosun.config.Error|bosun.Error|nil err
function config.load(path, schema, fallback)
  local ok, misuse = config.check_schema(schema)
  if not ok then error("config schema: " .. misuse, 2) end
  local result, problems, warnings = load(path, schema, fallback)
  if not problems then return nil, warnings end
  if not result then return nil, failure("config.load", path or "", problems) end
  table.sort(warnings, by_position)
  for _, warning in ipairs(warnings) do log.warn(tostring(as_error("config.load", path, warning))) end
  return result
end

--- Finds all problems of a config file, and the keys that config.load would only warn about. For tools; a plugin uses
--- config.load.
---@param path string|nil
---@param schema table<string, bosun.config.Spec>
---@param fallback? bosun.config.Fallback
---@return bosun.Error[] problems in the order of the file
function config.problems(path, schema, fallback)
  local _, problems, warnings = load(path, schema, fallback)
  if not problems then return { warnings } end
  table.move(warnings, 1, #warnings, #problems + 1, problems)
  return #problems > 0 and failure("config.load", path or "", problems).problems or {}
end

--- A key path as a list of keys: "list[2].name" gives list, 2, name.
local function split(key_path)
  if type(key_path) == "table" then return key_path end
  local keys = {}
  for key in key_path:gsub("%[(%d+)%]", ".%1"):gmatch("[^.]+") do keys[#keys + 1] = key end
  return keys
end

local function problem_at(file, raw, marks, key_path, message)
  local place = check.locate(marks, raw, split(key_path))
  place.message = message
  return failure("config.problem", file, { place })
end

--- An error about a value of a loaded config, for mistakes that show only in use. It names the line of the value.
---@param loaded table what config.load returned
---@param key_path string|any[] "key.path", or a list of keys when one holds a dot
---@param message string the problem
---@return bosun.config.Error
function config.problem(loaded, key_path, message)
  local origin = origins[loaded]
  if not origin then error("config.problem: expected a config that config.load returned", 2) end
  if origin.file == "" then message = message .. NOT_GIVEN end
  return problem_at(origin.file, origin.raw, origin.marks, key_path, message)
end

--- An error about a value of any YAML file. The file is read again to find the line of the value; if that fails, the
--- error names the file and the key. For the action config, use `self:action_config_problem`.
---@param path string|nil nil: no file was given
---@param key_path string|any[] "key.path", or a list of keys when one holds a dot
---@param message string the problem
---@return bosun.config.Error
function config.file_problem(path, key_path, message)
  local raw, marks
  if path then raw, marks = read(path) end
  if raw == nil then raw, marks = {}, {} end
  return problem_at(path or "", raw, marks, key_path, path and message or message .. "; no action config was given")
end

return config
