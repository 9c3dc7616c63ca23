--- Internal: values as text for people: tables with sorted keys, within a width and a depth, cycles marked.

local error_value = require "bosun.error"
local text = require "bosun.text"

local pretty = {}

local ITEMS_MAX, STRING_MAX, TOTAL_MAX = 100, 2000, 200000

local COLORS = { string = "\27[32m", number = "\27[36m", boolean = "\27[35m", ["nil"] = "\27[2m", name = "\27[1m",
  other = "\27[33m" }
local END = "\27[0m"

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\""] = "\\\"", ["\\"] = "\\\\" }

local function escape(c)
  return ESCAPES[c] or ("\\x%02X"):format(c:byte())
end

--- A string as Lua writes it; UTF-8 stays as it is.
---@param s string
---@return string
function pretty.quoted(s)
  local shown = text.head(s, STRING_MAX)
  local whole = utf8.len(shown) and shown:gsub("[%c\"\\]", escape) or shown:gsub("[^ -!#-%[%]-~]", escape)
  if #s > STRING_MAX then return ("\"%s\" (%d bytes)"):format(whole, #s) end
  return "\"" .. whole .. "\""
end

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "%a+" do KEYWORDS[word] = true end

---@param s any
---@return boolean
function pretty.is_name(s)
  return type(s) == "string" and s:find "^[%a_][%w_]*$" ~= nil and not KEYWORDS[s]
end

