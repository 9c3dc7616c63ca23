--- Internal: is a reply the one that `probeExpect` describes? Its status, values at places of its JSON body, and a
--- regular expression for the body as text.

local json = require "bosun.json"
local regex = require "bosun.regex"
local tables = require "bosun.tables"
local text = require "bosun.text"

local expect = {}

---@class bosun.prediction_server.Expected
---@field status? integer default: any from 200 to 299
---@field json? table<string, any> path → the value there, or { matches = regular expression }
---@field matches? string a regular expression for some part of the body

local SHOWN = 100 -- bytes of a value or a body in a message

-- ---- paths ----------------------------------------------------------------------------------------------------------

local PATH = 'expected a path such as data[0].prediction or ["a key"].value'

--- The next step of a path at `from`, and the position after it; nil: there is none.
local function next_step(path, from)
  local name, after = path:match("^%.?([^%.%[%]\"']+)()", from)
  if name then return name, after end
  local index, behind = path:match("^%[(%d+)%]()", from)
  if index then return math.tointeger(tonumber(index)), behind end
  local _, quoted, past = path:match("^%[([\"'])(.-)%1%]()", from)
  return quoted, past
end

--- The keys and indexes (from 0) that a path consists of: "$.data[0].prediction", where "$." is optional.
---@param path string
---@return (string|integer)[]|nil steps
---@return string|nil problem
local function steps_of(path)
  local steps, at = {}, path:match("^%$()") or 1
  while at <= #path do
    local step, after = next_step(path, at)
    if step == nil then return nil, PATH end
    steps[#steps + 1], at = step, after
  end
  if #steps == 0 then return nil, PATH end
  return steps
end

--- The value that a path leads to; nil: there is none.
local function value_at(value, path)
  for _, step in ipairs(assert(steps_of(path))) do
    if type(value) ~= "table" then return nil end
    if math.type(step) == "integer" then step = step + 1 end
    value = value[step]
  end
  return value
end

-- ---- the schema -----------------------------------------------------------------------------------------------------

local function regex_problem(value)
  local ok, err = regex.check(value)
  return ok or nil, err and err.message
end

local function is_value(value)
  if type(value) ~= "table" then return true end
  local key, pattern = next(value)
  if key ~= "matches" or next(value, key) ~= nil or type(pattern) ~= "string" then
    return nil, "expected a string, a number, true, false or null, or {matches: a regular expression}"
  end
  return regex_problem(pattern)
end

local function is_path(path)
  local steps, problem = steps_of(path)
  return steps ~= nil or nil, problem
end

local function is_expected(value, beside)
  if next(value) == nil then return nil, "expected at least one of status, json and matches" end
  return beside.probeRequest ~= nil or nil, "there is no probeRequest whose reply this could be"
end

--- The keys of `probeExpect`, for a schema.
expect.fields = {
  status = { type = "integer", min = 100, max = 599, description = "the status of the reply; default: 200 to 299" },
  json = {
    type = "map", keys = { type = "string", check = is_path }, values = { type = "any", check = is_value },
    description = "values of the reply: its path, such as data[0].prediction, and the value or {matches: expression}",
  },
  matches = {
    type = "string", check = regex_problem, description = "a POSIX extended regular expression for a part of the body",
  },
}

--- A check for the mapping as a whole.
expect.check = is_expected

-- ---- replies --------------------------------------------------------------------------------------------------------

local function shown(value)
  if value == json.null then return "null" end
  if type(value) == "string" then return ('"%s"'):format(text.one_line(value, SHOWN)) end
  return type(value) == "table" and "a list or an object" or tostring(value)
end

--- What is wrong with the value at a path, or nil.
local function value_problem(value, path, wanted)
  if value == nil then return ("there is no %s in it"):format(path) end
  local pattern = type(wanted) == "table" and wanted.matches
  if not pattern then
    return value ~= wanted and ("%s is %s; expected %s"):format(path, shown(value), shown(wanted)) or nil
  end
  if type(value) == "table" then
    return ("%s is %s; expected text that matches %s"):format(path, shown(value), pattern)
  end
  local matches, err = regex.matches(tostring(value), pattern)
  if matches then return nil end
  return err and ("%s: %s"):format(path, err.message) or ("%s is %s, which does not match %s"):format(path,
    shown(value), pattern)
end

local function json_problem(body, wanted)
  local value = json.decode(body)
  if type(value) ~= "table" then return "it is not JSON: " .. text.one_line(body, SHOWN) end
  for _, path in ipairs(tables.sorted_keys(wanted)) do
    local problem = value_problem(value_at(value, path), path, wanted[path])
    if problem then return problem end
  end
end

--- Why a reply is not the expected one; nil: it is.
---@param response { status: integer, body: string }
---@param expected? bosun.prediction_server.Expected
---@return string|nil problem "status 500, expected 200 to 299: …"
function expect.problem(response, expected)
  expected = expected or {}
  local status, wanted = response.status, expected.status
  if wanted and status ~= wanted or not wanted and (status < 200 or status > 299) then
    return ("status %d, expected %s: %s"):format(status, wanted and tostring(wanted) or "200 to 299",
      text.one_line(response.body, SHOWN))
  end
  local problem = expected.json and json_problem(response.body, expected.json)
  if problem or not expected.matches then return problem end
  local matches, err = regex.matches(response.body, expected.matches)
  if matches then return nil end
  return err and err.message or ("it does not match %s: %s"):format(expected.matches,
    text.one_line(response.body, SHOWN))
end

return expect
