--- Internal: finds the coroutines and the files that there are when a debugger comes late, by walking over all that Lua
--- can reach.
--- Coroutines that are made later have its hook from the start.

local native = require "bosun.native.debugger"
local sources = require "bosun.debug.sources"

local SIMPLE = { ["nil"] = true, boolean = true, number = true, string = true }

--- What a thread's frames hold.
local function frames_of(thread, visit)
  local level = 0
  while level < 1000 do
    local info = debug.getinfo(thread, level, "f")
    if not info then return end
    visit(info.func)
    for index = 1, 250 do
      local name, value = debug.getlocal(thread, level, index)
      if not name then break end
      visit(value)
    end
    level = level + 1
  end
end

local parts = {}

function parts.table(value, visit)
  for key, item in next, value do
    visit(key)
    visit(item)
  end
end

parts["function"] = function(value, visit)
  local chunk = debug.getinfo(value, "S").source
  if chunk:sub(1, 1) == "@" then sources.add(chunk) end
  for index = 1, 255 do
    local name, item = debug.getupvalue(value, index)
    if not name then break end
    visit(item)
  end
end

function parts.userdata(value, visit)
  for index = 1, 8 do
    local item, there = debug.getuservalue(value, index)
    if not there then break end
    visit(item)
  end
end

function parts.thread(value, visit)
  native.watch(value)
  frames_of(value, visit)
end

--- Gives every coroutine the debugger's hook, and takes note of every file.
return function()
  local seen, queue = {}, { debug.getregistry(), coroutine.running() }
  local function visit(value)
    if SIMPLE[type(value)] or seen[value] then return end
    seen[value] = true
    queue[#queue + 1] = value
  end
  while #queue > 0 do
    local value = table.remove(queue)
    local walk = parts[type(value)]
    if walk then walk(value, visit) end
    visit(debug.getmetatable(value))
  end
end
