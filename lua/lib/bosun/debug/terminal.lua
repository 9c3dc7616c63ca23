--- Internal: the debugger at a prompt: what its commands do (host/cli/repl/debug.c has their table), and what is shown
--- when the action stops.

local breakpoints = require "bosun.debug.breakpoints"
local console = require "bosun.native.console"
local frames = require "bosun.debug.frames"
local native = require "bosun.native.debugger"
local pretty = require "bosun.repl.pretty"
local session = require "bosun.debug.session"
local sources = require "bosun.debug.sources"
local watches = require "bosun.debug.watches"

local terminal = {}

local AROUND = 3
local FRAMES_MAX = 50

local displays = {}
local catching = "off"

--- While stopped: the frames of the stopped thread, and which of them is looked at.
local stack, selected, listed

local function say(format, ...)
  console.write(format:format(...) .. "\n")
end

local function fail(format, ...)
  say(format, ...)
  return "failed"
end

local function width()
  return console.settings().width
end

local function frame()
  return stack and stack[selected]
end

local function file_of(chunk)
  return sources.of_chunk(chunk)
end

--- "plugin.lua:12", with the path as short as it can be understood.
local function place(at)
  if not at.is_lua or at.source:sub(1, 1) ~= "@" then return at.is_lua and "code without a file" or "C" end
  return ("%s:%d"):format(file_of(at.source), at.line)
end

