--- Internal: the breakpoints of a session, at lines and at functions, and whether one that is reached counts.

local condition = require "bosun.debug.condition"
local lines = require "bosun.debug.lines"
local native = require "bosun.native.debugger"
local sources = require "bosun.debug.sources"

local breakpoints = {}

---@class bosun.debug.Breakpoint
---@field id integer
---@field file? string as sources.find says it; nil: not found yet
---@field wanted_line? integer
---@field line? integer where it takes effect; nil: nowhere yet
---@field func? string the name of a function, instead of a file and a line
---@field text? string the condition
---@field condition? bosun.debug.Condition
---@field counts? fun(hits: integer): boolean
---@field log? string
---@field enabled boolean
---@field once? boolean goes when it is reached
---@field hits integer
---@field message? string why it is where it is, or why it is nowhere

---@type bosun.debug.Breakpoint[]
breakpoints.list = {}

local NONE = {}

local next_id = 1

--- file → line → { breakpoint, … }
local index = {}

local function rebuild()
  index = {}
  for _, point in ipairs(breakpoints.list) do
    if point.enabled and point.file and point.line then
      local file = index[point.file] or {}
      index[point.file] = file
      file[point.line] = file[point.line] or {}
      table.insert(file[point.line], point)
    end
  end
end

--- Tells the engine about a file that has run.
local function tell(name)
  local list = {}
  for line in pairs(index[name] or {}) do list[#list + 1] = line end
  for _, chunk in ipairs(sources.loaded[name] or {}) do native.set_lines(chunk, list) end
end

local function tell_all()
  rebuild()
  for name in pairs(sources.loaded) do tell(name) end
end

local function bind_line(point)
  local file, problem = sources.find(point.path)
  point.file, point.line, point.message = file, nil, problem
  if not file then return end
  local functions, unreadable = sources.functions(file)
  if not functions then
    point.message = unreadable
    return
  end
  point.line, point.message = lines.bind(functions, point.wanted_line)
end

--- The function that a dotted name means: `module.name` or `Class.method`, of a loaded module or the plugin.
local function find_value(name)
  local head, tail = name:match "^(.-)[.:]?([%w_]+)$"
  local holders = { head == "" and _G or package.loaded[head] or false, rawget(_G, head or "") or false }
  for _, holder in ipairs(holders) do
    local value = type(holder) == "table" and rawget(holder, tail)
    if type(value) == "function" then return value end
  end
end

--- The line in a file's text that defines a function of that name.
local function find_text(name)
  local tail = name:match "[%w_]+$"
  for file in pairs(sources.loaded) do
    local text = file:sub(1, 6) ~= "bosun/" and sources.text(file)
    local number = 0
    for line in ((text or "") .. "\n"):gmatch "(.-)\n" do
      number = number + 1
      local found = line:match("function%s+([%w_.:]+)%s*%(") or line:match "([%w_.]+)%s*=%s*function"
      if found and (found == name or found:gsub(":", ".") == name:gsub(":", ".") or found:match "[%w_]+$" == tail
        and not name:find "[.:]") then
        return file, number
      end
    end
  end
end

local function bind_function(point)
  local value = find_value(point.func)
  local file, line
  if value then
    local info = debug.getinfo(value, "S")
    if info.what == "C" then
      point.message = point.func .. " is written in C"
      return
    end
    file, line = sources.of_chunk(info.source), info.linedefined
  else
    file, line = find_text(point.func)
  end
  point.file, point.line = file, nil
  point.message = not file and ("no function %s has been loaded yet"):format(point.func) or nil
  if not file then return end
  local functions, unreadable = sources.functions(file)
  if not functions then
    point.message = unreadable
    return
  end
  point.wanted_line = line
  point.line = lines.entry(functions, line) or lines.bind(functions, line)
end

local function bind(point)
  if point.func then bind_function(point) else bind_line(point) end
end

local COUNTS = {
  [""] = function(hits, wanted) return hits == wanted end,
  ["="] = function(hits, wanted) return hits == wanted end,
  ["=="] = function(hits, wanted) return hits == wanted end,
  [">="] = function(hits, wanted) return hits >= wanted end,
  [">"] = function(hits, wanted) return hits > wanted end,
  ["<="] = function(hits, wanted) return hits <= wanted end,
  ["<"] = function(hits, wanted) return hits < wanted end,
  ["%"] = function(hits, wanted) return wanted > 0 and hits % wanted == 0 end,
}

local function hit_test(text)
  local sign, number = text:match "^%s*([=<>%%]*)%s*(%d+)%s*$"
  local test = sign and COUNTS[sign]
  if not test then
    return nil, ("\"%s\" is not a hit count: expected a number such as 3, or one after >=, >, <=, <, == or %%"):format(
      text)
  end
  return function(hits) return test(hits, math.tointeger(tonumber(number)) or math.huge) end
end

---@class bosun.debug.BreakpointSpec
---@field path? string
---@field line? integer
---@field func? string
---@field condition? string
---@field hit_condition? string
---@field log? string
---@field once? boolean

--- Adds a breakpoint. One that is not valid, or has no place, says so in `message` and has no `line`.
---@param spec bosun.debug.BreakpointSpec
---@return bosun.debug.Breakpoint
function breakpoints.add(spec)
  local point = { id = next_id, path = spec.path, wanted_line = spec.line, func = spec.func, enabled = true, hits = 0,
    log = spec.log, once = spec.once, text = spec.condition }
  next_id = next_id + 1
  bind(point)
  local problem
  if spec.condition and spec.condition:find "%S" then
    point.condition, problem = condition.new(spec.condition)
    if problem then problem = "the condition is not valid Lua: " .. problem end
  end
  if not problem and spec.hit_condition and spec.hit_condition:find "%S" then
    point.counts, problem = hit_test(spec.hit_condition)
  end
  if problem then point.line, point.message, point.invalid = nil, problem, true end
  table.insert(breakpoints.list, point)
  tell_all()
  return point
end

--- Removes those for which `matches` is true.
---@param matches fun(point: bosun.debug.Breakpoint): boolean
---@return integer count
function breakpoints.remove(matches)
  local kept = {}
  for _, point in ipairs(breakpoints.list) do
    if not matches(point) then kept[#kept + 1] = point end
  end
  local count = #breakpoints.list - #kept
  breakpoints.list = kept
  tell_all()
  return count
end

--- Takes back the breakpoint that was added last, and with it its number.
---@param point bosun.debug.Breakpoint
function breakpoints.take_back(point)
  breakpoints.remove(function(other) return other == point end)
  next_id = point.id
end

--- The one of that number.
function breakpoints.get(id)
  for _, point in ipairs(breakpoints.list) do
    if point.id == id then return point end
  end
end

function breakpoints.enable(point, on)
  point.enabled = on
  tell_all()
end

--- A chunk runs for the first time. Returns the breakpoints that have found their place now.
---@param chunk string
---@return bosun.debug.Breakpoint[]
function breakpoints.loaded(chunk)
  local name = sources.add(chunk)
  local bound = {}
  for _, point in ipairs(breakpoints.list) do
    if not point.line and not point.invalid then
      bind(point)
      if point.line then bound[#bound + 1] = point end
    end
  end
  if #bound > 0 then tell_all() else tell(name) end
  return bound
end

--- After files have changed: binds all anew.
function breakpoints.rebind()
  for _, point in ipairs(breakpoints.list) do
    if not point.invalid then bind(point) end
  end
  tell_all()
end

local function is_met(point, thread, report)
  if point.condition then
    local ok, result = point.condition:holds(thread, 0)
    if not ok then
      report(point, "the condition of breakpoint " .. point.id .. " raised an error: " .. tostring(result))
      return true
    end
    if not result then return false end
  end
  point.hits = point.hits + 1
  return not point.counts or point.counts(point.hits)
end

--- The breakpoints at a line that stop the thread there. Those that only log are handed to `log`.
---@param chunk string
---@param line integer
---@param thread thread
---@param face { log: fun(point: bosun.debug.Breakpoint, thread: thread), report: fun(point: table, text: string) }
---@return bosun.debug.Breakpoint[]
function breakpoints.reached(chunk, line, thread, face)
  local file = index[sources.of_chunk(chunk)]
  local points = file and file[line] or NONE
  local stops = NONE
  for number = 1, #points do
    local point = points[number]
    if is_met(point, thread, face.report) then
      if stops == NONE then stops = {} end -- a loop may pass here a million times
      if point.log then face.log(point, thread) else stops[#stops + 1] = point end
    end
  end
  for _, point in ipairs(stops) do
    if point.once then breakpoints.remove(function(other) return other == point end) end
  end
  return stops
end

return breakpoints
