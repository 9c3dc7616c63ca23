--- Internal: one debugger session. Decides, for each event of the engine, whether to stop; while the action is stopped,
--- a face (an editor, the terminal) looks at it and says how to go on.

local breakpoints = require "bosun.debug.breakpoints"
local frames = require "bosun.debug.frames"
local native = require "bosun.native.debugger"
local values = require "bosun.debug.values"
local watches = require "bosun.debug.watches"

local session = {}

---@class bosun.debug.Stop
---@field thread thread
---@field reason "breakpoint"|"step"|"pause"|"entry"|"exception"|"watch"
---@field points bosun.debug.Breakpoint[] those that were reached
---@field skip integer how many of the innermost frames are the debugger's
---@field error any what was raised
---@field caught boolean somebody will catch it
---@field depth integer
---@field text? string what a watch has seen

---@class bosun.debug.Face
---@field stopped fun(stop: bosun.debug.Stop) returns when the action goes on
---@field output fun(text: string, point?: bosun.debug.Breakpoint) a breakpoint has something to say
---@field bound fun(point: bosun.debug.Breakpoint) a breakpoint has found its place
---@field loaded fun(chunk: string)
---@field input fun()

---@type bosun.debug.Face
local face

local entering = false -- stop at the action's first line
local going = false -- steps are for watches only

--- The stop that a face looks at; nil: code runs.
---@type bosun.debug.Stop|nil
session.stop = nil

local function stop_at(stop)
  native.step()
  going = false
  native.pause(false)
  stop.depth = native.depth(stop.thread) - stop.skip
  stop.points = stop.points or {}
  session.stop = stop
  native.stopped(true)
  native.guard(true)
  local ok, problem = pcall(face.stopped, stop)
  native.guard(false)
  native.stopped(false)
  session.stop = nil
  if not ok then error(problem, 0) end
end

--- The text of a logpoint: {expressions} in braces are replaced.
local function log_text(point, thread)
  local frame = frames.top(thread)
  return (point.log:gsub("{([^{}]*)}", function(text)
    local results, problem = frames.evaluate(frame, text)
    if not results then return "{" .. text .. ": " .. problem .. "}" end
    local value = results[1]
    return type(value) == "string" and value or values.text(value)
  end))
end

local on = {}

local sink = {
  log = function(point, thread)
    native.guard(true)
    face.output(log_text(point, thread), point)
    native.guard(false)
  end,
  report = function(point, text) face.output(text, point) end,
}

function on.source(_, chunk)
  for _, point in ipairs(breakpoints.loaded(chunk)) do face.bound(point) end
  face.loaded(chunk)
end

function on.line(thread, chunk, line, hit, why)
  local points = hit and breakpoints.reached(chunk, line, thread, sink)
  if points and #points > 0 then
    entering = false
    return stop_at { thread = thread, reason = "breakpoint", points = points, skip = 0 }
  end
  if why == "step" and entering then
    if not native.in_action() then return end
    entering = false
    why = "entry"
  end
  if why == "step" and going then
    local text = watches.look(values.text)
    if text then stop_at { thread = thread, reason = "watch", text = text, skip = 0 } end
    return
  end
  if why then stop_at { thread = thread, reason = why, skip = 0 } end
end

local function is_status(value)
  local meta = type(value) == "table" and debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__name") == "ActionStatusInfo"
end

--- A status that an action raises is an answer, not an error.
function on.raised(thread, value, caught, co)
  if is_status(value) then return end
  stop_at { thread = co or thread, reason = "exception", error = value, caught = caught, skip = co and 0 or 1 }
end

function on.input()
  face.input()
end

--- Starts the debugger for a face.
---@param to bosun.debug.Face
function session.start(to)
  face = to
  native.start(function(kind, ...) on[kind](...) end)
end

--- No breakpoint, step or error stops the action any more; the face stays.
function session.release()
  breakpoints.remove(function() return true end)
  watches.clear()
  native.catch("off")
  native.step()
  native.pause(false)
  entering = false
end

function session.stop_on_entry()
  entering = true
  native.step("in")
end

--- How a stopped action goes on. Call one of these, and return from the face's `stopped`.
--- thread: the one that is stopped, or another.

function session.continue()
  going = #watches.list > 0
  native.step(going and "in" or nil)
end

local function in_library(stop)
  local top = frames.top(stop.thread, stop.skip)
  return top ~= nil and top.source:sub(1, 7) == "@bosun/"
end

function session.step_in()
  native.step("in", nil, 0, in_library(session.stop))
end

function session.step_over(thread)
  local stop = session.stop
  native.step("over", thread or stop.thread, stop.depth, in_library(stop))
end

--- level: of the frame that is to return, 0: the innermost.
function session.step_out(thread, level)
  local stop = session.stop
  native.step("out", thread or stop.thread, stop.depth - 1 - (level or 0), in_library(stop))
end

--- The threads that have frames: { { thread =, number =, name = }, … }.
function session.threads()
  local list = {}
  for thread, number in pairs(native.threads()) do
    if native.depth(thread) > 0 or session.stop and thread == session.stop.thread then
      list[#list + 1] = { thread = thread, number = number }
    end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

return session
