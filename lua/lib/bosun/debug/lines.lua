--- Internal: which lines of a file have code, read from its compiled form (Lua 5.4), so that also functions count that
--- have never run.

local unpack = string.unpack

local lines = {}

--- Reads the bytes of string.dump.
local Reader = {}
Reader.__index = Reader

function Reader:byte()
  local at = self.at
  self.at = at + 1
  return self.bytes:byte(at)
end

--- An integer of 7 bits a byte, the last of which has the eighth bit.
function Reader:number()
  local value = 0
  while true do
    local byte = self:byte()
    value = value << 7 | byte & 0x7f
    if byte & 0x80 ~= 0 then return value end
  end
end

function Reader:skip(count)
  self.at = self.at + count
end

function Reader:skip_string()
  local size = self:number()
  if size > 0 then self:skip(size - 1) end
end

local CONSTANT_SIZES = { [0x13] = 8, [0x03] = 8 } -- floats and integers

function Reader:skip_constants()
  for _ = 1, self:number() do
    local kind = self:byte()
    if kind & 0x0f == 4 then self:skip_string() else self:skip(CONSTANT_SIZES[kind] or 0) end
  end
end

function Reader:skip_names()
  for _ = 1, self:number() do
    self:skip_string()
    self:number()
    self:number()
  end
  for _ = 1, self:number() do self:skip_string() end
end

--- The lines of the instructions, in `into`. A function with varargs begins with an instruction that is no line's.
function Reader:lines(line, is_vararg, into)
  local count = self:number()
  local deltas = self.at
  self:skip(count)
  local absolute = {}
  for _ = 1, self:number() do
    local pc = self:number()
    absolute[pc] = self:number()
  end
  for pc = 0, count - 1 do
    local delta = unpack("b", self.bytes, deltas + pc)
    line = delta == -128 and absolute[pc] or line + delta
    if pc > 0 or not is_vararg then into[line] = true end
  end
end

--- A function and those in it, which are added to `found`.
function Reader:func(found)
  self:skip_string()
  local f = { first = self:number(), last = self:number(), lines = {} }
  self:byte()
  local is_vararg = self:byte() ~= 0
  self:byte()
  self:skip(self:number() * 4)
  self:skip_constants()
  self:skip(self:number() * 3)
  found[#found + 1] = f
  for _ = 1, self:number() do self:func(found) end
  self:lines(f.first, is_vararg, f.lines)
  self:skip_names()
end

local HEADER = 4 + 1 + 1 + 6 + 3 + 8 + 8 + 1

---@class bosun.debug.Function
---@field first integer the line that it begins at; 0: the file itself
---@field last integer
---@field lines table<integer, true>

--- The functions of a chunk, the chunk first.
---@param chunk function
---@return bosun.debug.Function[]
function lines.functions(chunk)
  local reader = setmetatable({ bytes = string.dump(chunk), at = HEADER + 1 }, Reader)
  local found = {}
  reader:func(found)
  return found
end

local function first_line(f, from)
  local best
  for line in pairs(f.lines) do
    if line >= from and (not best or line < best) then best = line end
  end
  return best
end

--- Where a breakpoint at `line` takes effect. One at the line that begins a function is at the function's first line
--- of code.
---@param functions bosun.debug.Function[]
---@param line integer
---@return integer|nil line nil: there is no code at or below that line
---@return string|nil why it is another one
function lines.bind(functions, line)
  for _, f in ipairs(functions) do
    local begin = f.first == line and f.last > line and first_line(f, line + 1)
    if begin then return begin, ("line %d begins a function: moved to its first line of code"):format(line) end
  end
  local best
  for _, f in ipairs(functions) do
    local found = first_line(f, line)
    if found and (not best or found < best) then best = found end
  end
  if not best then return nil, ("there is no code at line %d or below"):format(line) end
  return best, best ~= line and ("line %d has no code: moved to the next one that has"):format(line) or nil
end

--- The first line of code of the function that begins at `line`.
function lines.entry(functions, line)
  for _, f in ipairs(functions) do
    if f.first == line then return first_line(f, line == f.last and line or line + 1) end
  end
end

return lines
