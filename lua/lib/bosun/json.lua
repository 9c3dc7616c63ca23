--- JSON, read by lua-cjson. Unlike there, an empty array stays an array, an integer stays one of 64 bits, and the
--- output can be indented and sorted.
---
--- Limits: an integer beyond 64 bits becomes a float; 1.0 and 1e2 are read as the integers 1 and 100; the last of
--- duplicate keys wins; nesting is limited to 128.

local check_options = require("bosun.options").check
local errors = require "bosun.error"
local shape_of = require("bosun.native.list").shape
local yaml = require "bosun.yaml"

local json = {}

--- null in lists and objects; the same value as `yaml.null`.
json.null = yaml.null

--- Marks a table as a list, even an empty one.
---@param list? table
---@return table
function json.array(list)
  return yaml.array(list or {})
end

local MAX_DEPTH = 128
local REPLACEMENT = "\u{FFFD}"

--- lua-cjson, opened when a text is first read: a plugin that reads no JSON works without it.
local codec

local function open_codec()
  local cjson, err = require("bosun.native.cjson").open()
  if not cjson then return nil, err end
  codec = cjson.new()
  codec.decode_invalid_numbers(false)
  codec.decode_max_depth(MAX_DEPTH)
  return codec
end

--- cjson decodes `[]` as `{}` and every number as a float. Where that loses something, strings that begin with this
--- mark take the place of such values before decoding. The mark is random, so that no text contains it.
local MARK = ("bosun-%016x%016x:"):format(math.random(0), math.random(0))

local function needs_marks(text)
  return text:find("%[%s*%]") or text:find("%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d")
end

--- The position after the string that begins at `from`.
local function skip_string(text, from)
  local at = from + 1
  while true do
    local stop = text:find('["\\]', at)
    if text:byte(stop) == 34 then return stop + 1 end
    at = stop + 2
  end
end

--- The token at `from`, marked if necessary, and the position after it.
local function marked_token(text, from)
  local first = text:sub(from, from)
  if first == '"' then
    local stop = skip_string(text, from)
    return text:sub(from, stop - 1), stop
  elseif first == "[" then
    local stop = text:match("^%[%s*%]()", from)
    if stop then return ('["%s"]'):format(MARK), stop end
    return first, from + 1
  end
  local number, stop = text:match("^([-+.%deE]+)()", from)
  local is_long_integer = #number >= 16 and number:find("^-?%d+$")
  return is_long_integer and ('"%s%s"'):format(MARK, number) or number, stop
end

