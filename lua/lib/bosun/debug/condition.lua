--- Internal: conditions of breakpoints. A loop may pass one a million times, so it is compiled once, with the local
--- variables that it names as its parameters.

local frames = require "bosun.debug.frames"

local condition = {}

local getlocal = debug.getlocal
local native = require "bosun.native.debugger"
local native_func = native.func
local pcall, unpack = pcall, table.unpack

--- The words of an expression that can be variables.
local function words(text)
  local found = {}
  local plain = text:gsub("%b\"\"", " "):gsub("%b''", " ")
  for before, word in plain:gmatch "([%.:]?)%f[%w_]([%a_][%w_]*)" do
    if before == "" or plain:find("%.%." .. word, 1) then found[word] = true end
  end
  return found
end

--- The index of each local variable in `wanted`, the last of a name, and their names in that order.
local function find_locals(thread, level, wanted)
  local at = {}
  for _, variable in ipairs(frames.locals { thread = thread, level = level }) do
    if wanted[variable.name] then at[variable.name] = variable.index end
  end
  local names = {}
  for name in pairs(at) do names[#names + 1] = name end
  table.sort(names)
  return at, names
end

--- Compiles for the place where the thread is now.
local function compile(self, thread, level)
  local at, names = find_locals(thread, level, self.words)
  local frame = frames.list(thread, level, 1)[1]
  local upvalues = {}
  for _, variable in ipairs(frames.upvalues(frame)) do upvalues[variable.name] = variable end
  local globals = frames.globals(frame)
  local env = setmetatable({}, {
    __index = function(_, name)
      local variable = upvalues[name] and frames.find({ thread = thread, level = level, func = self.func }, name)
      if variable then return variable.value end
      return globals[name]
    end,
    __newindex = globals,
  })
  local code = ("return function(%s) return %s\n end"):format(table.concat(names, ", "), self.text)
  local make, problem = load(code, "=condition", "t", env)
  if not make then return nil, problem end
  self.func, self.test = frame.func, make()
  self.indices = {}
  self.names = names
  for index, name in ipairs(names) do self.indices[index] = at[name] end
  return true
end

---@class bosun.debug.Condition
local Condition = {}
Condition.__index = Condition

--- Evaluates at the thread's place.
---@return boolean ok
---@return any result or the problem
function Condition:holds(thread, level)
  local values, indices, names = self.values, self.indices, self.names
  for index = 1, indices and #indices or 0 do
    local name, value = getlocal(thread, level, indices[index])
    if name ~= names[index] then
      self.indices = nil
      break
    end
    values[index] = value
  end
  if not self.indices or native_func(thread, level) ~= self.func then
    local ok, problem = compile(self, thread, level)
    if not ok then return false, problem end
    for index, at in ipairs(self.indices) do
      values[index] = select(2, getlocal(thread, level, at))
    end
  end
  if not self.calls then return pcall(self.test, unpack(values, 1, #self.names)) end
  native.guard(true)
  local ok, result = pcall(self.test, unpack(values, 1, #self.names))
  native.guard(false)
  return ok, result
end

--- A condition; nil and why it is not valid Lua.
---@param text string
---@return bosun.debug.Condition|nil
---@return string|nil problem
function condition.new(text)
  local chunk, problem = load("return " .. text, "=condition", "t")
  if not chunk then return nil, (problem:gsub("^condition:%d+: ", "")) end
  return setmetatable({ text = text, words = words(text), values = {}, names = {},
    calls = text:find "[({'\"]" ~= nil }, Condition)
end

return condition
