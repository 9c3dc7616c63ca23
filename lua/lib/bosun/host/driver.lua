--- Internal: what the engine calls. Checks what a plugin's file returned, runs one action on a new plugin object, and
--- completes the status that the action returned. Every error is raised; the engine turns it into a failing status.

local BosunPluginBase = require "bosun.plugin_base"
local action_status = require "bosun.action_status"
local log = require "bosun.log"
local null = require("bosun.yaml").null
local time = require "bosun.time"

local ActionStatus, ActionStatusInfo = action_status.ActionStatus, action_status.ActionStatusInfo

--- The actions whose `data` is about several deployments (see bosun.host.deployments).
local LISTS_DEPLOYMENTS = { pe_status = true, deployment_list = true }

local driver = {}

local function describe(value)
  if value == nil then return "nothing" end
  if type(value) == "table" then return "a plain table" end
  return ("%s (a %s)"):format(tostring(value), type(value))
end

--- method → its file
local files = setmetatable({}, { __mode = "k" })
local lines = setmetatable({}, { __mode = "k" })

--- File and line of a method, for errors without a better place; nil when there is no such method.
local function place_of(method)
  if type(method) ~= "function" then return nil end
  if not files[method] then
    local info = debug.getinfo(method, "S")
    files[method], lines[method] = (info.source:gsub("^[@=]", "")), info.linedefined
  end
  return files[method], lines[method]
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

--- An action under way: the method that runs, what its answer has to be, and the plugin's log.
local Call = { describe = describe }
Call.__index = Call

--- Raises an error about what the method returned, at the method.
function Call:refuse(format, ...)
  local file, line = place_of(self.method)
  local message = self.action .. format:format(...)
  error(require("bosun.error").new { code = "plugin", op = self.action, message = message, file = file, line = line },
    0)
end

--- Raises unless the status, whose fields may have been set one by one, is valid. `where`: "", or the key it is at.
function Call:check(where, info)
  local problem = ActionStatusInfo.problem(info)
  if problem then self:refuse("%s: %s", where, problem) end
  local odd = ActionStatusInfo.odd_state(info.state)
  if odd then self.log:warn(("%s%s: %s"):format(self.action, where, odd)) end
end

--- The `data` of a status, with `data.error` if it is failing or says why it is not passing.
function Call:data_of(info, data)
  if info.status ~= ActionStatus.ERROR and info.error == nil then return or_null(data) end
  return require("bosun.host.failure").add(data, info.error, "running " .. self.action)
end

--- The six keys of a status; an absent one is null. `data`: completed.
function Call:whole(info, data)
  return {
    status = info.status,
    msg = or_null(info.msg),
    state = or_null(info.state),
    duration = rounded(info.duration or self.elapsed),
    timestamp = math.floor(time.now() * 1000),
    data = self:data_of(info, data),
  }
end

--- An agent's replacement may lack `newModelId`: `modelId` is the new model then.
local function argument_of(action, subject)
  if action ~= "deployment_replace_model" or subject.newModelId ~= nil then return subject end
  local copy = {}
  for key, value in pairs(subject) do copy[key] = value end
  copy.newModelId = subject.modelId
  return copy
end

--- Calls `f`. An ActionStatusInfo that it raises is an answer like one that it returns, and so is the error of
--- `return nil, err`; any other error is raised again, after `on_error` has recorded where it comes from.
---@return any result
---@return boolean raised
local function attempt(on_error, f, ...)
  local ok, result, err = xpcall(f, on_error, ...)
  if ok and result == nil and err ~= nil then result = err end
  if ok or ActionStatusInfo.is(result) then return result, not ok end
  error(result, 0)
end

--- Is this an error value of the library?
local function is_error(value)
  return type(value) == "table" and require("bosun.error").is(value)
end

--- The status that an error value stands for, where a method returns one.
function Call:status_of_error(err)
  local of_deployment = self.subject and self.action:find "^deployment_"
  return ActionStatusInfo.failing(err, of_deployment and action_status.DeploymentState.ERRORED or nil)
end

