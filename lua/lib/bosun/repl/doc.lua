--- Internal: the documentation of a name: the annotations above it, in the library's source or the plugin's.

local console = require "bosun.native.console"
local places = require "bosun.repl.places"
local pretty = require "bosun.repl.pretty"
local session = require "bosun.repl.session"
local suggest = require "bosun.suggest"

local doc = {}

--- The comment that ends above `line`, without its dashes; "" when there is none.
local function comment_above(lines, line)
  local out = {}
  for i = line - 1, 1, -1 do
    local text = lines[i]:match "^%s*%-%-%-?%s?(.*)$"
    if not text then break end
    table.insert(out, 1, text)
  end
  return out
end

--- What a module is for: above its table in the annotations, at the top elsewhere.
local function module_comment(lines)
  if lines[1]:find "^%-%-%-@meta" then
    for i, line in ipairs(lines) do
      if line:find "^local [%w_]+ = {" then return comment_above(lines, i) end
    end
  end
  local out = {}
  for _, line in ipairs(lines) do
    local text = line:match "^%-%-%-?%s?(.*)$"
    if not text then break end
    out[#out + 1] = text
  end
  return out
end

local function escaped(name)
  return (name:gsub("%p", "%%%0"))
end

--- The line that defines `name` ("get", of "http") in a source, whatever the table is called there.
local function line_of(lines, table_name, field)
  local exact = "^%s*function%s+" .. escaped(table_name) .. "[.:]" .. escaped(field) .. "%s*%("
  local any = "^%s*function%s+[%w_.]+[.:]" .. escaped(field) .. "%s*%("
  local set = "^%s*[%w_.]+%." .. escaped(field) .. "%s*="
  for _, pattern in ipairs { exact, any, set } do
    for i, line in ipairs(lines) do
      if line:find(pattern) then return i end
    end
  end
  return nil
end

--- Sources that may describe a module: its annotations first.
local function sources_of(module)
  local found = {}
  for _, name in ipairs { "@bosun/meta/" .. module .. ".lua", "@bosun/" .. module:gsub("%.", "/") .. ".lua" } do
    if places.text(name) then found[#found + 1] = name end
  end
  return found
end

local function entry(title, lines, place)
  return { title = title, lines = lines, place = place }
end

local function signature(line)
  return line:match "^%s*function%s+(.-)%s*end%s*$" or line:match "^%s*function%s+(.*%))" or line:match "^%s*(.-)%s*$"
end

local function find_field(module, field)
  for _, source in ipairs(sources_of(module)) do
    local lines = places.lines(source) or {}
    local line = line_of(lines, module, field)
    if line then
      return entry(signature(lines[line]), comment_above(lines, line), ("%s:%d"):format(source:sub(2), line))
    end
  end
  return nil
end

--- Names in lines of at most 100 columns.
local function wrapped(names)
  local rows, row = {}, ""
  for _, name in ipairs(names) do
    if #row + #name > 98 then
      rows[#rows + 1] = row
      row = ""
    end
    row = row == "" and name or row .. " " .. name
  end
  rows[#rows + 1] = row
  return rows
end

local function find_module(module)
  for _, source in ipairs(sources_of(module)) do
    local lines = places.lines(source) or {}
    local comment = module_comment(lines)
    local fields = {}
    for _, line in ipairs(lines) do
      local field = line:match("^function%s+" .. escaped(module) .. "[.:]([%w_]+)%s*%(")
      if field then fields[#fields + 1] = field end
    end
    table.sort(fields)
    if #fields > 0 then
      comment[#comment + 1] = ""
      for _, row in ipairs(wrapped(fields)) do comment[#comment + 1] = row end
    end
    if #comment > 0 then return entry("bosun." .. module, comment, source:sub(2)) end
  end
  return nil
end

--- The value that a name like self.deploy or string.rep stands for; nil when there is none.
local function resolve(scope, name)
  local code = "return " .. name:gsub(":", ".")
  local chunk = load(code, "=name", "t", session.env_of(scope))
  local ok, value = pcall(chunk or error)
  if ok then return value end
  -- The plugin's object cannot be made, for want of a config: its class has the methods.
  chunk = load(code, "=name", "t", setmetatable({ self = console.class() }, { __index = _G }))
  ok, value = pcall(chunk or error)
  return ok and value or nil
end

--- By the value: a Lua function is where its code is.
local function find_value(scope, name)
  local value = resolve(scope, name)
  if type(value) ~= "function" then return nil end
  local info = debug.getinfo(value, "S")
  local lines = info.what == "Lua" and places.lines(info.source)
  if not lines or not lines[info.linedefined] then return nil end
  return entry(signature(lines[info.linedefined]), comment_above(lines, info.linedefined),
    ("%s:%d"):format(info.source:gsub("^[@=]", ""), info.linedefined))
end

--- A plugin or its class: the comment above the class, and its methods.
local function find_class(scope, name)
  local value = resolve(scope, name)
  local class = type(value) == "table" and (rawget(value, "__made_at") and value or getmetatable(value))
  local made_at = type(class) == "table" and rawget(class, "__made_at")
  if type(made_at) ~= "string" then return nil end
  local file, line = made_at:match "^(.*):(%d+)$"
  local lines = places.lines((file:find "^bosun/" and "" or "@") .. file) or {}
  local comment = comment_above(lines, math.tointeger(line))
  local methods = {}
  for key, method in next, class do
    if type(method) == "function" then methods[#methods + 1] = tostring(key) end
  end
  table.sort(methods)
  for _, row in ipairs(wrapped(methods)) do comment[#comment + 1] = row end
  return entry(tostring(class.__name), comment, made_at)
end

local STANDARD = { coroutine = true, debug = true, io = true, math = true, os = true, package = true, string = true,
  table = true, utf8 = true }

local function find_standard(name)
  local library = name:match "^([%w_]+)%."
  local known = not library and rawget(_G, name)
  if STANDARD[library] then known = _G[library][name:match "%.([%w_]+)$"] end
  if known == nil or known == false then return nil end
  return entry(name, { "Part of Lua: https://www.lua.org/manual/5.4/manual.html#pdf-" .. name }, "Lua 5.4")
end

local function find(scope, name)
  local short = name:gsub("^bosun%.", "")
  local module, field = short:match "^([%w_.]+)[.:]([%w_]+)$"
  return module and session.modules()[module] and find_field(module, field)
    or session.modules()[short] and find_module(short) or find_value(scope, name)
    or find_class(scope, name) or find_standard(name)
end

--- What may be meant.
local function advice(name)
  local module, field = name:gsub("^bosun%.", ""):match "^([%w_]+)[.:]([%w_]+)$"
  local known = {}
  if module and session.modules()[module] then
    for key in pairs(require(session.modules()[module])) do known[#known + 1] = tostring(key) end
    local near = suggest.nearest(field, known)
    if near then return ("; did you mean %s.%s?"):format(module, near) end
  end
  return ""
end

--- Prints the documentation of a name.
---@param scope table|nil
---@param name string
---@return string result
---@return string|nil
function doc.show(scope, name)
  local found = find(scope, name)
  if not found then
    console.write(("there is no documentation of %s%s\n"):format(name, advice(name)))
    return "failed", nil
  end
  local bold, off = "", ""
  if console.settings().color then bold, off = "\27[1m", "\27[0m" end
  local lines = { bold .. found.title .. off }
  for _, line in ipairs(found.lines) do lines[#lines + 1] = "  " .. line end
  if #found.lines == 0 then lines[#lines + 1] = "  (no comment above it)" end
  lines[#lines + 1] = "  -- " .. found.place
  for i, line in ipairs(lines) do lines[i] = line:gsub("%s+$", "") end
  console.write(table.concat(lines, "\n") .. "\n")
  return "ok", nil
end

--- Where the code of a name is: "file\nline". For :edit.
---@param scope table|nil
---@param name string
---@return string result
---@return string|nil place
function doc.place(scope, name)
  local value = resolve(scope, name)
  if value == nil and pretty.is_name(name) then value = (console.class() or {})[name] end
  local made_at = type(value) == "table" and rawget(value, "__made_at")
  if made_at then return "ok", (made_at:gsub(":(%d+)$", "\n%1")) end
  if type(value) ~= "function" or debug.getinfo(value, "S").what == "C" then
    console.write(("%s is no function written in Lua\n"):format(name))
    return "failed", nil
  end
  local info = debug.getinfo(value, "S")
  if info.source:sub(1, 2) ~= "@/" then
    console.write(("%s is in %s, which is part of bosun: it has no file to edit\n"):format(name, info.source:sub(2)))
    return "failed", nil
  end
  return "ok", ("%s\n%d"):format(info.source:sub(2), info.linedefined)
end

return doc
