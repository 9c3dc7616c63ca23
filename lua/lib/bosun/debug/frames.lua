--- Internal: the functions that are active in a thread, their variables, and expressions in their scope.

local sources = require "bosun.debug.sources"

local frames = {}

local SKIPPED = { [error] = true, [assert] = true }

---@class bosun.debug.Frame
---@field thread thread
---@field level integer
---@field func function
---@field name string
---@field source string the chunk: "@…"
---@field line integer
---@field is_lua boolean
---@field info table what debug.getinfo says

local function name_of(info)
  if info.what == "main" then return "the file itself" end
  if info.what == "C" then return info.name or "a C function" end
  return sources.name_at(info.source, info.linedefined) or info.name or ("function at line %d"):format(info.linedefined)
end

local function frame_at(thread, level)
  local info = debug.getinfo(thread, level, "nSlutf")
  if not info then return nil end
  return { thread = thread, level = level, func = info.func, name = name_of(info), source = info.source,
    line = info.currentline, is_lua = info.what ~= "C", info = info }
end

--- How many frames are listed at once. Lua finds the frame at level n in n steps, and a stack may have 200,000.
local MAX_FRAMES = 1000

--- The level of the innermost frame. skip: how many of the innermost are the debugger's. Those of `error` and `assert`
--- are left out: the one below has raised the error.
---@param thread thread
---@param skip? integer
---@return integer
function frames.first_level(thread, skip)
  local level = skip or 0
  local info = debug.getinfo(thread, level, "f")
  while info and SKIPPED[info.func] do
    level = level + 1
    info = debug.getinfo(thread, level, "f")
  end
  return level
end

--- The frames of a stopped thread from the given level on, the innermost first.
---@param thread thread
---@param level integer
---@param count? integer
---@return bosun.debug.Frame[]
function frames.list(thread, level, count)
  local list = {}
  for at = level, level + math.min(count or MAX_FRAMES, MAX_FRAMES) - 1 do
    local frame = frame_at(thread, at)
    if not frame then break end
    list[#list + 1] = frame
  end
  return list
end

--- The innermost frame.
function frames.top(thread, skip)
  return frame_at(thread, frames.first_level(thread, skip))
end

---@class bosun.debug.Variable
---@field name string
---@field value any
---@field set fun(value: any)

--- Calls `get` with 1, 2, … until there is no more; temporary values, whose names begin with "(", are left out.
local function variables(get, set)
  local found = {}
  local index = 1
  while true do
    local name, value = get(index)
    if not name then return found end
    local at = index
    if name:sub(1, 1) ~= "(" then
      found[#found + 1] = { name = name, value = value, index = at, set = function(new) set(at, new) end }
    end
    index = index + 1
  end
end

--- The local variables, in the order of their declaration: of several of one name, the last is in scope.
---@param frame bosun.debug.Frame
---@return bosun.debug.Variable[]
function frames.locals(frame)
  local thread, level = frame.thread, frame.level
  return variables(function(index) return debug.getlocal(thread, level, index) end,
    function(index, value) debug.setlocal(thread, level, index, value) end)
end

--- The upvalues, without _ENV.
---@param frame bosun.debug.Frame
---@return bosun.debug.Variable[]
function frames.upvalues(frame)
  local all = variables(function(index) return debug.getupvalue(frame.func, index) end,
    function(index, value) debug.setupvalue(frame.func, index, value) end)
  local found = {}
  for _, variable in ipairs(all) do
    if variable.name ~= "_ENV" and variable.name ~= "" then found[#found + 1] = variable end
  end
  return found
end

--- The arguments that `...` stands for.
---@param frame bosun.debug.Frame
---@return bosun.debug.Variable[]
function frames.varargs(frame)
  local found = {}
  while true do
    local index = #found + 1
    local name, value = debug.getlocal(frame.thread, frame.level, -index)
    if not name then return found end
    found[index] = { name = ("...[%d]"):format(index), value = value,
      set = function(new) debug.setlocal(frame.thread, frame.level, -index, new) end }
  end
end

--- The table of the frame's global variables.
function frames.globals(frame)
  for index = 1, math.huge do
    local name, value = debug.getupvalue(frame.func, index)
    if not name then return _G end
    if name == "_ENV" then return value end
  end
end

--- The variable of that name that the frame's code sees; nil: it is a global one.
---@return bosun.debug.Variable|nil
function frames.find(frame, name)
  local locals = frames.locals(frame)
  for index = #locals, 1, -1 do
    if locals[index].name == name then return locals[index] end
  end
  for _, variable in ipairs(frames.upvalues(frame)) do
    if variable.name == name then return variable end
  end
end

--- Stands for the variables of a frame, and for the global ones behind them.
local function scope(frame, outer)
  local globals = frames.globals(frame)
  return setmetatable({}, {
    __index = function(_, name)
      local variable = frames.find(frame, name)
      if variable then return variable.value end
      local value = globals[name]
      if value == nil and outer then return outer[name] end
      return value
    end,
    __newindex = function(_, name, value)
      local variable = frames.find(frame, name)
      if variable then variable.set(value) else globals[name] = value end
    end,
  })
end

--- Compiles an expression, or else statements.
---@param text string
---@param env table
---@return function|nil
---@return string|nil problem
function frames.compile(text, env)
  local chunk = load("return " .. text, "=expression", "t", env)
  if chunk then return chunk end
  local statement, problem = load(text, "=expression", "t", env)
  if statement then return statement end
  return nil, (problem:gsub("^expression:%d+: ", ""))
end

local function message_of(err)
  local ok, text = pcall(tostring, err)
  return ok and (text:gsub("^expression:%d+: ", "")) or "an error whose __tostring also raises one"
end

--- Evaluates in the scope of a frame; assignments change its variables. outer: where other names are looked up last.
---@param frame? bosun.debug.Frame nil: global names only
---@param text string
---@param outer? table
---@return table|nil results with `n`
---@return string|nil problem
function frames.evaluate(frame, text, outer)
  local env = frame and scope(frame, outer) or setmetatable({}, { __index = _G, __newindex = _G })
  local chunk, problem = frames.compile(text, env)
  if not chunk then return nil, problem end
  local arguments = {}
  for index, variable in ipairs(frame and frames.varargs(frame) or {}) do arguments[index] = variable.value end
  local results = table.pack(pcall(chunk, table.unpack(arguments)))
  if not results[1] then return nil, message_of(results[2]) end
  return table.pack(table.unpack(results, 2, results.n))
end

frames.message_of = message_of

return frames
