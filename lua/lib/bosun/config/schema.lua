--- Internal: checks a schema itself. A wrong schema is a bug of the plugin, so it is raised.

local options = require "bosun.options"
local tables = require "bosun.tables"
local types = require "bosun.config.types"

local schema = {}

---@class bosun.config.Spec
---@field type string string integer number boolean seconds bytes map list path url any
---@field required? boolean
---@field default? any used when the key is absent
---@field enum? any[] the only values allowed
---@field min? number
---@field max? number
---@field pattern? string a Lua pattern that the text must match
---@field keys? bosun.config.Spec of a map: what its keys are
---@field values? bosun.config.Spec of a map: what its values are
---@field fields? table<string, bosun.config.Spec> of a map: the keys it has, as a nested schema
---@field items? bosun.config.Spec of a list: what its items are
---@field check? fun(value: any): boolean|nil, string|nil true, or nil and what is wrong
---@field secret? boolean a text becomes a bosun.secret; its value appears in no message
---@field description? string one line, for messages and people

local PROPERTIES = {
  type = "string", required = "boolean", default = "any", enum = "table", min = "number", max = "number",
  pattern = "string", keys = "table", values = "table", fields = "table", items = "table", check = "function",
  secret = "boolean", description = "string",
}

local function refuse(at, problem)
  error(("%s: %s"):format(at, problem), 0)
end

local function check_combination(spec, at)
  if spec.required and spec.default ~= nil then
    refuse(at, "required and default exclude each other")
  elseif (spec.keys or spec.values or spec.fields) and spec.type ~= "map" then
    refuse(at, "keys, values and fields belong to a map")
  elseif spec.fields and (spec.keys or spec.values) then
    refuse(at, "a map has either fields, or keys and values")
  elseif spec.items and spec.type ~= "list" then
    refuse(at, "items belong to a list")
  elseif (spec.min or spec.max) and not types[spec.type].is_number then
    refuse(at, "min and max belong to a number")
  end
end

local function check_spec(spec, at)
  if type(spec) ~= "table" then refuse(at, ("is a %s; expected {type = …}"):format(type(spec))) end
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

--- Raises, without a position, unless `fields` is a schema.
---@param fields table<string, bosun.config.Spec>
---@param at? string what messages call it
function schema.check(fields, at)
  if type(fields) ~= "table" then refuse(at or "schema", "expected a table of keys") end
  for key, spec in pairs(fields) do
    if type(key) ~= "string" then refuse(at or "schema", "keys are strings") end
    check_spec(spec, at and at .. "." .. key or key)
  end
end

return schema
