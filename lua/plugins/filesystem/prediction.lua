--- Prediction URLs: a base, and a path in which {id}, {directory} and {modelId} are filled in.

local suggest = require "bosun.suggest"
local url = require "bosun.url"

local prediction = {}

local PLACEHOLDERS = { "id", "directory", "modelId" }

--- A check for the private config: may URLs begin with this?
---@param base string an http or https URL
---@return true|nil
---@return string|nil problem
function prediction.is_base(base)
  local parts = url.parse(base)
  if parts and (parts.query or parts.fragment) then
    return nil, "a base of URLs has no query (?) and no fragment (#): the path is appended to it"
  end
  return true
end

--- The first placeholder in a path that is not a known one, or nil.
local function unknown_placeholder(text)
  for name in text:gmatch "{(.-)}" do
    local known = false
    for _, placeholder in ipairs(PLACEHOLDERS) do known = known or placeholder == name end
    if not known then return name end
  end
  return nil
end

--- A check for the private config: is this the path of a URL, with known placeholders?
---@param text string
---@return true|nil
---@return string|nil problem
function prediction.is_path(text)
  local unknown = unknown_placeholder(text)
  if unknown then
    return nil, ("{%s} is not known: expected {%s}%s"):format(unknown, table.concat(PLACEHOLDERS, "}, {"),
      suggest.hint(unknown, PLACEHOLDERS))
  end
  local other = text:gsub("{.-}", ""):match "[^%w%-._~!$&'()*+,;=:@/%%]"
  if other then return nil, ("not the path of a URL: percent-encode %q"):format(other) end
  return true
end

local function encoded(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The URL of a deployment.
---@param base string
---@param text string the path
---@param parts { id: string, directory: string, modelId: string }
---@return string
function prediction.url(base, text, parts)
  local filled = text:gsub("{(.-)}", function(name) return encoded(parts[name]) end)
  return base:gsub("/+$", "") .. "/" .. filled:gsub("^/+", "")
end

return prediction
