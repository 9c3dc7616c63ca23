--- Internal: the types that a schema can name. A type has a text for messages, and reads a value: it returns true and
--- the converted value, or false.

local size = require "bosun.size"
local time = require "bosun.time"
local url = require "bosun.url"

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
  expected = "seconds, or a duration such as 5m",
  is_number = true,
  read = function(value)
    local seconds = value
    if type(value) == "string" then seconds = time.duration(value) end
    return is_finite(seconds) and seconds >= 0, seconds
  end,
}

types.bytes = {
  expected = "a size such as 512Mi",
  is_number = true,
  read = function(value)
    local bytes = value
    if type(value) == "string" then bytes = size.parse(value) end
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
    local parts = type(value) == "string" and url.parse(value)
    local scheme = parts and parts.scheme:lower()
    return scheme == "http" or scheme == "https", value
  end,
}

return types
