--- Internal: tables: their keys in a fixed order, and copies of them.

local tables = {}

local function by_text(a, b)
  return tostring(a) < tostring(b)
end

--- The keys of a table, sorted by their text.
---@param map table
---@return any[]
function tables.sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, by_text)
  return keys
end

--- A shallow copy, with the entries of `more` added or in place of its own.
---@param map table
---@param more? table
---@return table
function tables.copy(map, more)
  local copy = {}
  for key, value in pairs(map) do copy[key] = value end
  for key, value in pairs(more or {}) do copy[key] = value end
  return copy
end

--- "name=value" for each entry, sorted: environment variables, labels. A value of true is the name alone. Raises on a
--- key that is not a name: a list may be meant to have entries such as "name=value".
---@param map table<string, any>
---@return string[]
function tables.assignments(map)
  local list = {}
  for name, value in pairs(map) do
    if type(name) ~= "string" then
      error(("expected names and values, but the key %s is a %s"):format(tostring(name), type(name)), 0)
    end
    list[#list + 1] = value == true and name or ("%s=%s"):format(name, tostring(value))
  end
  table.sort(list)
  return list
end

return tables
