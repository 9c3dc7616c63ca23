--- Checks of values that the API would refuse, so that a mistake shows at its line and not when a model is started.

local suggest = require "bosun.suggest"
local tables = require "bosun.tables"

local checks = {}

local function is_dns_label(text)
  return #text <= 63 and text:find("^[a-z0-9]") and text:find("[a-z0-9]$") and not text:find("[^a-z0-9-]")
end

--- The name of an object: parts of lower-case letters, digits and "-", with dots in between.
---@param text string
---@return boolean|nil ok
---@return string|nil problem
function checks.object_name(text)
  for part in (text .. "."):gmatch "([^.]*)%." do
    if not is_dns_label(part) or #text > 253 then
      return nil, ('%q is not a valid name: expected lower-case letters, digits, "-" and "."'):format(text)
    end
  end
  return true
end

--- The same without dots: a namespace, a volume, a container.
---@param text string
---@return boolean|nil ok
---@return string|nil problem
function checks.plain_name(text)
  if is_dns_label(text) then return true end
  return nil, ('%q is not a valid name: expected up to 63 lower-case letters, digits and "-"'):format(text)
end

--- The key of a label or annotation: "name" or "example.com/name".
---@param text string
---@return boolean|nil ok
---@return string|nil problem
function checks.label_key(text)
  local domain, name = text:match "^([^/]+)/(.*)$"
  name = name or text
  local is_name = #name <= 63 and name:find("^%w") and name:find("%w$") and not name:find("[^%w_.-]")
  if is_name and (not domain or checks.object_name(domain)) then return true end
  return nil, ('%q is not a valid key: expected a name such as "team" or "example.com/team"'):format(text)
end

--- A label's value.
---@param text string
---@return boolean|nil ok
---@return string|nil problem
function checks.label_value(text)
  local is_valid = #text <= 63 and text:find("^%w") and text:find("%w$") and not text:find("[^%w_.-]")
  if text == "" or is_valid then return true end
  return nil, ('%q is not a valid value of a label: expected up to 63 letters, digits, "-", "_" and "."'):format(text)
end

--- The name of an environment variable.
---@param text string
---@return boolean|nil ok
---@return string|nil problem
function checks.variable(text)
  if text:find "^[%a_.-][%w_.-]*$" then return true end
  return nil, ('%q is not a valid name of an environment variable'):format(text)
end

--- The problem of a mapping that has keys besides these, or nil.
---@param value table
---@param known string[]
---@return string|nil problem
function checks.unknown_key(value, known)
  local is_known = {}
  for _, key in ipairs(known) do is_known[key] = true end
  for _, key in ipairs(tables.sorted_keys(value)) do
    local name = tostring(key)
    if not is_known[key] then return ('unknown key "%s"%s'):format(name, suggest.hint(name, known)) end
  end
end

--- The problem of a list with a repeated text in a field, or nil.
---@param list table[]
---@param field string
---@return string|nil problem
function checks.repeated(list, field)
  local seen = {}
  for _, item in ipairs(list) do
    local text = type(item) == "table" and item[field]
    if text and seen[text] then return ('the %s "%s" appears twice'):format(field, tostring(text)) end
    if text then seen[text] = true end
  end
end

return checks
