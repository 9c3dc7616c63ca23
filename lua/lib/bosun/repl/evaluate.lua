--- Internal: runs the lines of a prompt.

local console = require "bosun.native.console"
local errors = require "bosun.repl.errors"
local pretty = require "bosun.repl.pretty"
local session = require "bosun.repl.session"
local time = require "bosun.time"

local evaluate = {}

local function show_value(value)
  local settings = console.settings()
  local name = session.keep(value)
  local label = settings.color and "\27[2m" .. name .. " =\27[0m " or name .. " = "
  console.write(label .. pretty.text(value, { width = settings.width, depth = settings.depth, color = settings.color,
    name = name }) .. "\n")
end

local function show_values(values)
  for i = 1, values.n do show_value(values[i]) end
  if values.n > 0 then rawset(session.env, "_", values[1]) end
end

--- A `local` at the beginning would be gone with its line: it becomes a variable of the session.
local function without_local(text)
  local rest = text:match "^%s*local%s+(function%s.*)$"
  if rest then return rest end
  local names, init = text:match "^%s*local%s+([%a_][%w_%s,]*)(.*)$"
  if not names or names:find "^function%f[^%w_]" then return text end
  if init:sub(1, 1) == "=" and init:sub(1, 2) ~= "==" then return names .. init end
  return init:find "^%s*$" and names:gsub("%s+$", "") .. " = nil" or text
end

local function is_unfinished(problem)
  return problem:find "near '?<eof>'?$" ~= nil
end

--- The chunk of an expression or of statements; or nil, and what is wrong; or nil and nil: it is not complete.
local function compile(text, env)
  local code = without_local(text)
  local name = session.name_chunk(text)
  local chunk, problem = load("return " .. code, "=" .. name, "t", env)
  if chunk then return chunk end
  if is_unfinished(problem) and not code:find "^%s*return%f[^%w_]" then
    local statement = load(code, "=" .. name, "t", env)
    if statement then return statement end
    return nil
  end
  chunk, problem = load(code, "=" .. name, "t", env)
  if chunk then return chunk end
  if is_unfinished(problem) then return nil end
  return nil, problem
end

local function call(chunk)
  local values = table.pack(xpcall(chunk, errors.report)) -- no tail call: the reports end at this frame
  return table.unpack(values, 1, values.n)
end
errors.bottom = call

--- Runs the text. Returns "ok" and its values, or "failed" or "incomplete".
local function run(scope, text)
  local chunk, problem = compile(text, session.env_of(scope))
  if problem then
    console.write(("error: %s\n"):format(problem))
    return "failed"
  elseif not chunk then
    return "incomplete"
  end
  local values = table.pack(call(chunk))
  if not values[1] then
    console.write(values[2])
    return "failed"
  end
  return "ok", table.pack(table.unpack(values, 2, values.n))
end

--- A line or a chunk of several.
---@param scope table|nil
---@param text string
---@return string result
---@return string|nil
function evaluate.line(scope, text)
  local result, values = run(scope, text)
  if values then show_values(values) end
  return result, nil
end

--- The same for a command's argument, which has to be complete.
local function run_whole(scope, text)
  local result, values = run(scope, text)
  if result ~= "incomplete" then return result, values end
  console.write(("error: the expression is not complete: %s\n"):format(text))
  return "failed"
end

---@param scope table|nil
---@param text string
---@return string result
---@return string|nil
function evaluate.whole(scope, text)
  local result, values = run_whole(scope, text)
  if values then show_values(values) end
  return result, nil
end

---@param scope table|nil
---@param text string
---@return string result
---@return string|nil
function evaluate.timed(scope, text)
  local began = time.monotonic()
  local result, values = run_whole(scope, text)
  local took = time.monotonic() - began
  if values then show_values(values) end
  if result == "ok" then console.write(("%.6f s\n"):format(took)) end
  return result, nil
end

local function type_of(value)
  local kind = math.type(value) or type(value)
  local meta = type(value) == "table" and getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  if kind == "table" then
    local count = 0
    for _ in next, value do count = count + 1 end
    kind = ("table, %d %s, #%d"):format(count, count == 1 and "entry" or "entries", rawlen(value))
  elseif kind == "string" then
    kind = ("string, %d bytes"):format(#value)
  end
  return type(name) == "string" and ("%s (%s)"):format(name, kind) or kind
end

---@param scope table|nil
---@param text string
---@return string result
---@return string|nil
function evaluate.type(scope, text)
  local result, values = run_whole(scope, text)
  for i = 1, values and values.n or 0 do console.write(type_of(values[i]) .. "\n") end
  if values and values.n == 0 then console.write("no value\n") end
  return result, nil
end

return evaluate
