--- Internal: checks a schema itself. An invalid schema is a bug in the plugin and raises an error.

local options = require "bosun.options"
local tables = require "bosun.tables"
local types = require "bosun.config.types"

local schema = {}

---@class bosun.config.Spec
---@field type string string integer number boolean seconds bytes map list path url any
---@field required? boolean
---@field default? any used when the key is absent
---@field enum? any[] the allowed values
---@field min? number
---@field max? number
---@field pattern? string a Lua pattern that the text has to match
---@field keys? bosun.config.Spec of the keys of a map
---@field values? bosun.config.Spec of the values of a map
---@field fields? table<string, bosun.config.Spec> of a map with known keys: a nested schema
---@field items? bosun.config.Spec of the items of a list
---@field check? fun(value: any, beside: table): boolean|nil, string|nil returns true, or nil and the problem; beside:
---the mapping around the value, as the file has it
---@field secret? boolean text, also that in a list or a map, becomes a bosun.secret; messages never show the value
---@field description? string one line, for messages and people

local PROPERTIES = {
  type = "string", required = "boolean", default = "any", enum = "list", min = "number", max = "number",
  pattern = "string", keys = "table", values = "table", fields = "table", items = "table", check = "function",
  secret = "boolean", description = "string",
}

local function refuse(at, problem)
  error(("%s: %s"):format(at, problem), 0)
end

local function check_combination(spec, at)
  if spec.required and spec.default ~= nil then
    refuse(at, "a required key cannot have a default")
  elseif (spec.keys or spec.values or spec.fields) and spec.type ~= "map" then
    refuse(at, "only a map can have keys, values or fields")
  elseif spec.fields and (spec.keys or spec.values) then
    refuse(at, "a map has either fields, or keys and values")
  elseif spec.items and spec.type ~= "list" then
    refuse(at, "only a list can have items")
  elseif (spec.min or spec.max) and not types[spec.type].is_number then
    refuse(at, "only a number can have min and max")
  end
end

local function check_spec(spec, at)
  if type(spec) ~= "table" then refuse(at, ("expected a table {type = …}, got a %s"):format(type(spec))) end
  local problem = options.problem(spec, PROPERTIES)
  if problem then refuse(at, problem) end
  if not types[spec.type] then
    local names = table.concat(tables.sorted_keys(types), ", ")
    refuse(at, ("type is %s; expected one of %s"):format(tostring(spec.type), names))
  end
  check_combination(spec, at)
  for _, part in ipairs { "keys", "values", "items" } do
    if spec[part] then check_spec(spec[part], at .. "." .. part) end
  end
  if spec.fields then schema.check(spec.fields, at) end
end

--- Raises an error without a position unless `fields` is a schema.
---@param fields table<string, bosun.config.Spec>
---@param at? string its name in messages
function schema.check(fields, at)
  if type(fields) ~= "table" then refuse(at or "schema", "expected a table of keys") end
  for key, spec in pairs(fields) do
    if type(key) ~= "string" then refuse(at or "schema", "expected strings as keys") end
    check_spec(spec, at and at .. "." .. key or key)
  end
end

return schema
