--- How the Job of an image builder gets on: what it waits for, and why it fails. Its pod says most, the Job the rest,
--- and where there is no pod, the Job's events.

local errors = require "bosun.error"
local kubernetes = require "bosun.kubernetes"
local text = require "bosun.text"
local time = require "bosun.time"

local job = require "kubernetes.build.job"

local progress = {}

local INTERVAL = 0.5 -- seconds between two looks
local LOG_LINES, LOG_BYTES = 15, 3000
local WITHOUT_POD = 2 -- seconds after which events are asked for

local function table_of(map, key)
  return type(map[key]) == "table" and map[key] or {}
end

---@class (private) kubernetes.Build
---@field context table
---@field name string of the Job
---@field uid string

--- A build to follow.
---@param context table
---@param made table the Job
---@return kubernetes.Build
function progress.new(context, made)
  return { context = context, name = made.metadata.name, uid = made.metadata.uid, began = time.monotonic() }
end

-- ---- looking --------------------------------------------------------------------------------------------------------

--- The Job's pod; nil without an error: there is none.
local function pod_of(run)
  local list, err = run.context.cluster:list("Pod",
    { namespace = run.context.namespace, labels = { ["controller-uid"] = run.uid } })
  if not list then return nil, err end
  return list[1]
end

--- The state of a container: "running", "terminated" or "waiting", and what is said of it.
local function state_of(pod, name)
  for _, list in ipairs { "initContainerStatuses", "containerStatuses" } do
    for _, status in ipairs(table_of(table_of(pod, "status"), list)) do
      if status.name == name then
        local state = table_of(status, "state")
        return next(state), select(2, next(state)) or {}
      end
    end
  end
end

--- The last lines of a container; "": it has none.
local function last_lines(run, pod, container)
  local log = run.context.cluster:logs(pod, {
    namespace = run.context.namespace, container = container, tail = LOG_LINES,
  })
  return text.trimmed(text.tail(log or "", LOG_BYTES))
end

-- ---- failing --------------------------------------------------------------------------------------------------------

local function failure(run, code, message, log)
  local full = ("job %s: %s"):format(run.name, message)
  if log and log ~= "" then full = full .. "; its last lines:\n" .. log end
  return errors.new { code = code, op = "kubernetes", message = full, log = log ~= "" and log or nil }
end

--- Why the Job has no pod: the last warning of its events; nil: they say nothing, or may not be read.
local function event_failure(run)
  local list = run.context.cluster:list("Event",
    { namespace = run.context.namespace, fields = "involvedObject.uid=" .. run.uid })
  local last
  for _, event in ipairs(list or {}) do
    if event.type == "Warning" and (not last or tostring(event.lastTimestamp) >= tostring(last.lastTimestamp)) then
      last = event
    end
  end
  if not last then return nil end
  return failure(run, tostring(last.reason), ("%s: %s"):format(last.reason, text.trimmed(tostring(last.message))))
end

--- What the Job says of its failure; nil: it has not failed. err, final.
local function job_failure(run)
  local found, err = run.context.cluster:get("Job", run.name, { namespace = run.context.namespace })
  if not found then
    if err.code ~= "NotFound" then return err end
    return failure(run, "NotFound", "somebody has deleted it"), true
  end
  if found.metadata.uid ~= run.uid then
    return failure(run, "Conflict", "another action on the deployment has replaced it"), true
  end
  for _, condition in ipairs(table_of(table_of(found, "status"), "conditions")) do
    if condition.type == "Failed" and condition.status == "True" then
      return failure(run, tostring(condition.reason), ("%s: %s"):format(condition.reason, condition.message)), true
    end
  end
end

--- What is wrong with the pod: err, may_pass; nil: nothing.
local function pod_failure(run, pod)
  local problem = kubernetes.pod_problem(pod)
  if not problem then return nil end
  local name = pod.metadata.name
  local log = problem.container and last_lines(run, name, problem.container)
  local where = problem.container and ("pod %s, container %s"):format(name, problem.container) or "pod " .. name
  if problem.message and log and log ~= "" then -- the end of the log may be its message
    problem.message = problem.message:match "^(it has ended: exit status %d+)" or problem.message
  end
  local message = ("%s: %s: %s"):format(where, problem.code, problem.message)
  return failure(run, problem.code, message, log), problem.may_pass
end

--- What is wrong: err, may_pass; nil: nothing.
local function trouble(run, pod)
  local err, may_pass
  if pod then err, may_pass = pod_failure(run, pod) end
  if err then return err, may_pass end
  run.looks = (run.looks or 0) + 1
  if pod and run.looks % 4 ~= 0 then return nil end
  local failed, final = job_failure(run)
  if failed then return failed, not final end
  if not pod and time.monotonic() - run.began >= WITHOUT_POD then return event_failure(run), true end
end

--- Is that the end? What may pass by itself has some time for it.
local function is_final(run, err, may_pass)
  if not err then
    run.since = nil
    return false
  end
  run.since = run.since or time.monotonic()
  return not may_pass or time.monotonic() - run.since >= run.context.config.schedulingTimeout
end

--- The failure of something else, with what the Job has to say of it.
---@param run kubernetes.Build
---@param err bosun.Error
---@return bosun.Error
function progress.explain(run, err)
  local pod = pod_of(run)
  local own = pod and pod_failure(run, pod) or job_failure(run)
  if not own then return err end
  return errors.wrap(own, err.message)
end

-- ---- waiting --------------------------------------------------------------------------------------------------------

local function late(run, err)
  local message = run.problem and run.problem.message:gsub("^job [^:]*: ", "", 1) or "it waits for " .. run.reason
  return errors.new { code = err.code, op = "kubernetes", message = message }
end

--- Looks until `reached(pod)` returns something; a second value is an error.
local function follow(run, reached)
  while true do
    local pod, err = pod_of(run)
    local result, failed
    if pod then result, failed = reached(pod) end
    if result or failed then return result, failed end
    local problem, may_pass = err, true
    if not err then problem, may_pass = trouble(run, pod) end
    if err and (err.code == "timeout" or err.code == "cancelled" or err.code == "deadline") then
      return nil, err.code == "timeout" and late(run, err) or err
    end
    run.problem = problem
    if is_final(run, problem, may_pass) then return nil, problem end
    local slept, why = time.sleep(INTERVAL)
    if not slept then return nil, why.code == "timeout" and late(run, why) or why end
  end
end

--- Waits until the pod can be handed the model package.
---@param run kubernetes.Build
---@return table|nil pod
---@return bosun.Error|nil err
function progress.until_receiving(run)
  run.reason = "a pod that receives the model package"
  return follow(run, function(pod)
    return state_of(pod, job.RECEIVER) == "running" and pod or nil
  end)
end

--- Waits until the image is built and pushed.
---@param run kubernetes.Build
---@return string|nil digest
---@return bosun.Error|nil err
function progress.until_built(run)
  run.reason = "the builder"
  return follow(run, function(pod)
    local state, said = state_of(pod, job.BUILDER)
    if state ~= "terminated" or said.exitCode ~= 0 then return nil end
    local digest = tostring(said.message):match "sha256:%x+"
    if digest and #digest == 71 then return digest end
    return nil, failure(run, "protocol", "the builder has ended without saying the digest of the image",
      last_lines(run, pod.metadata.name, job.BUILDER))
  end)
end

return progress
