--- Internal: whose a container or an object is. Several plugins and environments share an engine or a namespace, and
--- must not touch each other's: what they make carries the prefix of its names and the prediction environment's id.

local owner = {}

--- The prediction environment's id, which the agent sends in one of two places, or not at all.
---@param plugin BosunPluginBase
---@return string|nil
function owner.environment(plugin)
  for _, id in pairs { plugin.plugin_config.MLOPS_BOSUN_PRED_ENV_ID, plugin.pe_info and plugin.pe_info.id } do
    if type(id) == "string" and id ~= "" then return id end
  end
end

--- Can both be of the same environment? Where one side has none, the prefix decides alone.
---@param theirs? string
---@param ours? string
---@return boolean
function owner.agrees(theirs, ours)
  return theirs == nil or ours == nil or theirs == ours
end

--- The owner of something, for messages.
---@param environment? string
---@param key string of the private config that has the prefix
---@param prefix? string
---@return string
function owner.words(environment, key, prefix)
  if environment then return ("prediction environment %s"):format(environment) end
  return prefix and ("a plugin with the %s %q"):format(key, prefix) or "someone else"
end

return owner
