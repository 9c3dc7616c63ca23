--- The status of an action: the outcomes, the states of a deployment, and ActionStatusInfo, which holds both.
---
---     local status = require "bosun.action_status"
---     local ActionStatus, ActionStatusInfo = status.ActionStatus, status.ActionStatusInfo
---     return ActionStatusInfo{ status = ActionStatus.OK, msg = "fine" }
---
--- `ActionStatusInfo.passing "fine"` is short for the same.

local suggest = require "bosun.suggest"

--- Makes a table of constants raise on an unknown name instead of returning nil.
local function guard(name, values)
  setmetatable(values, {
    __index = function(_, key)
      local names = require("bosun.tables").sorted_keys(values)
      error(("%s has no %s%s; expected one of %s"):format(name, tostring(key), suggest.hint(key, names),
        table.concat(names, ", ")), 2)
    end,
    __newindex = function(_, key)
      error(("%s is constant; cannot set %s"):format(name, tostring(key)), 2)
    end,
  })
end

--- How an action ended.
---@enum ActionStatus
local ActionStatus = {
  OK = "passing",
  WARN = "warning",
  ERROR = "failing",
  UNKNOWN = "unknown",
}
guard("ActionStatus", ActionStatus)

--- Where a deployment is after an action.
---@enum DeploymentState
local DeploymentState = {
  READY = "ready",
  STOPPED = "stopped",
  ERRORED = "errored",
  LAUNCHING = "launching",
  REPLACING_MODEL = "replacingModel",
  SHUTTING_DOWN = "shuttingDown",
  UNKNOWN = "unknown",
}
guard("DeploymentState", DeploymentState)

---@class bosun.StatusFields
---@field status ActionStatus
---@field msg? string text for people, forwarded to the service
---@field state? DeploymentState
---@field duration? number seconds; the host measures it when it is absent
---@field data? any plain data for the service
---@field error? any why the action failed, a bosun.Error: the host makes `data.error` from it

--- What every action returns: `ActionStatusInfo{ status = …, msg = … }`. Invalid fields raise an error. From deeper
--- down, and in `init`, an action can raise it instead: `error(ActionStatusInfo.failing "the card is missing")`.
---@class ActionStatusInfo: bosun.StatusFields
---@overload fun(fields: bosun.StatusFields): ActionStatusInfo
local ActionStatusInfo = {}

local FIELDS = { "data", "duration", "error", "msg", "state", "status" }

--- The values of a table as a set: these are looked up several times in each run.
local function set_of(constants)
  local set = {}
  for _, constant in pairs(constants) do set[constant] = true end
  return set
end

local IS_FIELD, IS_STATUS, IS_STATE = set_of(FIELDS), set_of(ActionStatus), set_of(DeploymentState)

