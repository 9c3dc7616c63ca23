--- Why a pod does not become ready, when its containers run: the cluster's events say it (a failed probe, a volume that
--- does not mount), and the server's last lines.

local text = require "bosun.text"

local reasons = {}

local LOG_LINES, LOG_BYTES, EVENT_BYTES = 10, 2000, 500

--- The last lines of a pod's server, to be added to a message; "": it has none.
---@param context table
---@param pod string its name
---@param options? { previous?: boolean, container?: string }
---@return string
function reasons.last_lines(context, pod, options)
  local log = context.cluster:logs(pod, {
    namespace = context.namespace, tail = LOG_LINES, previous = options and options.previous,
    container = options and options.container,
  })
  local lines = text.trimmed(text.tail(log or "", LOG_BYTES))
  return lines ~= "" and "; its last lines:\n" .. lines or ""
end

local function time_of(event)
  return event.lastTimestamp or event.eventTime or event.metadata.creationTimestamp or ""
end

--- The last warning about a pod; nil: none, or events may not be read.
---@param context table
---@param pod string
---@return string|nil
function reasons.last_warning(context, pod)
  local newest
  local list = context.cluster:list("Event", {
    namespace = context.namespace, fields = "involvedObject.kind=Pod,type=Warning,involvedObject.name=" .. pod,
  })
  for _, event in ipairs(list or {}) do
    if not newest or tostring(time_of(event)) >= tostring(time_of(newest)) then newest = event end
  end
  if not newest then return nil end
  return ("%s: %s"):format(tostring(newest.reason), text.one_line(tostring(newest.message), EVENT_BYTES))
end

--- What a pod shows, in words: its problem, or the last warning about it, and the last lines of its server.
---@param context table
---@param pod kubernetes.Pod
---@return string
function reasons.of(context, pod)
  local problem = pod.problem
  local said = problem and ("%s: %s"):format(problem.code, problem.message) or reasons.last_warning(context, pod.name)
    or "it is not ready"
  local lines = problem and not problem.container and ""
    or reasons.last_lines(context, pod.name, problem and { previous = problem.previous, container = problem.container })
  return ("pod %s: %s%s"):format(pod.name, said, lines)
end

return reasons
