--- Internal: checks of a request's options. A wrong one is a bug in the plugin: the check stops there, and
--- `check.protected` returns what is wrong.

local list_problem = require("bosun.native.list").problem
local native = require "bosun.native.http"
local options_problem = require("bosun.options").problem
local tables = require "bosun.tables"

local check = {}

--- Stops the check: `check.protected` returns this problem.
function check.misuse(format, ...)
  error({ problem = format:format(...) }, 0)
end

--- Stops unless the table has only known options, each of the right kind. C takes their texts, all but `body`, as
--- C strings.
---@param options table
---@param known table<string, string>
---@param prefix string
function check.options(options, known, prefix)
  local problem = options_problem(options, known, prefix)
  if problem then check.misuse("%s", problem) end
  for name, value in pairs(options) do
    if type(value) == "string" and name ~= "body" and value:find("\0", 1, true) then
      check.misuse("option %s%s: contains a NUL byte", prefix, name)
    end
  end
end

--- A number, string, boolean or secret as text.
function check.text_of(value, what)
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  return native.reveal(value) or check.misuse("%s: expected text, got a %s", what, type(value))
end

--- The keys of a table with text keys, sorted: a request is the same each time.
function check.sorted_names(map, what)
  for key in pairs(map) do
    if type(key) ~= "string" then check.misuse("%s: expected names as keys, got a %s", what, type(key)) end
  end
  return tables.sorted_keys(map)
end

--- A table that is a list (of several values for one name) or the list of the one value.
function check.as_list(value, what)
  if type(value) ~= "table" then return { value } end
  local problem = list_problem(value)
  if problem then check.misuse("%s: expected a value or a list of values, but %s", what, problem) end
  return value
end

--- Calls fn. Returns what it returns, or nil and the problem that stopped it.
function check.protected(fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  if type(result) == "table" and result.problem then return nil, result.problem end
  error(result, 0)
end

return check
