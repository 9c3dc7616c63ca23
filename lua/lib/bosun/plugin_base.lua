--- The class that every plugin extends:
---
---     local BosunPluginBase = require "bosun.plugin_base"
---     local SamplePlugin = BosunPluginBase:extend("SamplePlugin")
---     function SamplePlugin:pe_status() return ActionStatusInfo{ status = ActionStatus.OK } end
---     return SamplePlugin
---
--- A plugin defines a method for each action; `deployment_relaunch`, `endpoint_update` and `endpoint_status` have
--- defaults. Set-up of a plugin goes into `init`. With a `SamplePlugin.config_schema`, the checked private config is in
--- `self.config`.

local log = require "bosun.log"
local status = require "bosun.action_status"

local ActionStatus, ActionStatusInfo = status.ActionStatus, status.ActionStatusInfo

---@class BosunPluginBase
---@field plugin_config table the action config's `pluginConfig`; empty when it is absent
---@field config_schema? table<string, bosun.config.Spec> set in a class: the keys of its private config
---@field config table the private config, checked, with defaults filled in; nil without a config_schema
---@field private_config_file? string path of the private config
---@field action_config_file? string path of the action config
---@field pe_info? table the action config's `peInfo`
---@field dry_run boolean
---@field log bosun.Logger writes with the field `plugin`
---@field clean_up? fun(self, action: string, subject?: table, reason: string): ActionStatusInfo|nil optional: undoes
---or finishes what an action began that was cancelled or ran out of time. It has 20 seconds, in which waits work again;
---what the action held (locks, clients) is closed. reason: "cancelled by SIGTERM". Returns the status of the action, or
---nil: the status is that of the stopped action
local BosunPluginBase = { __name = "BosunPluginBase" }
BosunPluginBase.__index = BosunPluginBase

--- Is this BosunPluginBase or a class that extends it, directly or not?
---@param value any
---@return boolean
function BosunPluginBase.is_plugin_class(value)
  while type(value) == "table" do
    if value == BosunPluginBase then return true end
    value = rawget(value, "super")
  end
  return false
end

--- Makes a class that inherits from this one, which is its `.super`.
---@param name string the name of the plugin in messages and the log
---@return BosunPluginBase
function BosunPluginBase:extend(name)
  if not BosunPluginBase.is_plugin_class(self) then
    error("extend is a method: call BosunPluginBase:extend(name), with a colon", 2)
  elseif type(name) ~= "string" or name == "" then
    error("extend: expected the name of the plugin, a string", 2)
  end
  local caller = debug.getinfo(2, "Sl")
  local made_at = ("%s:%d"):format(caller.source:gsub("^[@=]", ""), caller.currentline) -- for messages
  local class = setmetatable({ __name = name, super = self, __made_at = made_at }, { __index = self })
  class.__index = class
  return class
end

--- The private config, checked against the schema of the class; what it lacks may stand in the `pluginConfig`. Loads
--- bosun.config, which other plugins do not need.
local function load_config(class, file, plugin_config, action_config_file)
  local config = require "bosun.config"
  local ok, problem = config.check_schema(class.config_schema)
  if not ok then error(("%s: the config_schema of %s: %s"):format(class.__made_at, class.__name, problem), 0) end
  local loaded, err = config.load(file, class.config_schema, { values = plugin_config, file = action_config_file })
  if loaded then return loaded end
  if not err.file then err = require("bosun.error").wrap(err, "the private config", { file = file }) end
  error(err, 0)
end

--- Constructs the plugin; called by the host. Put set-up into `init`.
---@param plugin_config? table
---@param private_config_file? string
---@param pe_info? table
---@param dry_run? boolean
---@param action_config_file? string
---@return BosunPluginBase
function BosunPluginBase:new(plugin_config, private_config_file, pe_info, dry_run, action_config_file)
  local plugin = setmetatable({
    plugin_config = plugin_config or {},
    private_config_file = private_config_file,
    action_config_file = action_config_file,
    pe_info = pe_info,
    dry_run = dry_run or false,
    log = log.with { plugin = self.__name },
  }, self)
  if self.config_schema ~= nil then
    plugin.config = load_config(self, private_config_file, plugin.plugin_config, action_config_file)
  end
  plugin:init()
  return plugin