--- The text, which is valid JSON, with marks.
local function with_marks(text)
  local out, at = {}, 1
  while true do
    local from = text:find('["%[%-%d]', at)
    if not from then break end
    out[#out + 1] = text:sub(at, from - 1)
    out[#out + 1], at = marked_token(text, from)
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

--- The original of a number or marked string.
local function restored_scalar(value)
  if type(value) == "number" then
    return math.tointeger(value) or value
  elseif type(value) == "string" and value:sub(1, #MARK) == MARK then
    local digits = value:sub(#MARK + 1)
    return math.tointeger(digits) or tonumber(digits .. ".0")
  end
  return value
end

--- Restores integers and marks lists, in place.
local function restored(value)
  if type(value) ~= "table" then return restored_scalar(value) end
  if value[1] == MARK and value[2] == nil then return json.array {} end
  for key, item in pairs(value) do value[key] = restored(item) end
  return value[1] ~= nil and json.array(value) or value
end

local function position_of(text, offset)
  local before = text:sub(1, offset - 1)
  local _, newlines = before:gsub("\n", "")
  return newlines + 1, #before:match("[^\n]*$") + 1
end

local function decode_failure(text, problem)
  local what, offset = problem:match("^(.*) at character (%d+)$")
  local failure = errors.new { code = "syntax", op = "json.decode", message = "JSON: " .. problem }
  if offset then
    failure.line, failure.column = position_of(text, tonumber(offset))
    failure.message = ("JSON, line %d, column %d: %s"):format(failure.line, failure.column, what)
  end
  return failure
end

--- Reads one JSON text.
---@param text string
---@return any|nil value nil on failure
---@return bosun.Error|nil err code "syntax", with `line` and `column`; "cjson": lua-cjson is not installed
function json.decode(text)
  if type(text) ~= "string" then error(("json.decode: expected a string, got a %s"):format(type(text)), 2) end
  if not codec then
    local opened, err = open_codec()
    if not opened then return nil, err end
  end
  local value, problem = codec.decode(text)
  if value == nil then return nil, decode_failure(text, problem) end
  if needs_marks(text) then value = codec.decode(with_marks(text)) end
  return restored(value)
end

--- The text, with each byte that is not UTF-8 replaced.
local function valid_utf8(text)
  local out, at = {}, 1
  while true do
    local _, bad = utf8.len(text, at)
    if not bad then break end
    out[#out + 1] = text:sub(at, bad - 1) .. REPLACEMENT
    at = bad + 1
  end
  return #out == 0 and text or table.concat(out) .. text:sub(at)
end

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(character)
  return ESCAPES[character] or ("\\u%04x"):format(character:byte())
end

local function encode_string(text)
  return '"' .. valid_utf8(text):gsub('[%c"\\]', escape) .. '"'
end

--- The shortest text that reads back as the same float, and looks like a float.
local function encode_float(number)
  local text = ("%.15g"):format(number)
  if tonumber(text) ~= number then text = ("%.17g"):format(number) end
  return text:find("[.e]") and text or text .. ".0"
end

--- Raises the error that json.try_encode returns.
local function refuse(format, ...)
  error(errors.new { code = "invalid", op = "json.encode", message = format:format(...) }, 0)
end

local UNKNOWN = "%s is %s, which JSON cannot represent"

local function encode_scalar(value, at)
  local kind = math.type(value) or type(value)
  if kind == "string" then return encode_string(value) end
  if kind == "integer" then return ("%d"):format(value) end
  if kind == "boolean" then return tostring(value) end
  if value == json.null then return "null" end
  if kind ~= "float" then refuse(UNKNOWN, at, "a " .. kind) end
  if value ~= value or value == math.huge or value == -math.huge then refuse(UNKNOWN, at, tostring(value)) end
  return encode_float(value)
end

local function object_keys(value, at, sort)
  local keys, texts = {}, {}
  for key in pairs(value) do
    local kind = math.type(key) or type(key)
    if kind ~= "string" and kind ~= "integer" then
      refuse("%s has a %s as a key: expected strings or integers", at, kind)
    end
    local text = valid_utf8(tostring(key))
    if texts[text] then refuse("%s has two keys that are written as %q", at, text) end
    keys[#keys + 1], texts[text] = text, key
  end
  if sort then table.sort(keys) end
  return keys, texts
end

local encode_value

--- The parts between brackets, on one line or each on an indented line of its own.
local function enclosed(parts, open, close, format, depth)
  if #parts == 0 then return open .. close end
  if not format.indent then return open .. table.concat(parts, ",") .. close end
  local line = "\n" .. format.indent:rep(depth)
  return open .. line .. table.concat(parts, "," .. line) .. "\n" .. format.indent:rep(depth - 1) .. close
end

local function encode_list(list, format, depth, at)
  local parts = {}
  for i = 1, #list do parts[i] = encode_value(list[i], format, depth, ("%s[%d]"):format(at, i)) end
  return enclosed(parts, "[", "]", format, depth)
end

local function encode_object(object, format, depth, at)
  local keys, original = object_keys(object, at, format.sort)
  local colon = format.indent and ": " or ":"
  for i, key in ipairs(keys) do
    keys[i] = encode_string(key) .. colon .. encode_value(object[original[key]], format, depth, at .. "." .. key)
  end
  return enclosed(keys, "{", "}", format, depth)
end

function encode_value(value, format, depth, at)
  if type(value) ~= "table" then return encode_scalar(value, at) end
  if depth >= MAX_DEPTH then refuse("%s… is nested too deeply or in itself", at:sub(1, 60)) end
  local shape, problem = shape_of(value)
  if not shape then refuse("%s is marked as a list, but %s", at, problem) end
  local encode = shape == "list" and encode_list or encode_object
  return encode(value, format, depth + 1, at)
end

--- The indent of one level; nil: everything on one line.
local function indent_text(indent)
  if not indent then return nil end
  return (" "):rep(indent == true and 2 or indent)
end

local OPTIONS = { indent = "count|boolean", sort = "boolean" }

local function encode(value, options)
  local format = { indent = indent_text(options.indent), sort = options.sort }
  local ok, result = pcall(encode_value, value, format, 0, "value")
  if ok then return result end
  if not errors.is(result) then error(result, 0) end
  return nil, result
end

--- Writes a value as JSON. A table is a list if its keys are 1 to n and nothing else, otherwise an object. Bytes that
--- are not UTF-8 become U+FFFD. Raises on a value that JSON cannot represent; the message names the place in the value.
---@param value any
---@param options? { indent?: integer|boolean, sort?: boolean } indent: spaces for each level (true: 2); sort: keys
---@return string
function json.encode(value, options)
  local text, err = encode(value, check_options("json.encode", options, OPTIONS))
  return text or error("json.encode: " .. err.message, 2)
end

--- As json.encode, but returns an error for a value that JSON cannot represent.
---@param value any
---@param options? { indent?: integer|boolean, sort?: boolean }
---@return string|nil text
---@return bosun.Error|nil err code "invalid"
function json.try_encode(value, options)
  return encode(value, check_options("json.try_encode", options, OPTIONS))
end

return json
