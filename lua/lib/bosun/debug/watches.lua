--- Internal: expressions that are looked at after each line, until their value changes or their frame has returned.

local frames = require "bosun.debug.frames"
local native = require "bosun.native.debugger"

local watches = { list = {} }

--- The level of the watch's frame now; nil: it has returned.
local function level_of(watch)
  local level = native.depth(watch.thread) - watch.depth
  if level < 0 or native.func(watch.thread, level) ~= watch.func then return nil end
  return level
end

local function value_of(watch, level)
  local results, problem = frames.evaluate({ thread = watch.thread, level = level, func = watch.func }, watch.text)
  if not results then return nil, problem end
  return results[1]
end

--- Watches an expression in the scope of a frame.
---@param frame bosun.debug.Frame
---@param text string
---@return boolean|nil ok
---@return string|nil problem
function watches.add(frame, text)
  local watch = { text = text, thread = frame.thread, func = frame.func,
    depth = native.depth(frame.thread) - frame.level }
  local value, problem = value_of(watch, frame.level)
  if problem then return nil, problem end
  watch.value = value
  table.insert(watches.list, watch)
  return true
end

function watches.clear()
  watches.list = {}
end

--- What has happened since the last line; nil: nothing.
---@param text_of fun(value: any): string
---@return string|nil
function watches.look(text_of)
  for index, watch in ipairs(watches.list) do
    local level = level_of(watch)
    if not level then
      table.remove(watches.list, index)
      return ("the watch of %s ends: its function has returned"):format(watch.text)
    end
    local value = value_of(watch, level)
    if not rawequal(value, watch.value) then
      local before = watch.value
      watch.value = value
      return ("%s was %s, and is %s"):format(watch.text, text_of(before), text_of(value))
    end
  end
end

return watches
