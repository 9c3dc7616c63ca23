--- Internal: checks of what a plugin hands over. What is wrong with it is the plugin's mistake, raised where it called.

local suggest = require "bosun.suggest"

local options = {}

local function names_of(known)
  local names = {}
  for name in pairs(known) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function kind_of(value)
  return math.type(value) or type(value)
end

local function fits(value, kinds)
  local kind = kind_of(value)
  for wanted in kinds:gmatch "%S+" do
    if wanted == kind or wanted == "number" and type(value) == "number" and value >= 0 and value == value then
      return true
    end
  end
  return false
end

--- The options of a function as a table; raises, two levels up, on one that is unknown or of another type. `known` has
--- each name's types, with blanks between them.
---@param fn string
---@param given table|nil
---@param known table<string, string>
---@return table
function options.check(fn, given, known)
  if given == nil then return {} end
  if type(given) ~= "table" then error(("%s: expected a table of options, got a %s"):format(fn, type(given)), 3) end
  for name, value in pairs(given) do
    local kinds = known[name]
    if not kinds then
      local hint = suggest.hint(name, names_of(known))
      error(("%s: unknown option %s%s"):format(fn, tostring(name), hint), 3)
    elseif not fits(value, kinds) then
      error(("%s: option %s: expected %s, got %s"):format(fn, name, kinds:gsub(" ", " or "),
        kind_of(value) == "string" and "a string" or tostring(value)), 3)
    end
  end
  return given
end

return options
