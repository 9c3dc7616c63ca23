--- Internal: the rollout of a deployment, followed to its end, or until a pod shows that there will be none.

---@class bosun.kubernetes.Cluster
local Cluster = require "bosun.kubernetes.cluster"

local effect = require "bosun.effect"
local errors = require "bosun.kubernetes.errors"
local json = require "bosun.json"
local options_of = require("bosun.options").check
local pods = require "bosun.kubernetes.pods"
local tables = require "bosun.tables"
local text = require "bosun.text"
local time = require "bosun.time"
local words = require "bosun.http.words"

local LOG_LINES, LOG_BYTES = 10, 2000

local ROLLOUT = {
  namespace = "string", timeout = "timeout", interval = "seconds", patience = "seconds", on_progress = "function",
}

---@class bosun.kubernetes.RolloutOptions
---@field namespace? string
---@field timeout? number seconds; default 600
---@field interval? number seconds between two looks; default 1
---@field patience? number seconds that what may pass by itself (no room on any node, a quota) may last; default 10
---@field on_progress? fun(text: string) is told what the rollout waits for, whenever that changes

local function table_of(map, key)
  return type(map[key]) == "table" and map[key] or {}
end

local function condition_of(deployment, name)
  for _, condition in ipairs(table_of(table_of(deployment, "status"), "conditions")) do
    if condition.type == name then return condition end
  end
  return {}
end

--- Does the status speak of the deployment as it is now described?
local function is_observed(deployment)
  local seen = table_of(deployment, "status").observedGeneration or 0
  return seen >= (deployment.metadata.generation or 0)
end

--- What the rollout waits for; nil: nothing, it is over.
local function waits_for(deployment)
  local spec, status = table_of(deployment, "spec"), table_of(deployment, "status")
  local wanted, updated = spec.replicas or 1, status.updatedReplicas or 0
  if not is_observed(deployment) then return "its controller" end
  if updated < wanted then return ("new pods: %d of %d made"):format(updated, wanted) end
  local old, available = math.max(0, (status.replicas or 0) - updated), status.availableReplicas or 0
  local new = math.max(0, available - old) -- at least; old pods that are not available go first
  if new < updated then return ("new pods: %d of %d ready"):format(new, updated) end
  if old > 0 then return ("old pods to end: %d left"):format(old) end
end

-- ---- its pods -------------------------------------------------------------------------------------------------------

local function is_subset(part, whole)
  for key, value in pairs(part) do
    if whole[key] ~= value then return false end
  end
  return true
end

local function what_runs(spec)
  local texts = {}
  for _, container in ipairs(table_of(spec, "containers")) do
    texts[tostring(container.name)] = json.encode({
      container.image, container.command or false, container.args or false, container.env or false,
      container.envFrom or false,
    }, { sort = true })
  end
  return texts
end

--- Is the pod made from the deployment's present template, as far as that can be seen without reading ReplicaSets?
local function looks_new(pod, template)
  local wanted, has = table_of(template, "metadata"), table_of(pod, "metadata")
  return is_subset(table_of(wanted, "labels"), table_of(has, "labels"))
    and is_subset(table_of(wanted, "annotations"), table_of(has, "annotations"))
    and is_subset(what_runs(table_of(template, "spec")), what_runs(table_of(pod, "spec")))
end

local OPERATORS = { In = "%s in (%s)", NotIn = "%s notin (%s)", Exists = "%s", DoesNotExist = "!%s" }

