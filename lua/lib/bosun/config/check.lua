--- Internal: checks the values of a config file against a schema, collects all problems, and builds the plugin's
--- config.
---
--- The place of a value is its `path`, the keys that lead to it as people write them, and the `line` and `column` of
--- the value and of its key (`key_line`, `key_column`). The value of a default has no lines. A value that does not come
--- from the config file itself has the `file` that it comes from.

local config_secrets = require "bosun.config.secrets"
local list_problem = require("bosun.native.list").problem
local secret = require "bosun.secret"
local suggest = require "bosun.suggest"
local sorted_keys = require("bosun.tables").sorted_keys
local types = require "bosun.config.types"
local yaml = require "bosun.yaml"

local check = {}

local LIST = getmetatable(yaml.array {})

--- Finding the nearest key takes time. With more problems than this, the file is probably not a config at all.
local MOST_HINTS = 100
local LONGEST_SHOWN = 40

local function is_list(value)
  return getmetatable(value) == LIST
end
check.is_list = is_list

--- A scalar in YAML; only the beginning of a long text.
local function quoted(value)
  local rest = ""
  if type(value) == "string" and #value > LONGEST_SHOWN then
    local cut = value:find("[^\x80-\xBF]", LONGEST_SHOWN + 1) or #value + 1
    if cut <= #value then rest = "…" end
    value = value:sub(1, cut - 1)
  end
  return yaml.encode(value):gsub("\n$", "") .. rest
end

local NOUNS = { string = "string", integer = "integer", float = "number", boolean = "boolean" }

--- A value as messages show it: `the string "x"`, `a mapping`. host/core/config.c uses the same words.
function check.found(value, is_secret)
  if value == yaml.null then return "null" end
  if type(value) == "table" then return is_list(value) and "a list" or "a mapping" end
  if is_secret then return "another kind of value" end
  return ("the %s %s"):format(NOUNS[math.type(value) or type(value)], quoted(value))
end

local function expected_range(spec)
  if spec.min and spec.max then return (" from %s to %s"):format(spec.min, spec.max) end
  return spec.min and (", %s or more"):format(spec.min) or spec.max and (", %s or less"):format(spec.max) or ""
end

--- The expected value, for messages: "an integer from 1 to 9".
---@param spec bosun.config.Spec
---@return string
function check.expected(spec)
  if not spec.enum then return types[spec.type].expected .. expected_range(spec) end
  if spec.secret then return "one of the allowed values" end
  local values = {}
  for i, value in ipairs(spec.enum) do values[i] = quoted(value) end
  return "one of " .. table.concat(values, ", ")
end

--- The place of a whole file.
---@param marks table
---@return table place
function check.root(marks)
  local mark = marks.root or {}
  return { path = "", line = mark.line, column = mark.column }
end

--- The place of the value at `key` of `container`, whose own place is `place`.
local function place_below(state, place, container, key)
  local mark = state.marks[container] and state.marks[container][key] or {}
  local step = ("[%s]"):format(type(key) == "string" and quoted(key) or tostring(key))
  if type(key) == "string" and key:find("^[%w_-]+$") then
    step = place.path == "" and key or "." .. key
  elseif not is_list(container) and math.type(key) then
    step = place.path == "" and tostring(key) or "." .. tostring(key)
  end
  return {
    path = mark.path or place.path .. step, file = mark.file or place.file,
    line = mark.line, column = mark.column, key_line = mark.key_line, key_column = mark.key_column,
  }
end

