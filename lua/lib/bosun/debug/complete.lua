--- Internal: completions of an expression: variables of the frame, globals, fields and methods, also those that come
--- through metatables. Runs no code of the plugin.

local frames = require "bosun.debug.frames"

local function index_of(value)
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__index") or nil
end

--- A field, without calling anything.
local function field(value, name)
  for _ = 1, 100 do
    if type(value) == "table" then
      local found = rawget(value, name)
      if found ~= nil then return found end
    end
    value = index_of(value)
    if type(value) ~= "table" then return nil end
  end
end

local function root(frame, name)
  local variable = frame and frames.find(frame, name)
  if variable then return variable.value end
  return field(frame and frames.globals(frame) or _G, name)
end

--- The value of a path such as `self.config`.
local function resolve(frame, text)
  local value
  for name in text:gmatch "[%a_][%w_]*" do
    if value == nil then value = root(frame, name) else value = field(value, name) end
    if value == nil then return nil end
  end
  return value
end

local function add(found, seen, name, value, prefix)
  if type(name) ~= "string" or seen[name] or not name:find "^[%a_][%w_]*$" or name:sub(1, #prefix) ~= prefix then
    return
  end
  seen[name] = true
  found[#found + 1] = { label = name, type = type(value) == "function" and "function" or "field" }
end

local function fields(found, seen, value, prefix, methods)
  for _ = 1, 100 do
    if type(value) == "table" then
      for name, item in next, value do
        if not methods or type(item) == "function" then add(found, seen, name, item, prefix) end
      end
    end
    value = index_of(value)
    if type(value) ~= "table" then return end
  end
end

--- What can follow the end of a text.
---@param frame bosun.debug.Frame|nil
---@param text string
---@return { label: string, type: string }[]
return function(frame, text)
  local found, seen = {}, {}
  local holder, sign, prefix = text:match "([%a_][%w_.]*)([.:])([%w_]*)$"
  if holder then
    fields(found, seen, resolve(frame, holder), prefix, sign == ":")
  else
    prefix = text:match "[%w_]*$"
    for _, list in ipairs(frame and { frames.locals(frame), frames.upvalues(frame) } or {}) do
      for _, variable in ipairs(list) do add(found, seen, variable.name, variable.value, prefix) end
    end
    fields(found, seen, frame and frames.globals(frame) or _G, prefix)
  end
  table.sort(found, function(a, b) return a.label < b.label end)
  return found
end