local function excerpt(at, from, to)
  local lines = sources.lines(at.source)
  if not lines then return end
  local digits = #tostring(to)
  for number = math.max(from, 1), math.min(to, #lines) do
    local mark = number == at.line and ">" or " "
    console.write((("%s %" .. digits .. "d | %s"):format(mark, number, lines[number]):gsub("%s+$", "")) .. "\n")
  end
end

local function show_place(number)
  local at = stack[number]
  if not at then return end
  say("#%d %s at %s", number - 1, at.name, place(at))
  if at.line > 0 then excerpt(at, at.line - AROUND, at.line + AROUND) end
end

local function show_value(name, value, indent)
  say("%s%s = %s", indent, name, pretty.line(value, math.max(20, width() - #indent - #name - 3)))
end

local function show_displays()
  for number, text in ipairs(displays) do
    local results, problem = frames.evaluate(frame(), text)
    if results then
      show_value(("%d: %s"):format(number, text), results[1], "")
    else
      say("%d: %s: %s", number, text, problem)
    end
  end
end

local REASONS = { step = "", entry = "stopped at the first line of the action", pause = "stopped" }

local function reason_of(stop)
  if stop.reason == "exception" then
    return ("%s error: %s"):format(stop.caught and "caught" or "uncaught", frames.message_of(stop.error))
  elseif stop.reason == "watch" then
    return stop.text
  end
  local point = stop.points[1]
  return point and ("breakpoint %d"):format(point.id) or REASONS[stop.reason] or stop.reason
end

--- What lines at the prompt see: the variables of the frame that is looked at.
local function scope()
  return setmetatable({}, {
    has = function(name)
      local at = frame()
      return at ~= nil and (frames.find(at, name) ~= nil or frames.globals(at)[name] ~= nil)
    end,
    __index = function(_, name)
      local at = frame()
      local variable = frames.find(at, name)
      if variable then return variable.value end
      return frames.globals(at)[name]
    end,
    __newindex = function(_, name, value)
      local variable = frames.find(frame(), name)
      if variable then variable.set(value) else frames.globals(frame())[name] = value end
    end,
  })
end

local face = {}

function face.stopped(stop)
  if not native.has_prompt() then return end
  stack = frames.list(stop.thread, frames.first_level(stop.thread, stop.skip), FRAMES_MAX)
  selected, listed = 1, nil
  local reason = reason_of(stop)
  if reason ~= "" then say("%s", reason) end
  show_place(1)
  if stop.reason == "exception" then
    for number = 1, math.min(#stack, 5) do terminal.show_locals(stack[number], number) end
  end
  show_displays()
  native.prompt(scope())
  stack = nil
end

function face.output(text)
  say("%s", text)
end

function face.bound(point)
  say("breakpoint %d is at %s:%d", point.id, point.file, point.line)
end

function face.loaded() end
function face.input() end

--- Turns the debugger on, if it is not.
local on = false
local function start()
  if on then return end
  on = true
  session.start(face)
  require "bosun.debug.threads"()
end

--- The locals of a frame, below a line that says which.
function terminal.show_locals(at, number)
  if not at.is_lua or at.source:sub(1, 7) == "@bosun/" then return end
  local locals = frames.locals(at)
  if #locals == 0 then return end
  say("  in #%d %s:", number - 1, at.name)
  for _, variable in ipairs(locals) do show_value(variable.name, variable.value, "    ") end
end

local function describe(point)
  local where = point.func or ("%s:%d"):format(point.path, point.wanted_line)
  if point.line then where = ("%s:%d"):format(point.file, point.line) end
  if point.func and point.line then where = where .. " in " .. point.func end
  local text = ("%d  %s"):format(point.id, where)
  if point.text then text = text .. " if " .. point.text end
  if not point.enabled then text = text .. "  (disabled)" end
  if point.hits > 0 then text = text .. ("  (hit %d time%s)"):format(point.hits, point.hits == 1 and "" or "s") end
  if point.message then text = text .. "  (" .. point.message .. ")" end
  return text
end

--- "FILE:LINE", "LINE" (of the file that is looked at) or a function's name.
local function parse_place(text)
  local path, line = text:match "^(.-):(%d+)$"
  if path and path ~= "" then return { path = path, line = math.tointeger(tonumber(line)) } end
  line = text:match "^:?(%d+)$"
  local at = frame()
  if line and at and at.line > 0 then return { path = file_of(at.source), line = math.tointeger(tonumber(line)) } end
  if line then return nil, "name the file, too: :break FILE:LINE" end
  if text == "" and at and at.line > 0 then return { path = file_of(at.source), line = at.line } end
  if not text:find "^[%a_][%w_.:]*$" then return nil, "expected FILE:LINE or the name of a function" end
  return { func = text }
end

--- :break FILE:LINE|FUNCTION [if EXPR]
terminal["break"] = function(_, text)
  local at, test = text:match "^(.-)%s+if%s+(.*)$"
  local spec, problem = parse_place(at or text)
  if not spec then return fail("%s", problem) end
  start()
  spec.condition = test
  local point = breakpoints.add(spec)
  if not point.line and (point.invalid or not point.func) then
    breakpoints.take_back(point)
    return fail("%s", point.message)
  end
  say("breakpoint %s", describe(point))
  return "ok"
end

--- :breaks
function terminal.breaks()
  if #breakpoints.list == 0 then say "no breakpoints" end
  for _, point in ipairs(breakpoints.list) do say("%s", describe(point)) end
  for _, watch in ipairs(watches.list) do say("watch %s", watch.text) end
  if catching ~= "off" then say("catch %s", catching == "all" and "all" or "error") end
  return "ok"
end

local function number_in(text)
  local point = breakpoints.get(math.tointeger(tonumber(text)))
  if point then return point end
  return nil, text == "" and "name the breakpoint by its number; :breaks lists them"
    or ("there is no breakpoint %s; :breaks lists them"):format(text)
end

--- :delete N, :delete all
function terminal.delete(_, text)
  if text == "all" then
    breakpoints.remove(function() return true end)
    watches.clear()
    return "ok"
  end
  local point, problem = number_in(text)
  if not point then return fail("%s", problem) end
  breakpoints.remove(function(other) return other == point end)
  return "ok"
end

local function enable(to)
  return function(_, text)
    local point, problem = number_in(text)
    if not point then return fail("%s", problem) end
    breakpoints.enable(point, to)
    say("breakpoint %s", describe(point))
    return "ok"
  end
end

terminal.enable, terminal.disable = enable(true), enable(false)

--- :watch EXPR
function terminal.watch(_, text)
  if not frame() then return fail ":watch needs a stopped action: set a breakpoint and :run it" end
  local ok, problem = watches.add(frame(), text)
  if not ok then return fail("%s", problem) end
  say("watching %s", text)
  return "ok"
end

--- :display EXPR, :display
function terminal.display(_, text)
  if text == "" then
    displays = {}
    return "ok"
  end
  displays[#displays + 1] = text
  if frame() then show_displays() end
  return "ok"
end

local CATCHES = { error = "uncaught", all = "all", off = "off" }

--- :catch error|all|off
function terminal.catch(_, text)
  if not CATCHES[text] then return fail "expected error (those that make the action fail), all or off" end
  start()
  catching = CATCHES[text]
  native.catch(catching)
  return "ok"
end

function terminal.continue() session.continue() return "ok" end
function terminal.step() session.step_in() return "ok" end
function terminal.next() session.step_over() return "ok" end
function terminal.finish() session.step_out(nil, selected - 1) return "ok" end

--- :until LINE
terminal["until"] = function(_, text)
  local at = frame()
  local line = math.tointeger(tonumber(text))
  if not line or at.line <= 0 then return fail "expected a line of this file: :until 42" end
  local point = breakpoints.add { path = file_of(at.source), line = line, once = true }
  if not point.line then
    breakpoints.take_back(point)
    return fail("%s", point.message)
  end
  session.step_out(nil, selected - 1)
  return "ok"
end

local function select(number)
  if not stack[number] then return fail(number < 1 and "this is the innermost frame" or "there is no frame above") end
  selected, listed = number, nil
  show_place(number)
  return "ok"
end

function terminal.up() return select(selected + 1) end
function terminal.down() return select(selected - 1) end

--- :frame N
function terminal.frame(_, text)
  local number = text == "" and selected - 1 or math.tointeger(tonumber(text))
  if not number or number < 0 or not stack[number + 1] then
    return fail("there is no frame %s; :bt lists them", text)
  end
  return select(number + 1)
end

--- :bt [full]
function terminal.bt(_, text)
  for number, at in ipairs(stack) do
    say("%s #%d %s at %s", number == selected and "*" or " ", number - 1, at.name, place(at))
    if text == "full" then
      for _, variable in ipairs(frames.locals(at)) do show_value(variable.name, variable.value, "      ") end
    end
  end
  if #stack == FRAMES_MAX then say("  … the rest is not shown") end
  return "ok"
end

--- :locals
function terminal.locals()
  local at = frame()
  local any = false
  for _, list in ipairs { frames.locals(at), frames.varargs(at), frames.upvalues(at) } do
    for _, variable in ipairs(list) do
      show_value(variable.name, variable.value, "  ")
      any = true
    end
  end
  if not any then say "  no local variables here" end
  return "ok"
end

--- :list [LINE]
function terminal.list(_, text)
  local at = frame()
  if not sources.lines(at.source) then return fail("the source of %s is not there", place(at)) end
  local line = math.tointeger(tonumber(text)) or listed or at.line
  excerpt(at, line - 5, line + 5)
  listed = line + 11
  return "ok"
end

--- :let VAR=EXPR
function terminal.let(_, text)
  local target, expression = text:match "^%s*([^=]-)%s*=%s*(.+)$"
  if not target then return fail "expected :let NAME=EXPRESSION" end
  local _, problem = frames.evaluate(frame(), target .. " = " .. expression)
  if problem then return fail("%s", problem) end
  local results = frames.evaluate(frame(), target)
  if results then show_value(target, results[1], "  ") end
  return "ok"
end

--- What outlives a :reload: one line for each breakpoint and display.
function terminal.save()
  local lines = {}
  for _, point in ipairs(breakpoints.list) do
    local text = point.func or ("%s:%d"):format(point.file or point.path, point.wanted_line)
    lines[#lines + 1] = "break " .. text .. (point.text and " if " .. point.text or "")
  end
  for _, text in ipairs(displays) do lines[#lines + 1] = "display " .. text end
  if catching ~= "off" then lines[#lines + 1] = "catch " .. (catching == "all" and "all" or "error") end
  return "ok", table.concat(lines, "\n")
end

local function quietly_add(text)
  local at, test = text:match "^(.-)%s+if%s+(.*)$"
  local spec = parse_place(at or text)
  if not spec then return end
  start()
  spec.condition = test
  breakpoints.add(spec)
end

--- The other way round, in a new host.
function terminal.restore(_, text)
  for line in text:gmatch "[^\n]+" do
    local command, rest = line:match "^(%S+) (.*)$"
    if command == "break" then quietly_add(rest) else terminal[command](nil, rest) end
  end
  return "ok"
end

--- For `bosun run --debug` and --repl-on-error: begins where the action does, or where it fails.
---@param options { stop_on_entry: boolean }
function terminal.start(options)
  start()
  terminal.catch(nil, "error")
  if options.stop_on_entry then session.stop_on_entry() end
end

--- For bosun.breakpoint: stops at the next line.
function terminal.breakpoint()
  if not native.has_prompt() then return end
  start()
  native.pause(true)
end

return terminal
