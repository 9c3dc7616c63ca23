--- Reads modelExecutionType: does a deployment have a server of its own, or share one?

local suggest = require "bosun.suggest"

local execution = {}

local DEDICATED, SHARED = "dedicated", "shared"
local TYPES = { DEDICATED, SHARED }

--- Is the deployment one of many in the shared server? Nothing given means a server of its own.
---@param deployment_info table
---@return boolean|nil is_shared
---@return string|nil text the problem when is_shared is nil; else a remark on a type that is not known
function execution.is_shared(deployment_info)
  local given = deployment_info.modelExecutionType
  if given == nil then return false end
  if type(given) ~= "string" then
    return nil, ('expected "%s" or "%s", found a %s'):format(DEDICATED, SHARED, type(given))
  end
  local word = given:lower():gsub("^%s+", ""):gsub("%s+$", "")
  if word == "" or word == DEDICATED then return false end
  if word == SHARED then return true end
  if suggest.nearest(word, TYPES) then
    return nil, ('expected "%s" or "%s", found "%s"%s'):format(DEDICATED, SHARED, given, suggest.hint(given, TYPES))
  end
  return true, ('modelExecutionType "%s" is taken as "%s"'):format(given, SHARED)
end

return execution