end

--- Called at the end of the construction, when all fields are set and the private config is loaded. Does nothing by
--- default.
function BosunPluginBase:init() -- luacheck: no unused args
end

--- An error about a value of the action config, to be raised. It names the line of the value.
---
---     error(self:action_config_problem("deploymentInfo.keyValueConfig.memory", "the cluster has 4 GiB at most"))
---
---@param key_path string|any[] "key.path" from the top of the file, or a list of keys when one holds a dot
---@param message string the problem
---@return bosun.config.Error
function BosunPluginBase:action_config_problem(key_path, message)
  return require("bosun.config").file_problem(self.action_config_file, key_path, message)
end

--- An error about a value of the private config, to be raised. It names the line of the value.
---
---     error(self:private_config_problem("largestModel", ("the model has %d bytes"):format(size)))
---
---@param key_path string|any[] "key.path" from the top of the file, or a list of keys when one holds a dot
---@param message string the problem
---@return bosun.config.Error
function BosunPluginBase:private_config_problem(key_path, message)
  if self.config == nil then error("private_config_problem: the plugin has no config_schema", 2) end
  return require("bosun.config").problem(self.config, key_path, message)
end

local function id_of(entry)
  local id = entry
  if type(entry) == "table" then id = entry.id end
  return type(id) == "string" and id or nil
end

--- The ids in `peInfo.deployments`. Its entries are ids, or mappings with an `id`.
---@return string[]
function BosunPluginBase:deployment_ids()
  local entries = self.pe_info and self.pe_info.deployments or {}
  if type(entries) ~= "table" then
    error(("peInfo.deployments: expected a list, got a %s"):format(type(entries)), 0)
  end
  local ids = {}
  for i, entry in ipairs(entries) do
    ids[i] = id_of(entry) or error(("peInfo.deployments[%d]: expected an id, or a mapping with an id"):format(i), 0)
  end
  return ids
end

--- Why the stop of a relaunch failed, or nil.
local function failure_of_stop(ok, result)
  if not ActionStatusInfo.is(result) then
    return ok and "it did not return an ActionStatusInfo" or tostring(result)
  end
  return result.status == ActionStatus.ERROR and (result.msg or "it failed without a message") or nil
end

--- Stops the deployment, then starts it. A failed stop is only logged, as the deployment may be gone already.
---@param deployment_info table
---@return ActionStatusInfo
function BosunPluginBase:deployment_relaunch(deployment_info)
  local failure = failure_of_stop(pcall(self.deployment_stop, self, deployment_info))
  if failure then
    self.log:warn("deployment_stop failed, starting the deployment anyway",
      { id = deployment_info.id, error = failure })
  end
  if type(self.deployment_start) ~= "function" then
    error(require("bosun.host.missing").error(getmetatable(self), "deployment_start"), 0)
  end
  return self:deployment_start(deployment_info)
end

--- Splits the traffic of an online endpoint between deployments. Optional: by default, the status is unknown.
---@param endpoint_info table with `trafficSplit`, deployment id → percent
---@return ActionStatusInfo
function BosunPluginBase:endpoint_update(endpoint_info) -- luacheck: no unused args
  return ActionStatusInfo.unknown(require("bosun.host.missing").optional(self, "endpoint_update"))
end

--- Reports whether an online endpoint is healthy. Optional: by default, the status is unknown.
---@param endpoint_info table
---@return ActionStatusInfo
function BosunPluginBase:endpoint_status(endpoint_info) -- luacheck: no unused args
  return ActionStatusInfo.unknown(require("bosun.host.missing").optional(self, "endpoint_status"))
end

return BosunPluginBase
