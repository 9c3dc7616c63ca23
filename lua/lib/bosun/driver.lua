--- Internal: what the engine calls. Checks what a plugin's file returned, and runs one action on a new plugin object.
--- Every error is raised; the engine turns it into a failing status.

local BosunPluginBase = require "bosun.plugin_base"

local driver = {}

local function describe(value)
  if value == nil then return "nothing" end
  return type(value) == "table" and "a plain table" or "a " .. type(value)
end

--- File and line of a method, for errors that leave no better place; nil when there is no such method.
local function place_of(method)
  if type(method) ~= "function" then return nil end
  local info = debug.getinfo(method, "S")
  return (info.source:gsub("^[@=]", "")), info.linedefined
end

--- Raises unless `class`, which the file at `path` returned, is a plugin class.
---@param class any
---@param path string
---@return string name what the class calls itself
function driver.check(class, path)
  if not BosunPluginBase.is_plugin_class(class) or class == BosunPluginBase then
    error(("plugin %s returned %s: its last line must be `return YourClass`, a class made with "
      .. "BosunPluginBase:extend(name)"):format(path, describe(class)), 0)
  elseif class.config_schema ~= nil and type(class.config_schema) ~= "table" then
    error(("plugin %s: %s.config_schema is a %s; expected a table of keys"):format(path, class.__name,
      type(class.config_schema)), 0)
  end
  return class.__name
end

---@class bosun.DriverArgs
---@field plugin_config? table
---@field private_config_file? string
---@field action_config_file? string
---@field pe_info? table
---@field dry_run boolean
---@field deployment_info? table
---@field phase fun(name: "init"|"action", file?: string, line?: integer)

---@param class BosunPluginBase
---@param action string
---@param takes_deployment boolean
---@param args bosun.DriverArgs
---@return table status the six keys of the status file
function driver.run(class, action, takes_deployment, args)
  args.phase("init")
  local plugin = class:new(args.plugin_config, args.private_config_file, args.pe_info, args.dry_run,
    args.action_config_file)
  if not BosunPluginBase.is_plugin_class(getmetatable(plugin)) then
    error(("%s:new returned %s instead of the plugin: set the plugin up in `init` and leave `new` alone"):format(
      class.__name, describe(plugin)), 0)
  end
  args.phase("action", place_of(plugin[action]))
  return BosunPluginBase.perform(plugin, action, takes_deployment and args.deployment_info or nil)
end

return driver