--- Completes what the method answered. An error value is an answer, too.
function Call:complete(answer)
  if not ActionStatusInfo.is(answer) then
    if is_error(answer) then return self:complete(self:status_of_error(answer)) end
    self:refuse(" returned %s; every action returns an ActionStatusInfo", describe(answer))
  end
  self:check("", answer)
  local data = answer.data
  if not LISTS_DEPLOYMENTS[self.action] or type(data) ~= "table" then return self:whole(answer, data) end
  data = require("bosun.host.deployments")[self.action](self, data)
  local whole = self:whole(answer, data)
  if self.action == "deployment_list" then whole.data = data end -- its keys are ids, so there is no place for an error
  return whole
end

--- What fetches the action's model, to be closed; nil when the model is no URL.
local function fetch_of(plugin, subject)
  local artifact = subject and subject.modelArtifact
  if type(artifact) ~= "string" or not artifact:find "^%a+://" then return nil end
  return require("bosun.host.fetch").begin(plugin)
end

--- The call under way, or the last one.
local current

--- Calls a method of the plugin, and takes the time.
function Call:perform(method, ...)
  self.method = method
  local answer = attempt(self.on_error, method, self.plugin, ...)
  self.elapsed = time.monotonic() - self.started
  return answer
end

--- Calls the action's method and completes its answer.
local function perform(plugin, action, args)
  local subject = args.subject and argument_of(action, args.subject)
  current = setmetatable({ plugin = plugin, log = plugin.log, action = action, subject = subject,
    phase = args.phase, on_error = args.on_error, started = time.monotonic() }, Call)
  local fetches <close> = fetch_of(plugin, subject) -- luacheck: no unused
  return current:complete(current:perform(plugin[action], subject))
end

--- Makes the plugin object; or completes the status that its `init` has raised.
---@return BosunPluginBase|nil plugin
---@return table|nil status
local function construct(class, action, args)
  local started = time.monotonic()
  local plugin, is_answer = attempt(args.on_error, class.new, class, args.plugin_config, args.private_config_file,
    args.pe_info, args.dry_run, args.action_config_file)
  if is_answer then
    local call = { log = log, action = action, method = class.init, elapsed = time.monotonic() - started }
    return nil, setmetatable(call, Call):complete(plugin)
  end
  if not BosunPluginBase.is_plugin_class(getmetatable(plugin)) then
    error(("%s:new returned %s instead of the plugin: set the plugin up in `init` and leave `new` alone"):format(
      class.__name, describe(plugin)), 0)
  end
  return plugin
end

---@class bosun.DriverArgs
---@field plugin_config? table
---@field private_config_file? string
---@field action_config_file? string
---@field pe_info? table
---@field dry_run boolean
---@field subject? table the deploymentInfo or endpointInfo for the method
---@field phase fun(name: "init"|"action"|"clean_up", file?: string, line?: integer)
---@field on_error fun(err: any): any a message handler

---@param class BosunPluginBase
---@param action string
---@param args bosun.DriverArgs
---@return table status the six keys of the status file, checked
function driver.run(class, action, args)
  args.phase("init")
  local plugin, status = construct(class, action, args)
  if not plugin then return status end
  local method = plugin[action]
  if type(method) ~= "function" then error(require("bosun.host.missing").error(class, action), 0) end
  args.phase("action", place_of(method))
  return perform(plugin, action, args)
end

--- After an action that was stopped: lets the plugin clean up. What it answers fails for that reason, unless it says
--- another one.
---@param reason string "cancelled by SIGTERM"
---@param code string "cancelled" or "deadline"
---@return table|nil status as driver.run returns it; nil: the plugin has nothing to say
function driver.clean_up(reason, code)
  local call = current
  local method = call and not call.plugin.dry_run and call.plugin.clean_up
  if type(method) ~= "function" then return nil end
  call.phase("clean_up", place_of(method))
  local answer = call:perform(method, call.action, call.subject, reason)
  if ActionStatusInfo.is(answer) and answer.status == ActionStatus.ERROR and answer.error == nil then
    answer.error = require("bosun.error").new { code = code, op = "running " .. call.action, message = reason }
  end
  return answer ~= nil and call:complete(answer) or nil
end

return driver
