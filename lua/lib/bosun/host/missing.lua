--- Internal: the error for an action whose method a plugin does not define. Loaded only then.

local BosunPluginBase = require "bosun.plugin_base"
local suggest = require "bosun.suggest"

local missing = {}

local function own_methods(class)
  local names = {}
  while class and class ~= BosunPluginBase do
    for name, value in pairs(class) do
      if type(name) == "string" and type(value) == "function" then names[#names + 1] = name end
    end
    class = rawget(class, "super")
  end
  table.sort(names)
  return names
end

local function misspelling(class, action)
  local near = suggest.nearest(action, own_methods(class))
  return near and ("; is %s a misspelling of it?"):format(near) or ""
end

--- What a plugin without the method of an optional action answers.
---@param plugin BosunPluginBase
---@param action string
---@return string
function missing.optional(plugin, action)
  local class = getmetatable(plugin)
  return ("the plugin %s has no method %s, which is optional%s"):format(class.__name, action,
    misspelling(class, action))
end

--- Raises: says how to define the method, and which one is probably a misspelling of it.
---@param plugin BosunPluginBase
---@param action string
function missing.raise(plugin, action)
  local class = getmetatable(plugin)
  local argument = action:find("^deployment_[^l]") and "deployment_info" or ""
  error(('plugin "%s" (%s) has no method %s: define function %s:%s(%s) … end%s'):format(class.__name,
    class.__made_at, action, class.__name, action, argument,
    misspelling(class, action)), 0)
end

return missing
