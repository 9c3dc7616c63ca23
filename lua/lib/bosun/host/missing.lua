--- Internal: the error for an action whose method a plugin does not define. Loaded only then, and by `bosun validate`.

local BosunPluginBase = require "bosun.plugin_base"
local errors = require "bosun.error"
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

--- The error, with the place of the class: how to define the method, and which one is probably a misspelling of it.
---@param class BosunPluginBase
---@param action string
---@return bosun.Error
function missing.error(class, action)
  local argument = action:find("^deployment_[^l]") and "deployment_info" or ""
  local file, line = class.__made_at:match("^(.*):(%d+)$")
  return errors.new {
    code = "plugin", op = action, file = file, line = math.tointeger(line),
    message = ('plugin "%s" has no method %s: define function %s:%s(%s) … end%s'):format(class.__name, action,
      class.__name, action, argument, misspelling(class, action)),
  }
end

--- The error if a class cannot run an action; nil if it can. The default of deployment_relaunch needs deployment_start.
---@param class BosunPluginBase
---@param action string
---@return bosun.Error|nil
function missing.problem(class, action)
  local method = class[action]
  if type(method) ~= "function" then return missing.error(class, action) end
  if action == "deployment_relaunch" and method == BosunPluginBase.deployment_relaunch then
    return missing.problem(class, "deployment_start")
  end
  return nil
end

return missing