--- How a function is called, and where it is: "function fs.read (C)", "function at plugin.lua:12".
local function function_text(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return "function (C)" end
  return ("function (%s:%d)"):format(info.source:gsub("^[@=]", ""), info.linedefined)
end

local Printer = {}
Printer.__index = Printer

function Printer:paint(kind, s)
  local color = self.color and COLORS[kind]
  return color and color .. s .. END or s
end

local function safe_tostring(value)
  local ok, result = pcall(tostring, value)
  return ok and result or ("%s whose __tostring raises"):format(type(value))
end

function Printer:scalar(value)
  local kind = type(value)
  if kind == "string" then return self:paint("string", pretty.quoted(value)) end
  if kind == "number" or kind == "boolean" or kind == "nil" then return self:paint(kind, tostring(value)) end
  if kind == "function" then return self:paint("other", function_text(value)) end
  if kind == "userdata" and tostring(value):find "^userdata: %(?n" then return self:paint("nil", "null") end
  if kind == "userdata" and tostring(value):find "^userdata: 0x0+$" then return self:paint("nil", "null") end
  return self:paint("other", text.head(safe_tostring(value), STRING_MAX))
end

local function name_of(meta)
  local name = type(meta) == "table" and rawget(meta, "__name")
  if type(name) ~= "string" or name:find "^bosun%.[%w_.]*array$" then return nil end
  return name
end

--- A table that says itself what it is.
function Printer:own_text(value, meta)
  if error_value.is(value) then
    return self:paint("other", ("error %s: %s"):format(tostring(rawget(value, "code")), safe_tostring(value)))
  end
  if type(meta) == "table" and rawget(meta, "__tostring") then
    return self:paint("other", text.head(safe_tostring(value), STRING_MAX))
  end
  return nil
end

local RANKS = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local x, y = RANKS[type(a)] or 4, RANKS[type(b)] or 4
  if x ~= y then return x < y end
  if x < 3 then return a < b end
  return safe_tostring(a) < safe_tostring(b)
end

--- The keys beside the items 1 to n, sorted.
local function other_keys(value, n)
  local keys = {}
  for key in next, value do
    if math.type(key) ~= "integer" or key < 1 or key > n then keys[#keys + 1] = key end
  end
  table.sort(keys, before)
  return keys
end

function Printer:key(key)
  if pretty.is_name(key) then return self:paint("name", key) end
  return "[" .. (type(key) == "table" and self:paint("other", "table") or self:scalar(key)) .. "]"
end

--- The entries of a table: text of the key with " = ", or "", and the value; and how many are left out.
function Printer:entries(value)
  local entries, n = {}, #value
  for i = 1, math.min(n, ITEMS_MAX) do entries[i] = { "", rawget(value, i), "[" .. i .. "]" } end
  local keys = other_keys(value, n)
  for i = 1, math.min(#keys, ITEMS_MAX) do
    local key = self:key(keys[i])
    entries[#entries + 1] = { key .. " = ", rawget(value, keys[i]), pretty.is_name(keys[i]) and "." .. keys[i] or
      "[" .. safe_tostring(keys[i]) .. "]" }
  end
  return entries, n + #keys - #entries
end

local function visible_length(s)
  local plain = s:gsub("\27%[[%d;]*m", "")
  return utf8.len(plain) or #plain
end

--- Lines with as many parts as fit.
local function fill(parts, pad, width)
  local rows, row, length = {}, {}, #pad
  for _, part in ipairs(parts) do
    local more = visible_length(part) + 2
    if length + more > width and #row > 0 then
      rows[#rows + 1] = table.concat(row, ", ")
      row, length = {}, #pad
    end
    row[#row + 1] = part
    length = length + more
  end
  rows[#rows + 1] = table.concat(row, ", ")
  return table.concat(rows, ",\n" .. pad)
end

--- One line if it fits, otherwise a line for each part; parts of a list that are no tables share lines.
local function join(head, parts, indent, width, is_list)
  local length = indent + #head + 4
  for _, part in ipairs(parts) do
    length = length + visible_length(part) + 2
    if length > width or part:find("\n", 1, true) then length = math.huge end
  end
  if length <= width then return head .. "{ " .. table.concat(parts, ", ") .. " }" end
  local pad = (" "):rep(indent + 2)
  if is_list then return head .. "{\n" .. pad .. fill(parts, pad, width) .. "\n" .. (" "):rep(indent) .. "}" end
  return head .. "{\n" .. pad .. table.concat(parts, ",\n" .. pad) .. "\n" .. (" "):rep(indent) .. "}"
end

function Printer:table(value, indent, depth, path)
  local meta = getmetatable(value)
  if self.above[value] then return self:paint("other", ("<cycle: %s>"):format(self.above[value])) end
  local own = self:own_text(value, meta)
  if own then return own end
  local name = name_of(meta)
  local head = name and self:paint("other", name) .. " " or ""
  if next(value) == nil then return head .. "{}" end
  if depth == 0 or self.total > TOTAL_MAX then return head .. "{…}" end
  self.above[value] = path
  local parts = {}
  local entries, left = self:entries(value)
  local is_list = #entries > 4
  for i, entry in ipairs(entries) do
    parts[i] = entry[1] .. self:value(entry[2], indent + 2, depth - 1, path .. entry[3])
    self.total = self.total + #parts[i]
    is_list = is_list and entry[1] == "" and type(entry[2]) ~= "table"
  end
  if left > 0 then parts[#parts + 1] = ("… %d more"):format(left) end
  self.above[value] = nil
  return join(head, parts, indent, self.width, is_list)
end

function Printer:value(value, indent, depth, path)
  if type(value) == "table" then return self:table(value, indent, depth, path) end
  return self:scalar(value)
end

---@class bosun.repl.PrettyOptions
---@field width? integer columns
---@field depth? integer how deep tables are shown
---@field color? boolean
---@field indent? integer columns that are taken already
---@field name? string what cycles call the value

---@param value any
---@param options? bosun.repl.PrettyOptions
---@return string
function pretty.text(value, options)
  options = options or {}
  local printer = setmetatable({ width = options.width or 80, color = options.color, above = {}, total = 0 }, Printer)
  return printer:value(value, options.indent or 0, options.depth or 4, options.name or "")
end

--- One line of at most `most` columns.
---@param value any
---@param most integer
---@return string
function pretty.line(value, most)
  local whole = pretty.text(value, { width = math.huge, depth = 2 })
  return text.one_line(whole, most)
end

return pretty
