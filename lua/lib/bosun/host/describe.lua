--- Internal: the description of a plugin for `bosun describe`: as text, as JSON, and as a sample of its private config.

local BosunPluginBase = require "bosun.plugin_base"
local check = require "bosun.config.check"
local config = require "bosun.config"
local json = require "bosun.json"
local sorted_keys = require("bosun.tables").sorted_keys
local yaml = require "bosun.yaml"

local describe = {}

local function checked_schema(class)
  if not class.config_schema then return nil end
  local ok, problem = config.check_schema(class.config_schema)
  if not ok then error(("the config_schema of %s: %s"):format(class.__name, problem), 0) end
  return class.config_schema
end

--- The origin of the method of an action: "plugin", "base", or nil when there is none.
local function origin(class, action)
  local method = class[action]
  if type(method) ~= "function" then return nil end
  return method == BosunPluginBase[action] and "base" or "plugin"
end

local function add_option(options, path, spec)
  options[#options + 1] = { path = path, spec = spec }
  local function add(step, of_inner) add_option(options, path .. step, check.inner(spec, of_inner)) end
  for _, key in ipairs(sorted_keys(spec.fields or {})) do add("." .. key, spec.fields[key]) end
  if spec.values then add(".*", spec.values) end
  if spec.items then add("[]", spec.items) end
end

--- All options, each followed by those nested in it: "server", "server.port", "ports.*", "list[]".
local function options_of(schema)
  local options = {}
  for _, key in ipairs(sorted_keys(schema)) do add_option(options, key, schema[key]) end
  return options
end

--- The default of a key, with that of a secret key as "[secret]", wherever it is.
local function shown_default(spec, value)
  if spec.secret then return "[secret]" end
  if type(value) ~= "table" then return value end
  local result = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do
    result[key] = shown_default(spec.fields and spec.fields[key] or spec.values or spec.items or {}, item)
  end
  return result
end

local function inline(value)
  return json.try_encode(value, { sort = true }) or tostring(value)
end

--- 'a path; default "."', 'an integer from 1 to 9; required'.
local function summary(spec)
  local parts = { check.expected(spec) }
  if spec.required then parts[#parts + 1] = "required" end
  if spec.default ~= nil then parts[#parts + 1] = "default " .. inline(shown_default(spec, spec.default)) end
  if spec.pattern then parts[#parts + 1] = "matches the Lua pattern " .. spec.pattern end
  if spec.keys then parts[#parts + 1] = "each key " .. check.expected(spec.keys) end
  if spec.secret then parts[#parts + 1] = "secret" end
  return table.concat(parts, "; ")
end

local INHERITED = {
  deployment_relaunch = "  (from the base class: deployment_stop, then deployment_start)",
  endpoint_update = "  (optional; from the base class: the status is unknown)",
  endpoint_status = "  (optional; from the base class: the status is unknown)",
}

local function note(class, action)
  local from = origin(class, action)
  return from == "base" and INHERITED[action] or from and "" or "  NOT IMPLEMENTED"
end

---@param class BosunPluginBase
---@param actions string[][] name and description of each
---@return string
function describe.text(class, actions)
  local schema = checked_schema(class)
  local lines = { "plugin " .. class.__name, "", "actions:" }
  local function add(...) lines[#lines + 1] = (...):format(select(2, ...)) end
  for _, action in ipairs(actions) do
    add("  %s%s", action[1], note(class, action[1]))
  end
  add("")
  if not schema then
    add("options: unknown; the plugin has no config_schema")
    return table.concat(lines, "\n") .. "\n"
  end
  add(next(schema) and "options of the private config:" or "options: none")
  for _, option in ipairs(options_of(schema)) do
    add("  %s: %s", option.path, summary(option.spec))
    if option.spec.description then add("      %s", option.spec.description) end
  end
  return table.concat(lines, "\n") .. "\n"
end

local COPIED = { "type", "required", "default", "enum", "min", "max", "pattern", "secret", "description" }

--- A spec as plain data.
local function plain_spec(spec)
  local result = { required = false }
  for _, name in ipairs(COPIED) do
    if spec[name] ~= nil then result[name] = spec[name] end
  end
  if spec.default ~= nil then result.default = shown_default(spec, spec.default) end
  if spec.secret then result.enum = nil end
  if spec.type == "list" and spec.default and not spec.secret then result.default = json.array(result.default) end
  if spec.keys then result.keys = plain_spec(spec.keys) end
  return result
end

---@param class BosunPluginBase
---@param actions string[][] name and description of each
---@return string
function describe.json(class, actions)
  local schema = checked_schema(class)
  local result = { plugin = class.__name, actions = json.array {}, options = schema and json.array {} or json.null }
  for i, action in ipairs(actions) do
    result.actions[i] = { name = action[1], from = origin(class, action[1]) or json.null, description = action[2] }
  end
  for i, option in ipairs(schema and options_of(schema) or {}) do
    result.options[i] = plain_spec(option.spec)
    result.options[i].path = option.path
  end
  return json.encode(result, { indent = 2, sort = true }) .. "\n"
end

local EXAMPLES = {
  string = "text", integer = 1, number = 1.5, boolean = true, seconds = "5m", bytes = "512Mi", path = "/path",
  url = "http://localhost:8080", any = "value",
}

local function example(spec)
  if spec.default ~= nil and not spec.secret then return shown_default(spec, spec.default) end
  if spec.enum and not spec.secret then return spec.enum[1] end
  if spec.type == "list" then return yaml.array { spec.items and example(spec.items) } end
  if spec.type == "map" then return {} end
  if spec.min or spec.max then return spec.min or spec.max end
  return EXAMPLES[spec.type]
end

local add_fields

--- Does a value of this spec have keys of its own to show, however deep in lists and maps?
local function has_fields(spec)
  local inner = spec.items or spec.values
  return spec.fields ~= nil or inner ~= nil and has_fields(inner)
end

local function is_empty(value)
  return value == nil or type(value) == "table" and next(value) == nil
end

--- The keys of a value, in one item of a list, or under one key of a map.
local function add_structure(lines, spec, indent, mark)
  if spec.fields then return add_fields(lines, spec, indent, mark) end
  local key = spec.keys and inline(example(spec.keys)) or "key"
  lines[#lines + 1] = mark .. indent .. (spec.items and "-" or key .. ":")
  return add_structure(lines, check.inner(spec, spec.items or spec.values), indent .. "  ", mark)
end

--- "key: value" and its comment. `mark` is "# " inside a key that is commented out.
local function add_key(lines, key, spec, indent, mark)
  local what = summary(spec):gsub("; required", "")
  local about = spec.description and ("%s: %s"):format(spec.description, what) or what
  lines[#lines + 1] = ("%s%s# %s%s"):format(mark, indent, about, spec.required and ". Required." or ".")
  if mark == "" and not spec.required then mark = "# " end
  local start = ("%s%s%s:"):format(mark, indent, key:find "^[%a_][%w_-]*$" and key or inline(key))
  if spec.fields or has_fields(spec) and is_empty(spec.default) then
    lines[#lines + 1] = start
    add_structure(lines, spec, indent .. "  ", mark)
  elseif spec.required then
    lines[#lines + 1] = start
  else
    local value = example(spec)
    local text = yaml.encode(value):gsub("\n$", "")
    local block = type(value) == "table" and next(value) ~= nil
    lines[#lines + 1] = block and start or start .. " " .. text
    for line in (block and text or ""):gmatch "[^\n]+" do lines[#lines + 1] = mark .. indent .. "  " .. line end
  end
  if indent == "" then lines[#lines + 1] = "" end
end

function add_fields(lines, spec, indent, mark)
  for _, key in ipairs(sorted_keys(spec.fields)) do
    add_key(lines, key, check.inner(spec, spec.fields[key]), indent, mark)
  end
end

--- Required keys have no value, which has to be filled in; the others are comments with the default or an example.
---@param class BosunPluginBase
---@return string
function describe.yaml_sample(class)
  local schema = checked_schema(class)
  if not schema then
    return ("# The plugin %s has no config_schema: its options are unknown.\n"):format(class.__name)
  end
  local lines = {
    ("# Private config of the plugin %s. A key that is commented out shows its default, or an example."):format(
      class.__name),
    "",
  }
  add_fields(lines, { fields = schema }, "", "")
  return (table.concat(lines, "\n"):gsub("\n+$", "")) .. "\n"
end

return describe