local function list_values(constants)
  local values = {}
  for _, value in pairs(constants) do values[#values + 1] = value end
  table.sort(values)
  return table.concat(values, ", ")
end

local function show(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function is_duration(value)
  return type(value) == "number" and value >= 0 and value < math.huge
end

--- The first problem of the fields of a status, or nil.
local function find_problem(info)
  for key in pairs(info) do
    if not IS_FIELD[key] then
      return ("unknown field %s%s; expected one of %s"):format(tostring(key), suggest.hint(key, FIELDS),
        table.concat(FIELDS, ", "))
    end
  end
  if info.status == nil or not IS_STATUS[info.status] then
    return ("status is %s; expected one of ActionStatus: %s"):format(show(info.status), list_values(ActionStatus))
  elseif info.msg ~= nil and type(info.msg) ~= "string" then
    return ("msg is a %s; expected a string"):format(type(info.msg))
  elseif info.state ~= nil and type(info.state) ~= "string" then
    return ("state is %s; expected one of DeploymentState: %s"):format(show(info.state), list_values(DeploymentState))
  elseif info.error ~= nil and info.status == ActionStatus.OK then
    return "error is given, but the status is passing; expected another status"
  elseif info.duration ~= nil and not is_duration(info.duration) then
    return ("duration is %s; expected 0 or more seconds"):format(show(info.duration))
  end
  return nil
end

local Info = { __name = "ActionStatusInfo" }

function Info:__tostring()
  return ("ActionStatusInfo(%s%s)"):format(self.status, self.msg and ": " .. self.msg or "")
end

--- Is this an ActionStatusInfo?
---@param value any
---@return boolean
function ActionStatusInfo.is(value)
  return getmetatable(value) == Info
end

--- The first problem of a status whose fields were set one by one, or nil.
---@param info ActionStatusInfo
---@return string|nil
function ActionStatusInfo.problem(info)
  return find_problem(info)
end

--- What is odd about a state that DeploymentState lacks: the agent may know it, or it is misspelt. nil: nothing.
---@param state any
---@return string|nil
function ActionStatusInfo.odd_state(state)
  if state == nil or IS_STATE[state] then return nil end
  local names = {}
  for _, name in pairs(DeploymentState) do names[#names + 1] = name end
  return ("the state %s is not one of DeploymentState%s"):format(show(state), suggest.hint(state, names))
end

--- Raises at the line that calls ActionStatusInfo or one of its functions. `return ActionStatusInfo{…}` is a tail call
--- and leaves no such line; the host then names the method.
local function misuse(message)
  error("ActionStatusInfo: " .. message, debug.getinfo(3, "t").istailcall and 0 or 4)
end

--- Its callers are called by plugins, and must not use a tail call: misuse counts the levels.
local function new(fields)
  if type(fields) ~= "table" then
    misuse(("expected ActionStatusInfo{status = …, msg = …}, got a %s"):format(type(fields)))
  end
  local info = {} -- without bosun.tables, which no other part of a start needs
  for key, value in pairs(fields) do info[key] = value end
  local problem = find_problem(info)
  if problem then misuse(problem) end
  return setmetatable(info, Info)
end

--- `ActionStatusInfo{ status = ActionStatus.OK, … }`.
---@param msg? string
---@param state? DeploymentState
---@param data? any
---@return ActionStatusInfo
function ActionStatusInfo.passing(msg, state, data)
  local info = new { status = ActionStatus.OK, msg = msg, state = state, data = data }
  return info
end

--- `ActionStatusInfo{ status = ActionStatus.WARN, … }`.
---@param msg? string
---@param state? DeploymentState
---@param data? any
---@return ActionStatusInfo
function ActionStatusInfo.warning(msg, state, data)
  local info = new { status = ActionStatus.WARN, msg = msg, state = state, data = data }
  return info
end

--- `ActionStatusInfo{ status = ActionStatus.ERROR, … }`. An error value can stand for its message:
--- `failing(err)` is `failing(tostring(err), nil, nil, err)`.
---@param msg? string|bosun.Error
---@param state? DeploymentState
---@param data? any
---@param err? any why, a bosun.Error: the host makes `data.error` from it
---@return ActionStatusInfo
function ActionStatusInfo.failing(msg, state, data, err)
  if err == nil and type(msg) == "table" and type(msg.message) == "string" then err, msg = msg, tostring(msg) end
  local info = new { status = ActionStatus.ERROR, msg = msg, state = state, data = data, error = err }
  return info
end

--- `ActionStatusInfo{ status = ActionStatus.UNKNOWN, … }`.
---@param msg? string
---@param state? DeploymentState
---@param data? any
---@return ActionStatusInfo
function ActionStatusInfo.unknown(msg, state, data)
  local info = new { status = ActionStatus.UNKNOWN, msg = msg, state = state, data = data }
  return info
end

setmetatable(ActionStatusInfo, {
  __call = function(_, fields)
    local info = new(fields)
    return info
  end,
})

return {
  ActionStatus = ActionStatus,
  ActionStatusInfo = ActionStatusInfo,
  DeploymentState = DeploymentState,
}
