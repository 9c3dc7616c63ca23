--- Internal: values as short texts, and the parts of a value, for people.

local values = {}

local SHOWN = 200 -- bytes of a string inside a table
local FIELDS = 6

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\""] = "\\\"", ["\\"] = "\\\\" }

--- A string in quotes, on one line. Bytes that are not UTF-8 are escaped.
function values.quote(text)
  local quoted = text:gsub("[%c\"\\\127]", function(c) return ESCAPES[c] or ("\\x%02X"):format(c:byte()) end)
  if not utf8.len(quoted) then
    quoted = quoted:gsub("[\128-\255]", function(c) return ("\\x%02X"):format(c:byte()) end)
  end
  return '"' .. quoted .. '"'
end

--- Cuts before the given number of bytes, between characters.
local function cut(text, size)
  if #text <= size then return text end
  local at = size
  while at > 0 and text:byte(at + 1) & 0xC0 == 0x80 do at = at - 1 end
  return text:sub(1, at) .. "…"
end

--- What a __tostring or a __name says.
local function described(value)
  local ok, text = pcall(tostring, value)
  if ok then return cut(text, SHOWN) end
  return type(value) .. ": its __tostring raises an error"
end

local function has_own_text(value)
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__tostring") ~= nil
end

local function rank(key)
  return math.type(key) == "integer" and 1 or type(key) == "number" and 2 or type(key) == "string" and 3 or 4
end

local function before(a, b)
  local ra, rb = rank(a), rank(b)
  if ra ~= rb then return ra < rb end
  if ra < 4 then return a < b end
  return described(a) < described(b)
end

--- The keys of a table, sorted: integers, numbers, strings, others.
function values.keys(t)
  local keys = {}
  for key in next, t do keys[#keys + 1] = key end
  table.sort(keys, before)
  return keys
end

--- A key as it is written in Lua: name, [1], ["two words"].
function values.key(key)
  if type(key) == "string" then
    if key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then return key end
    return "[" .. cut(values.quote(key), SHOWN) .. "]"
  end
  return "[" .. described(key) .. "]"
end

local function inside(value)
  if type(value) == "string" then return values.quote(cut(value, 40)) end
  if type(value) == "table" and not has_own_text(value) then return next(value) == nil and "{}" or "{…}" end
  return described(value)
end

local function table_text(t)
  local parts = {}
  local length = rawlen(t)
  for index = 1, math.min(length, FIELDS) do parts[index] = inside(rawget(t, index)) end
  local names = {}
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= length) then
      if #names > 50 then break end
      names[#names + 1] = key
    end
  end
  table.sort(names, before)
  for _, key in ipairs(names) do
    if #parts >= FIELDS then break end
    parts[#parts + 1] = values.key(key) .. " = " .. inside(rawget(t, key))
  end
  if length + #names > #parts then parts[#parts + 1] = "…" end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- A value on one line. max: bytes of a string that are shown.
---@param value any
---@param max? integer
---@return string
function values.text(value, max)
  if type(value) == "string" then return values.quote(cut(value, max or 1000)) end
  if type(value) == "table" and not has_own_text(value) then return table_text(value) end
  if type(value) == "function" then
    local info = debug.getinfo(value, "S")
    if info.what == "C" then return "function in C" end
    return ("function at %s:%d"):format(info.short_src, info.linedefined)
  end
  return described(value)
end

return values
