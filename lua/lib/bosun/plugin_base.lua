--- The class that every plugin extends:
---
---     local BosunPluginBase = require "bosun.plugin_base"
---     local SamplePlugin = BosunPluginBase:extend("SamplePlugin")
---     function SamplePlugin:pe_status() return ActionStatusInfo{ status = ActionStatus.OK } end
---     return SamplePlugin
---
--- A plugin defines a method for each action; only `deployment_relaunch` has a default. What a plugin wants to set up
--- when it is constructed goes into `init`. Its private config is described by `SamplePlugin.config_schema`, and is in
--- `self.config` then.

local log = require "bosun.log"
local status = require "bosun.action_status"
local suggest = require "bosun.suggest"
local time = require "bosun.time"
local null = require("bosun.yaml").null

local ActionStatus, ActionStatusInfo = status.ActionStatus, status.ActionStatusInfo

---@class BosunPluginBase
---@field plugin_config table the action config's `pluginConfig`; empty when it is absent
---@field config_schema? table<string, bosun.config.Spec> set in a class: what its private config holds
---@field config table the private config, checked, with defaults filled in; nil where there is no config_schema
---@field private_config_file? string path of the plugin's own config
---@field action_config_file? string path of the action config
---@field pe_info? table the action config's `peInfo`
---@field dry_run boolean
---@field log bosun.Logger writes with the field `plugin`
local BosunPluginBase = { __name = "BosunPluginBase" }
BosunPluginBase.__index = BosunPluginBase

--- class → "file:line" of the call that made it
local made_at = setmetatable({}, { __mode = "k" })

local function place(source, line)
  return ("%s:%d"):format(source:gsub("^[@=]", ""), line)
end

local function place_of_function(fn)
  local info = debug.getinfo(fn, "S")
  return place(info.source, info.linedefined)
end

--- Is this BosunPluginBase or a class that extends it, over any number of levels?
---@param value any
---@return boolean
function BosunPluginBase.is_plugin_class(value)
  while type(value) == "table" do
    if value == BosunPluginBase then return true end
    value = rawget(value, "super")
  end
  return false
end

--- A new class that inherits from this one. Its parent is in `.super`.
---@param name string what messages and the log call the plugin
---@return BosunPluginBase
function BosunPluginBase:extend(name)
  if not BosunPluginBase.is_plugin_class(self) then
    error("extend is a method: write BosunPluginBase:extend(name), with a colon", 2)
  elseif type(name) ~= "string" or name == "" then
    error("extend expects the plugin's name, a string", 2)
  end
  local class = setmetatable({ __name = name, super = self }, { __index = self })
  class.__index = class
  local caller = debug.getinfo(2, "Sl")
  made_at[class] = place(caller.source, caller.currentline)
  return class
end

--- The private config, checked against the class's schema. Only here is bosun.config needed: it costs time to load.
local function load_config(class, file)
  local config = require "bosun.config"
  local ok, problem = config.check_schema(class.config_schema)
  if not ok then error(("%s: the config_schema of %s: %s"):format(made_at[class] or "?", class.__name, problem), 0) end
  local loaded, err = config.load(file, class.config_schema)
  if loaded then return loaded end
  if not err.file then err = require("bosun.error").wrap(err, "the private config", { file = file }) end
  error(err, 0)
end

--- Constructs the plugin; the host calls it. A plugin's own set-up belongs in `init`.
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
  if self.config_schema ~= nil then plugin.config = load_config(self, private_config_file) end
  plugin:init()
  return plugin
end

--- Called at the end of the construction, with every field set, the private config read. Does nothing unless a plugin
--- defines it.
function BosunPluginBase:init() -- luacheck: no unused args
end

--- An error about a value of the action config, to be raised: it names the value's line.
---
---     error(self:action_config_problem("deploymentInfo.keyValueConfig.memory", "the cluster has 4 GiB at most"))
---
---@param key_path string|any[] "key.path" from the top of the file, or a list of keys when one holds a dot
---@param message string what is wrong
---@return bosun.config.Error
function BosunPluginBase:action_config_problem(key_path, message)
  return require("bosun.config").file_problem(self.action_config_file, key_path, message)
end

--- An error about a value of the private config, to be raised: it names the value's line.
---
---     error(self:private_config_problem("largestModel", ("the model has %d bytes"):format(size)))
---
---@param key_path string|any[] "key.path" from the top of the file, or a list of keys when one holds a dot
---@param message string what is wrong
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

