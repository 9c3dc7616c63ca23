--- Amounts of a resource as Kubernetes writes them: "500m", "1.5", "2Gi", "1e3".

local quantity = {}

local SUFFIXES = {
  [""] = 1, n = 1e-9, u = 1e-6, m = 1e-3, k = 1e3, M = 1e6, G = 1e9, T = 1e12, P = 1e15, E = 1e18,
  Ki = 2 ^ 10, Mi = 2 ^ 20, Gi = 2 ^ 30, Ti = 2 ^ 40, Pi = 2 ^ 50, Ei = 2 ^ 60,
}

local EXPECTED = 'expected an amount such as "500m", "1.5" or "2Gi"'

--- The amount as a number.
---@param value any text or number
---@return number|nil amount
---@return string|nil problem
function quantity.parse(value)
  local text = math.type(value) and tostring(value) or type(value) == "string" and value or ""
  local digits, rest = text:match "^%+?(%d*%.?%d*)(.*)$"
  local number = digits and tonumber(digits)
  local exponent = rest and rest:match "^[eE]([+-]?%d+)$"
  local factor = exponent and 10.0 ^ tonumber(exponent) or SUFFIXES[rest]
  if number and factor then return number * factor end
  local hint = type(value) == "string" and value:find "^[%d.]+[mgtMGT]i?[bB]$" and ' ("Mi" and "Gi", without "B")' or ""
  return nil, EXPECTED .. hint
end

--- For schemas.
---@param value any
---@return boolean|nil ok
---@return string|nil problem
function quantity.check(value)
  local amount, problem = quantity.parse(value)
  return amount ~= nil or nil, problem
end

return quantity
