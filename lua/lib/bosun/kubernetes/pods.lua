--- Internal: pods: their logs, and what is wrong with one.

---@class bosun.kubernetes.Cluster
local Cluster = require "bosun.kubernetes.cluster"

local collect = require "bosun.collect"
local options_of = require("bosun.options").check
local words = require "bosun.http.words"

local pods = {}

local LOG = {
  namespace = "string", container = "string", tail = "integer|string", previous = "boolean", since = "seconds",
  timestamps = "boolean", max_bytes = "positive", timeout = "timeout",
}

---@class bosun.kubernetes.LogOptions
---@field namespace? string
---@field container? string needed when the pod has several
---@field tail? integer|"all" how many lines from the end; default for logs 20, for follow_logs "all"
---@field previous? boolean of the container before it was restarted
---@field since? number only what was written in the last seconds
---@field timestamps? boolean each line begins with its time
---@field max_bytes? integer for logs: how many bytes to keep, from the end; default 1 MiB
---@field timeout? number seconds; default for logs: the cluster's, for follow_logs: until the action's deadline

local function log_query(options, follow, tail)
  tail = options.tail or tail
  return {
    container = options.container, follow = follow or nil, previous = options.previous or nil,
    timestamps = options.timestamps or nil, tailLines = tail ~= "all" and math.tointeger(tail) or nil,
    sinceSeconds = options.since and math.max(1, math.ceil(options.since)) or nil,
  }
end

--- A container's log, standard output and error together.
---@param pod string
---@param options? bosun.kubernetes.LogOptions
---@return string|nil text
---@return bosun.kubernetes.Error|nil err code "BadRequest": the container has not started, or the pod has several
function Cluster:logs(pod, options)
  options = options_of("cluster:logs", options, LOG)
  local found, path, label = self:_locate("Pod", self:_namespace(options), pod, "log")
  if not found then return nil, path end
  local add, text = collect.tail(options.max_bytes or 1024 * 1024)
  local ok, err = self:_send("GET", path, {
    what = "read the log of " .. label, query = log_query(options, false, 20), timeout = options.timeout, sink = add,
  })
  if not ok then return nil, err end
  return text()
end

--- Calls `on_line` for each line that a container writes, until the container ends or `on_line` returns false.
---@param pod string
---@param on_line fun(line: string): boolean?
---@param options? bosun.kubernetes.LogOptions
---@return true|nil ok
---@return bosun.kubernetes.Error|nil err
function Cluster:follow_logs(pod, on_line, options)
  options = options_of("cluster:follow_logs", options, LOG)
  if type(on_line) ~= "function" then error("cluster:follow_logs: expected a function that takes a line", 2) end
  local found, path, label = self:_locate("Pod", self:_namespace(options), pod, "log")
  if not found then return nil, path end
  local ok, err = self:_send("GET", path, {
    what = "follow the log of " .. label, query = log_query(options, true, "all"), timeout = options.timeout or false,
    on_line = on_line,
  })
  if not ok then return nil, err end
  return true
end

-- ---- what is wrong --------------------------------------------------------------------------------------------------

--- Reasons for which a container waits and that do not pass by themselves.
local STUCK = {
  ErrImagePull = true, ImagePullBackOff = true, InvalidImageName = true, ErrImageNeverPull = true,
  ImageInspectError = true, RegistryUnavailable = true, CrashLoopBackOff = true, CreateContainerConfigError = true,
  CreateContainerError = true, RunContainerError = true, PostStartHookError = true,
}

---@class bosun.kubernetes.PodProblem
---@field code string the API's reason: "ImagePullBackOff", "CrashLoopBackOff", "OOMKilled", "Unschedulable", …
---@field message string
---@field container? string
---@field previous? boolean the log that tells more is that of the container before it was restarted
---@field may_pass boolean it may come right without a change

local function table_of(map, key)
  return type(map[key]) == "table" and map[key] or {}
end

--- How a container ended: "exit status 1", "killed: OOMKilled (exit status 137)".
local function ending(terminated)
  local code = ("exit status %s"):format(tostring(terminated.exitCode))
  local reason = terminated.reason
  local text = reason and reason ~= "Error" and reason ~= "Completed" and ("%s (%s)"):format(reason, code) or code
  local said = type(terminated.message) == "string" and words.clean(terminated.message) or ""
  return said ~= "" and text .. ": " .. said or text
end

local function waiting_problem(status, waiting, last)
  local problem = { code = waiting.reason, container = status.name, may_pass = false }
  problem.message = type(waiting.message) == "string" and words.clean(waiting.message) or waiting.reason
  if waiting.reason == "CrashLoopBackOff" and last.exitCode then
    problem.message, problem.previous = "it keeps ending: " .. ending(last), true
    if last.reason == "OOMKilled" then problem.code = "OOMKilled" end
  end
  return problem
end

local function container_problem(status)
  local state, last = table_of(status, "state"), table_of(table_of(status, "lastState"), "terminated")
  local waiting, terminated = table_of(state, "waiting"), table_of(state, "terminated")
  if STUCK[waiting.reason] then return waiting_problem(status, waiting, last) end
  if terminated.reason == "OOMKilled" or last.reason == "OOMKilled" and status.ready ~= true then
    local ended = terminated.reason == "OOMKilled" and terminated or last
    return { code = "OOMKilled", container = status.name, message = "it has ended: " .. ending(ended), may_pass = false,
      previous = ended == last }
  end
end

local function failed_container(pod)
  for _, list in ipairs { "initContainerStatuses", "containerStatuses" } do
    for _, status in ipairs(table_of(table_of(pod, "status"), list)) do
      local terminated = table_of(table_of(status, "state"), "terminated")
      if terminated.exitCode and terminated.exitCode ~= 0 then return status, terminated end
    end
  end
end

--- A pod that has ended without success.
local function failed_problem(pod)
  local status, terminated = failed_container(pod)
  local reason, message = pod.status.reason, pod.status.message
  if status then
    local code = terminated.reason ~= "Error" and terminated.reason or reason or "Failed"
    return { code = code, container = status.name, message = "it has ended: " .. ending(terminated), may_pass = false }
  end
  return { code = reason or "Failed", may_pass = false,
    message = type(message) == "string" and words.clean(message) or "the pod has failed" }
end

local function unschedulable(pod)
  for _, condition in ipairs(table_of(table_of(pod, "status"), "conditions")) do
    if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable" then
      return { code = "Unschedulable", message = words.clean(tostring(condition.message)), may_pass = true }
    end
  end
end

--- See kubernetes.pod_problem.
function pods.problem(pod)
  local status = table_of(pod, "status")
  if table_of(pod, "metadata").deletionTimestamp then return nil end
  if status.phase == "Failed" then return failed_problem(pod) end
  for _, list in ipairs { "initContainerStatuses", "containerStatuses" } do
    for _, container in ipairs(table_of(status, list)) do
      local problem = container_problem(container)
      if problem then return problem end
    end
  end
  return unschedulable(pod)
end

return pods