--- The ids in `peInfo.deployments`, whose entries are ids or mappings with an `id`.
---@return string[]
function BosunPluginBase:deployment_ids()
  local entries = self.pe_info and self.pe_info.deployments or {}
  if type(entries) ~= "table" then
    error(("peInfo.deployments is a %s; expected a list"):format(type(entries)), 0)
  end
  local ids = {}
  for i, entry in ipairs(entries) do
    ids[i] = id_of(entry) or error(("peInfo.deployments[%d]: expected an id, or a mapping with an id"):format(i), 0)
  end
  return ids
end

local function inherited_methods(class)
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

--- The method of an action, or an error that says how to define it.
local function find_method(plugin, action)
  local method = plugin[action]
  if type(method) == "function" then return method end
  local class = getmetatable(plugin)
  local near = suggest.nearest(action, inherited_methods(class))
  error(('plugin "%s" (%s) has no method %s: define function %s:%s(%s) … end%s'):format(class.__name,
    made_at[class] or "?", action, class.__name, action, action:find("^deployment_[^l]") and "deployment_info" or "",
    near and ("; it has a method %s: is that a typing error?"):format(near) or ""), 0)
end

--- Why a stop that is part of a relaunch failed, or nil.
local function failure_of_stop(ok, result)
  if not ok then return tostring(result) end
  if not ActionStatusInfo.is(result) then return "it returned no ActionStatusInfo" end
  return result.status == ActionStatus.ERROR and (result.msg or "it gave no message") or nil
end

--- Stops the deployment, then starts it. The stop may fail (the deployment may be gone): the start decides.
---@param deployment_info table
---@return ActionStatusInfo
function BosunPluginBase:deployment_relaunch(deployment_info)
  local failure = failure_of_stop(pcall(self.deployment_stop, self, deployment_info))
  if failure then
    self.log:warn("relaunch goes on although deployment_stop failed", { id = deployment_info.id, error = failure })
  end
  return find_method(self, "deployment_start")(self, deployment_info)
end

local function rounded(seconds)
  return math.floor(seconds * 10000 + 0.5) / 10000
end

--- The six keys of the status file; what is absent is null.
local function whole_status(info, elapsed)
  local function or_null(value)
    if value == nil then return null end
    return value
  end
  return {
    status = info.status,
    msg = or_null(info.msg),
    state = or_null(info.state),
    duration = rounded(info.duration or elapsed),
    timestamp = math.floor(time.now() * 1000),
    data = or_null(info.data),
  }
end

local function describe(value)
  if value == nil then return "nothing" end
  if type(value) == "table" then return "a plain table" end
  return ("%s (a %s)"):format(tostring(value), type(value))
end

--- Raises, naming the method's place, unless its answer is a good ActionStatusInfo.
local function check_answer(answer, what, method)
  local problem = not ActionStatusInfo.is(answer)
    and ("returned %s; every action returns an ActionStatusInfo"):format(describe(answer))
    or ActionStatusInfo.problem(answer)
  if problem then error(("%s: %s %s"):format(place_of_function(method), what, problem), 0) end
end

--- `data` of a pe_status, with each entry of deploymentsStatus as a whole status.
local function whole_deployments(data, elapsed, method)
  local statuses = {}
  for id, info in pairs(data.deploymentsStatus) do
    check_answer(info, ("pe_status: data.deploymentsStatus[%q]"):format(tostring(id)), method)
    statuses[id] = whole_status(info, elapsed)
  end
  local copy = {}
  for key, value in pairs(data) do copy[key] = value end
  copy.deploymentsStatus = statuses
  return copy
end

--- Runs an action and makes its answer whole: duration and timestamp are filled in, absent keys are null.
---@param action string the method's name
---@param deployment_info? table for the actions that take one
---@return table status the six keys of the status file
function BosunPluginBase:perform(action, deployment_info)
  local method = find_method(self, action)
  local started = time.monotonic()
  local answer = method(self, deployment_info)
  local elapsed = time.monotonic() - started
  check_answer(answer, action, method)
  local whole = whole_status(answer, elapsed)
  local statuses = action == "pe_status" and type(answer.data) == "table" and answer.data.deploymentsStatus
  if statuses and type(statuses) ~= "table" then
    error(("%s: pe_status: data.deploymentsStatus is a %s; expected a table of ActionStatusInfo by deployment id")
      :format(place_of_function(method), type(statuses)), 0)
  elseif statuses then
    whole.data = whole_deployments(answer.data, elapsed, method)
  end
  return whole
end

return BosunPluginBase