local function add_problem(state, place, message)
  state.problems[#state.problems + 1] =
    { file = place.file, path = place.path, line = place.line, column = place.column, message = message }
end

local function at_key(place)
  return { file = place.file, path = place.path, line = place.key_line, column = place.key_column }
end

local function add_key_problem(state, place, message)
  add_problem(state, at_key(place), message)
end

--- A key that nobody reads and that resembles no known one may be meant for another version of the plugin.
local function add_warning(state, place, message)
  local warning = at_key(place)
  warning.message = message
  state.warnings[#state.warnings + 1] = warning
end

local check_value

--- The description of a key, to follow what is expected.
local function about(spec)
  return spec.description and (" (%s)"):format(spec.description) or ""
end

--- The problem of a value of the right type, or nil.
local function violation(spec, value)
  local found = spec.secret and "another value" or check.found(value)
  if spec.enum then
    for _, allowed in ipairs(spec.enum) do
      if value == allowed then return nil end
    end
    if spec.secret then return ("expected %s, found %s"):format(check.expected(spec), found) end
    local names = {}
    for i, allowed in ipairs(spec.enum) do names[i] = tostring(allowed) end
    return ("expected %s, found %s%s"):format(check.expected(spec), found, suggest.hint(value, names))
  elseif spec.min and value < spec.min or spec.max and value > spec.max then
    return ("expected %s, found %s"):format(check.expected(spec), found)
  elseif spec.pattern and not tostring(value):find(spec.pattern) then
    local pattern = quoted(spec.pattern) .. about(spec)
    return ("expected text that matches the Lua pattern %s, found %s"):format(pattern, found)
  end
  return nil
end

--- The objection of the plugin's own check, or nil. `beside`: the mapping around the value.
local function objection(spec, value, beside)
  if not spec.check then return nil end
  local ok, why = spec.check(value, beside)
  return not ok and (why or check.found(value, spec.secret) .. " is not accepted") or nil
end

local function has_right_shape(spec, value)
  if type(value) ~= "table" then return spec.type ~= "map" and spec.type ~= "list" end
  return spec.type == "any" or spec.type == (is_list(value) and "list" or "map")
end

local function wrong_kind(spec, value)
  local hint = ""
  if spec.type == "string" and type(value) ~= "table" and value ~= yaml.null then hint = ": put it in quotes" end
  if spec.type == "map" then hint = ': write "key: value" lines below it' end
  return ("expected %s, found %s%s"):format(check.expected(spec), check.found(value, spec.secret), hint)
end

--- The spec of a value inside another: what is in a secret is one, too.
---@param outer bosun.config.Spec
---@param spec bosun.config.Spec
---@return bosun.config.Spec
function check.inner(outer, spec)
  return outer.secret and setmetatable({ secret = true }, { __index = spec }) or spec
end

local function check_list(state, spec, list, place)
  local result = yaml.array {}
  local of_item = spec.items and check.inner(spec, spec.items)
  for i, item in ipairs(list) do
    result[i] = of_item and check_value(state, of_item, item, place_below(state, place, list, i), list) or item
  end
  return result
end

--- The problem of a key of a mapping, or nil.
local function key_problem(spec, key)
  if not types[spec.type].read(key) then return wrong_kind(spec, key) end
  return violation(spec, key) or objection(spec, key, {})
end

--- The keys of a mapping, sorted. Where any value is allowed, a null is one; elsewhere a key with a null, which has
--- only a mark, is not there.
local function keys_of(state, spec, map)
  local keeps_null = spec.values and spec.values.type == "any"
  return sorted_keys(keeps_null and state.marks[map] or map)
end

local function check_map(state, spec, map, place)
  local result = setmetatable({}, getmetatable(map)) -- a mapping of 1, 2, 3 stays one
  local of_value = spec.values and check.inner(spec, spec.values)
  for _, key in ipairs(keys_of(state, spec, map)) do
    local below = place_below(state, place, map, key)
    local problem = spec.keys and key_problem(spec.keys, key)
    if problem then add_key_problem(state, below, "the key: " .. problem) end
    local value = map[key]
    if value == nil then value = yaml.null end
    if of_value then value = check_value(state, of_value, value, below, map) end
    result[key] = value
  end
  return result
end

local function check_container(state, spec, value, place)
  if spec.type == "list" then return check_list(state, spec, value, place) end
  if spec.fields then return check.fields(state, spec.fields, value, place, spec) end
  return check_map(state, spec, value, place)
end

--- A value with each text in it as a secret.
local function as_secret(value)
  if type(value) == "string" then return secret.new(value) end
  if type(value) ~= "table" then return value end
  local result = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do result[key] = as_secret(item) end
  return result
end

--- The value for the plugin's config; nil after noting the problems of an invalid one. `beside`: the mapping or list
--- around it, as the file has it.
function check_value(state, spec, raw, place, beside)
  local ok, value = types[spec.type].read(raw)
  if not ok or not has_right_shape(spec, raw) then
    add_problem(state, place, wrong_kind(spec, raw))
    return nil
  end
  local before = #state.problems
  if spec.type == "map" or spec.type == "list" then value = check_container(state, spec, value, place) end
  local problem = violation(spec, value)
  if not problem and #state.problems == before then problem = objection(spec, value, beside) end
  if problem then add_problem(state, place, problem) end
  if not spec.secret then return value end
  return as_secret(value)
end

--- Lists of a default get the metatable that lists of a file have.
local function as_from_file(spec, path)
  local value = spec.default
  if spec.type ~= "list" then return value end
  local problem = list_problem(value)
  if problem then error(("%s: the default: expected a list, but %s"):format(path, problem), 0) end
  return setmetatable({ table.unpack(value) }, LIST)
end

--- A default is checked and converted like a value of the file: "5m" can be one, and each plugin gets its own table.
local function default_of(spec, path)
  if spec.default == nil then return nil end
  local state = { marks = {}, problems = {}, warnings = {} }
  config_secrets.add(spec, spec.default, false)
  local value = check_value(state, spec, as_from_file(spec, path), { path = path }, {})
  local problem = state.problems[1]
  if problem then error(("%s: the default: %s"):format(problem.path, problem.message), 0) end
  return value
end

--- Raises if a default is not valid for its key.
---@param fields table<string, bosun.config.Spec>
---@param path? string
---@param outer? bosun.config.Spec of the mapping
function check.defaults(fields, path, outer)
  for key, field in pairs(fields) do
    local below = path and path .. "." .. key or key
    local spec = check.inner(outer or {}, field)
    default_of(spec, below)
    if spec.fields then check.defaults(spec.fields, below, spec) end
  end
end

local function note_missing(state, spec, place, below)
  local line, column = below.line or place.line, below.column or place.column
  add_problem(state, { file = below.file, path = below.path, line = line, column = column },
    ("missing: expected %s%s"):format(check.expected(spec), about(spec)))
end

--- Returns the set of known keys that are probably misspelt in the file.
local function note_unknown_keys(state, fields, raw, place)
  local known, misspelt = sorted_keys(fields), {}
  -- A key with the value null has a mark but no value.
  for _, key in ipairs(sorted_keys(state.marks[raw] or raw)) do
    if not fields[key] then
      local nearest = #state.problems < MOST_HINTS and suggest.nearest(key, known)
      local below = place_below(state, place, raw, key)
      if nearest then
        add_key_problem(state, below, ('unknown key; did you mean "%s"?'):format(nearest))
        misspelt[nearest] = true
      else
        add_warning(state, below, "unknown key, which is ignored")
      end
    end
  end
  return misspelt
end

--- Checks a mapping with the keys of `fields`.
---@param state { marks: table, problems: table, warnings: table }
---@param fields table<string, bosun.config.Spec>
---@param raw table
---@param place table
---@param outer? bosun.config.Spec of the mapping
---@return table
function check.fields(state, fields, raw, place, outer)
  local misspelt = note_unknown_keys(state, fields, raw, place)
  local result = {}
  for _, key in ipairs(sorted_keys(fields)) do
    local spec, below = check.inner(outer or {}, fields[key]), place_below(state, place, raw, key)
    if raw[key] ~= nil then
      result[key] = check_value(state, spec, raw[key], below, raw)
    elseif spec.required and not misspelt[key] then
      note_missing(state, spec, place, below)
    elseif not spec.required then
      result[key] = default_of(spec, below.path)
    end
  end
  return result
end

--- The place of the value that `keys` lead to from `root`, or of the nearest mapping around it.
---@param marks table
---@param root table
---@param keys any[]
---@return table place
function check.locate(marks, root, keys)
  local state = { marks = marks }
  local place, container = check.root(marks), root
  for _, key in ipairs(keys) do
    local inside = type(container) == "table" and container or {}
    if inside[key] == nil and math.tointeger(tonumber(key)) then key = math.tointeger(tonumber(key)) end
    local below = place_below(state, place, inside, key)
    below.line, below.column = below.line or place.line, below.column or place.column
    place, container = below, inside[key]
  end
  return place
end

return check
