--- Internal: what the engine calls. Checks what a plugin's file returned, runs one action on a new plugin object, and
--- completes the status that the action returned. Every error is raised; the engine turns it into a failing status.

local BosunPluginBase = require "bosun.plugin_base"
local ActionStatusInfo = require("bosun.action_status").ActionStatusInfo
local null = require("bosun.yaml").null
local time = require "bosun.time"

local driver = {}

local function describe(value)
  if value == nil then return "nothing" end
  if type(value) == "table" then return "a plain table" end
  return ("%s (a %s)"):format(tostring(value), type(value))
end

--- File and line of a method, for errors without a better place; nil when there is no such method.
local function place_of(method)
  if type(method) ~= "function" then return nil end
  local info = debug.getinfo(method, "S")
  return (info.source:gsub("^[@=]", "")), info.linedefined
end

--- Raises an error about what a method returned, at the method.
local function refuse(method, action, format, ...)
  local file, line = place_of(method)
  local message = action .. format:format(...)
  error(require("bosun.error").new { code = "invalid", op = action, message = message, file = file, line = line }, 0)
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

local function rounded(seconds)
  return math.floor(seconds * 10000 + 0.5) / 10000
end

local function or_null(value)
  if value == nil then return null end
  return value
end

--- The six keys of the status file; an absent one is null.
local function whole_status(info, elapsed)
  return {
    status = info.status,
    msg = or_null(info.msg),
    state = or_null(info.state),
    duration = rounded(info.duration or elapsed),
    timestamp = math.floor(time.now() * 1000),
    data = or_null(info.data),
  }
end

--- Raises unless each deployment's status is an ActionStatusInfo with valid fields.
local function check_deployments(infos, method)
  if type(infos) ~= "table" then
    refuse(method, "pe_status",
      ": data.deploymentsStatus is a %s; expected a table of ActionStatusInfo by deployment id", type(infos))
  end
  for id, info in pairs(infos) do
    if type(id) ~= "string" then
      refuse(method, "pe_status", ": data.deploymentsStatus has the key %s, a %s; expected the ids of deployments",
        tostring(id), type(id))
    end
    if not ActionStatusInfo.is(info) then
      refuse(method, "pe_status", ": data.deploymentsStatus[%q] is %s; expected an ActionStatusInfo", id,
        describe(info))
    end
    local problem = ActionStatusInfo.problem(info)
    if problem then refuse(method, "pe_status", ": data.deploymentsStatus[%q]: %s", id, problem) end
  end
end

--- `data` of a pe_status, with each entry of deploymentsStatus as a whole status.
local function whole_deployments(data, elapsed, method)
  local statuses, copy = {}, {}
  check_deployments(data.deploymentsStatus, method)
  for id, info in pairs(data.deploymentsStatus) do statuses[id] = whole_status(info, elapsed) end
  for key, value in pairs(data) do copy[key] = value end
  copy.deploymentsStatus = statuses
  return copy
end

--- Calls the method and completes its answer.
local function perform(plugin, action, deployment_info)
  local method = plugin[action]
  if type(method) ~= "function" then require("bosun.host.missing").raise(plugin, action) end
  local started = time.monotonic()
  local answer = method(plugin, deployment_info)
  local elapsed = time.monotonic() - started
  if not ActionStatusInfo.is(answer) then
    refuse(method, action, " returned %s; every action returns an ActionStatusInfo", describe(answer))
  end
  local problem = ActionStatusInfo.problem(answer) -- its fields may have been set one by one
  if problem then refuse(method, action, ": %s", problem) end
  local whole = whole_status(answer, elapsed)
  if action == "pe_status" and type(answer.data) == "table" and answer.data.deploymentsStatus then
    whole.data = whole_deployments(answer.data, elapsed, method)
  end
  return whole
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
---@return table status the six keys of the status file, checked
function driver.run(class, action, takes_deployment, args)
  args.phase("init")
  local plugin = class:new(args.plugin_config, args.private_config_file, args.pe_info, args.dry_run,
    args.action_config_file)
  if not BosunPluginBase.is_plugin_class(getmetatable(plugin)) then
    error(("%s:new returned %s instead of the plugin: set the plugin up in `init` and leave `new` alone"):format(
      class.__name, describe(plugin)), 0)
  end
  args.phase("action", place_of(plugin[action]))
  return perform(plugin, action, takes_deployment and args.deployment_info or nil)
end

return driver
