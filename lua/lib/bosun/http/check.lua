--- Internal: checks of options. What is wrong with them is the plugin's mistake: raised as a table {problem=}, which
--- `check.protected` turns into a second result.

local native = require "bosun.native.http"
local suggest = require "bosun.suggest"

local check = {}

--- Raises a misuse: `request.prepare` turns it into its second result.
function check.misuse(format, ...)
  error({ problem = format:format(...) }, 0)
end

local function is_kind(value, kind)
  local actual = type(value)
  if kind == "any" or kind == actual then return true end
  if kind == "text" then return actual == "string" or native.reveal(value) ~= nil end
  if kind == "seconds" then return actual == "number" and value >= 0 and value < math.huge end
  return kind == "count" and math.type(value) == "integer" and value >= 0
end

local NAMES = { text = "a string or secret", seconds = "0 or more seconds", count = "an integer of 0 or more" }

function check.kind(name, value, kinds)
  if is_kind(value, kinds) then return end
  local names = {}
  for kind in kinds:gmatch("[^|]+") do
    if is_kind(value, kind) then return end
    names[#names + 1] = NAMES[kind] or "a " .. kind
  end
  check.misuse("option %s: expected %s, got %s", name, table.concat(names, " or "),
    type(value) == "number" and tostring(value) or "a " .. type(value))
end

--- Raises unless the table has only options that are known, each of the right kind.
function check.options(options, known, prefix)
  for name, value in pairs(options) do
    if not known[name] then
      local names = {}
      for candidate in pairs(known) do names[#names + 1] = candidate end
      table.sort(names)
      check.misuse("unknown option %s%s%s", prefix, tostring(name), suggest.hint(name, names))
    end
    check.kind(prefix .. name, value, known[name])
    if type(value) == "string" and name ~= "body" and value:find("\0", 1, true) then
      check.misuse("option %s%s: it cannot hold a NUL byte", prefix, name)
    end
  end
end

--- A number, string, boolean or secret as text.
function check.text_of(value, what)
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  return native.reveal(value) or check.misuse("%s: expected text, got a %s", what, type(value))
end

--- The keys of a table with text keys, sorted: a request is the same each time.
function check.sorted_keys(map, what)
  local keys = {}
  for key in pairs(map) do
    if type(key) ~= "string" then check.misuse("%s: expected names as keys, got a %s", what, type(key)) end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

--- A table that is a list (of several values for one name) or the list of the one value.
function check.as_list(value)
  return type(value) == "table" and value or { value }
end

--- Raises what a check found as an ordinary result.
function check.protected(fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  if type(result) == "table" and result.problem then return nil, result.problem end
  error(result, 0)
end

return check
