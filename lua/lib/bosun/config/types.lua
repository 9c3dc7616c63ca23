--- Internal: the types of values that a config's schema can name. A type says what it expects, for messages, and reads
--- a value: true and the value as the plugin gets it, or false.

local time = require "bosun.time"

--- name → expected (text for messages), is_number (`min` and `max` apply), read(value) → boolean, value
local types = {}

local function of_type(wanted)
  return function(value) return type(value) == wanted, value end
end

local function is_finite(value)
  return math.type(value) == "integer" or math.type(value) == "float" and value - value == 0
end

types.any = { expected = "a value", read = function(value) return true, value end }
types.string = { expected = "a string", read = of_type "string" }
types.boolean = { expected = "true or false", read = of_type "boolean" }
types.map = { expected = "a mapping", read = of_type "table" }
types.list = { expected = "a list", read = of_type "table" }

types.integer = {
  expected = "an integer",
  is_number = true,
  read = function(value) return math.type(value) == "integer", value end,
}

types.number = {
  expected = "a number",
  is_number = true,
  read = function(value) return is_finite(value), value end,
}

types.seconds = {
  expected = 'seconds, or a duration like "5m"',
  is_number = true,
  read = function(value)
    local seconds = value
    if type(value) == "string" then seconds = time.duration(value) end
    return is_finite(seconds) and seconds >= 0, seconds
  end,
}

local UNITS = { [""] = 1 }
for power, letter in ipairs { "k", "m", "g", "t", "p" } do
  UNITS[letter] = 1000 ^ power
  UNITS[letter .. "i"] = 1024 ^ power
end

--- "1.5GiB", "512 Mi", "10k" as bytes, or nil. K, M, G are powers of 1000; Ki, Mi, Gi of 1024.
local function parse_bytes(text)
  local digits, unit = text:match("^(%d+%.?%d*)%s*(%a*)$")
  local factor = unit and UNITS[unit:lower():gsub("b$", "")]
  return factor and math.tointeger(math.floor(tonumber(digits) * factor))
end

types.bytes = {
  expected = 'bytes, or a size like "512Mi"',
  is_number = true,
  read = function(value)
    local bytes = value
    if type(value) == "string" then bytes = parse_bytes(value) end
    return math.type(bytes) == "integer" and bytes >= 0, bytes
  end,
}

types.path = {
  expected = "a path",
  read = function(value) return type(value) == "string" and value ~= "" and not value:find("\0", 1, true), value end,
}

types.url = {
  expected = "an http or https URL",
  read = function(value)
    return type(value) == "string" and value:find("^[hH][tT][tT][pP][sS]?://[^/%s%c]") ~= nil
      and not value:find("[%s%c]"), value
  end,
}

return types
