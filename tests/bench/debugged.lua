-- What a debugger costs: times the same code without one and under one, in one process. The first breakpoints are in
-- another file; the last one is in a line that a loop passes, with a condition that is false.

local BosunPluginBase = require "bosun.plugin_base"
local status = require "bosun.action_status"

local Debugged = BosunPluginBase:extend("Debugged")

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local works = {}

function works.calls() fib(30) end

function works.loop()
  local sum = 0
  for i = 1, 20000000 do sum = sum + i % 7 end
  return sum
end

function works.texts()
  local parts = {}
  for i = 1, 400000 do parts[#parts + 1] = ("%d %s"):format(i, "x"):upper():sub(2) end
end

function works.tables()
  local list = {}
  for i = 1, 300000 do list[i] = { id = i, name = "n" .. i } end
  table.sort(list, function(a, b) return a.id > b.id end)
end

function works.coroutines()
  for _ = 1, 30000 do
    local step = coroutine.wrap(function()
      for i = 1, 10 do coroutine.yield(i) end
    end)
    for _ = 1, 10 do step() end
  end
end

local function passed(count)
  local sum = 0
  for i = 1, count do
    sum = sum + i -- the breakpoint
  end
  return sum
end

local function line_of(mark)
  local number = 0
  for line in io.lines((debug.getinfo(1, "S").source:gsub("^@", ""))) do
    number = number + 1
    if line:find(mark, 1, true) then return number end
  end
end

local function seconds(f, ...)
  local best = math.huge
  for _ = 1, 3 do
    local began = os.clock()
    f(...)
    best = math.min(best, os.clock() - began)
  end
  return best
end

function Debugged:pe_status()
  local breakpoints = require "bosun.debug.breakpoints"
  local native = require "bosun.native.debugger"
  local session = require "bosun.debug.session"
  local data = { without = {}, under = {} }
  for name, work in pairs(works) do data.without[name] = seconds(work) end
  data.without.passed = seconds(passed, 1000000)
  session.start { bound = function() end, loaded = function() end, output = function() end, stopped = error }
  breakpoints.add { path = "bosun/retry.lua", line = 20 }
  for name, work in pairs(works) do data.under[name] = seconds(work) end
  local here = debug.getinfo(1, "S").source:gsub("^@", "")
  breakpoints.add { path = here, line = line_of "-- the breakpoint", condition = "i < 0" }
  data.under.passed = seconds(passed, 1000000)
  native.stop()
  return status.ActionStatusInfo { status = status.ActionStatus.OK, msg = "measured", data = data }
end

return Debugged