local function selector_of(deployment)
  local selector, list = table_of(table_of(deployment, "spec"), "selector"), {}
  local labels = table_of(selector, "matchLabels")
  for _, key in ipairs(tables.sorted_keys(labels)) do list[#list + 1] = ("%s=%s"):format(key, labels[key]) end
  for _, rule in ipairs(table_of(selector, "matchExpressions")) do
    list[#list + 1] = OPERATORS[rule.operator]:format(rule.key, table.concat(table_of(rule, "values"), ","))
  end
  return table.concat(list, ",")
end

local REVISION, HASH = "deployment.kubernetes.io/revision", "pod-template-hash"

--- The hash that the new pods have as a label; nil: the new ReplicaSet is not there yet, or may not be read.
local function new_hash(rollout, deployment)
  local revision = table_of(deployment.metadata, "annotations")[REVISION]
  if rollout.hash and rollout.revision == revision then return rollout.hash end
  if rollout.blind then return nil end
  local sets, err = rollout.cluster:list("ReplicaSet",
    { namespace = rollout.namespace, labels = selector_of(deployment), metadata_only = true })
  rollout.blind = not sets and err.status == 403
  for _, set in ipairs(sets or {}) do
    local owner = table_of(table_of(set.metadata, "ownerReferences"), 1)
    if owner.uid == deployment.metadata.uid and table_of(set.metadata, "annotations")[REVISION] == revision then
      rollout.hash, rollout.revision = table_of(set.metadata, "labels")[HASH], revision
      return rollout.hash
    end
  end
end

--- A function that tells whether a pod is one of the new ones.
local function is_new(rollout, deployment)
  local hash, template = new_hash(rollout, deployment), table_of(table_of(deployment, "spec"), "template")
  return function(pod)
    if hash then return table_of(pod.metadata, "labels")[HASH] == hash end
    return rollout.blind and looks_new(pod, template)
  end
end

--- The worst that a pod of the new template shows: { pod, problem }; nil: nothing; or nil, err.
local function worst(rollout, deployment)
  local list, err = rollout.cluster:list("Pod", { namespace = rollout.namespace, labels = selector_of(deployment) })
  if not list then return nil, err end
  local found, counts = nil, is_new(rollout, deployment)
  for _, pod in ipairs(list) do
    local problem = counts(pod) and pods.problem(pod)
    if problem and (not found or found.problem.may_pass and not problem.may_pass) then
      found = { pod = pod, problem = problem }
    end
  end
  return found
end

--- The last lines of a container, for a message; "": it has none.
local function last_lines(rollout, name, problem)
  if not problem.container then return "" end
  local log = rollout.cluster:logs(name, {
    namespace = rollout.namespace, container = problem.container, previous = problem.previous, tail = LOG_LINES,
  })
  return text.trimmed(text.tail(log or "", LOG_BYTES))
end

-- ---- how it fails ---------------------------------------------------------------------------------------------------

local function failure(rollout, code, message, more)
  return errors.new(tables.copy({ code = code, message = ("%s: %s"):format(rollout.what, message) }, more))
end

--- A container's last words may be its log, which the message has anyhow, line by line.
local function without_log(message, log)
  local said = words.clean(log)
  if said == "" or message:sub(-#said) ~= said then return message end
  return (message:sub(1, -#said - 1):gsub(":? +$", ""))
end

local function pod_failure(rollout, found)
  local name, problem = found.pod.metadata.name, found.problem
  local log = last_lines(rollout, name, problem)
  local where = problem.container and ("pod %s, container %s"):format(name, problem.container) or "pod " .. name
  local message = ("%s: %s: %s"):format(where, problem.code, without_log(problem.message, log))
  local more = { pod = name, container = problem.container }
  if log ~= "" then more.log, message = log, message .. "; its last lines:\n" .. log end
  return failure(rollout, problem.code, message, more)
end

--- The failure that the deployment itself shows, and whether it may pass; nil: none.
local function own_failure(rollout, deployment)
  if table_of(deployment, "metadata").deletionTimestamp then
    return failure(rollout, "NotFound", "it is being deleted"), false
  end
  if table_of(deployment, "spec").paused == true then return failure(rollout, "Paused", "it is paused"), false end
  local progressing, replicas = condition_of(deployment, "Progressing"), condition_of(deployment, "ReplicaFailure")
  if progressing.reason == "ProgressDeadlineExceeded" then
    return failure(rollout, progressing.reason, words.clean(tostring(progressing.message))), false
  end
  if replicas.status == "True" then
    return failure(rollout, tostring(replicas.reason), words.clean(tostring(replicas.message))), true
  end
end

--- What is wrong: err, may_pass; nil: nothing.
local function trouble(rollout, deployment)
  if not is_observed(deployment) then return nil end
  local found, err = worst(rollout, deployment)
  if err then return err, err.status ~= 403 end
  local own, may_pass = own_failure(rollout, deployment)
  if found and not (own and not may_pass and found.problem.may_pass) then
    return pod_failure(rollout, found), found.problem.may_pass
  end
  return own, may_pass
end

--- Notes since when something is wrong that may pass; true: that is too long.
local function is_final(rollout, err, may_pass)
  if not err then
    rollout.since = nil
    return false
  end
  rollout.since = rollout.since or time.monotonic()
  return not may_pass or time.monotonic() - rollout.since >= rollout.patience
end

--- One look: true, deployment: it is over; false: not yet; nil, err.
local function look(rollout)
  local deployment, err = rollout.cluster:get("Deployment", rollout.name, { namespace = rollout.namespace })
  if not deployment then return nil, err end
  rollout.uid = rollout.uid or deployment.metadata.uid
  if deployment.metadata.uid ~= rollout.uid then
    return nil, failure(rollout, "NotFound", "it was deleted, and another one has its name")
  end
  local reason = waits_for(deployment)
  if not reason then return true, deployment end
  if reason ~= rollout.reason and rollout.on_progress then rollout.on_progress("waiting for " .. reason) end
  rollout.reason = reason
  local problem, may_pass = trouble(rollout, deployment)
  if not (problem and problem.code == "timeout") then rollout.problem = problem end
  if is_final(rollout, problem, may_pass) then return nil, problem end
  return false
end

local function late(rollout, seconds)
  local seen = rollout.problem and "; " .. rollout.problem.message:gsub("^.-: ", "", 1)
    or rollout.reason and ("; it waits for %s"):format(rollout.reason) or ""
  return failure(rollout, "timeout", ("not finished within %.4g s%s"):format(seconds, seen))
end

--- Follows the rollout of a deployment until all its pods are new and ready. It fails as soon as a new pod shows why
--- that will not happen, with the pod's reason as code: "ImagePullBackOff", "CrashLoopBackOff", "OOMKilled",
--- "Unschedulable", "FailedCreate" (a quota), …; the message has the container's last lines.
---@param name string
---@param options? bosun.kubernetes.RolloutOptions
---@return table|nil deployment as it is at the end; in a dry run, true
---@return bosun.kubernetes.Error|nil err with `pod`, `container` and `log`; code "ProgressDeadlineExceeded"; "timeout";
---"NotFound": it was deleted; "Paused"
function Cluster:follow_rollout(name, options)
  options = options_of("cluster:follow_rollout", options, ROLLOUT)
  if effect.dry_run() then return true end
  local namespace, seconds = self:_namespace(options), options.timeout or 600
  local rollout = {
    cluster = self, name = name, namespace = namespace, on_progress = options.on_progress,
    patience = options.patience or 10,
    what = ("rollout of deployment %s in namespace %s"):format(name, namespace),
  }
  local limit <close> = seconds ~= math.huge and time.limit(seconds) or nil
  local function is_late(err) return limit and limit:left() <= 0 and err.code == "timeout" end
  while true do
    local done, result = look(rollout)
    if done then return result end
    if done == false then
      local ok, err = time.sleep(options.interval or 1)
      if not ok then done, result = nil, errors.wrap(err, rollout.what) end
    end
    if done == nil then return nil, is_late(result) and late(rollout, seconds) or result end
  end
end

return Cluster
