--- Brings up a deployment as it is described, and undoes that when it does not come up: what start, replace and
--- relaunch have in common.
---
--- The cluster replaces pods one by one, and no pod goes before another one is ready. What publishes predictions
--- follows when the new pods are ready. Until then, an annotation of the Deployment keeps the objects as they were
--- before: an undo puts these back, whichever run began the rollout, and whatever the private config says by now.

local errors = require "bosun.error"
local json = require "bosun.json"
local probe = require "bosun.prediction_server.probe"
local tables = require "bosun.tables"
local time = require "bosun.time"
local wait = require "bosun.wait"

local fleet = require "kubernetes.fleet"
local labels = require "kubernetes.labels"
local model_routes = require "kubernetes.model_routes"
local objects = require "kubernetes.objects"
local planning = require "kubernetes.planning"
local proof = require "kubernetes.proof"
local publication = require "kubernetes.publication"
local reasons = require "kubernetes.reasons"
local removal = require "kubernetes.removal"
local versions = require "kubernetes.versions"

local rollout = {}

local LOOK_INTERVAL = 0.5
local UNDO_TIMEOUT = 60
local SETTLE_TIMEOUT = 6

---@class kubernetes.Rollout
---@field serves boolean whether the deployment is up as planned
---@field problem? string|bosun.Error why it is not; or, when it serves, what could not be cleaned up
---@field changed boolean whether anything was changed
---@field package? string SHA-256 of the model package

-- ---- applying -------------------------------------------------------------------------------------------------------

--- The Deployment owns what belongs to it alone: with it, the cluster removes the rest.
local function owned(object, main)
  if not (main and main.metadata.uid) or labels.read(object).role ~= labels.Role.SERVER then return object end
  local metadata = tables.copy(object.metadata, { ownerReferences = json.array { {
    apiVersion = "apps/v1", kind = "Deployment", name = main.metadata.name, uid = main.metadata.uid,
  } } })
  return tables.copy(object, { metadata = metadata })
end

--- Applies the objects of a stage. Returns whether any was changed.
local function apply_stage(context, plan, stage, main)
  local changed = false
  for _, object in ipairs(plan.stages[stage]) do
    local now, did = versions.converge(context, owned(object, main), versions.live(plan.known, object))
    if not now then return nil, did end
    if did then context.note("applied", { kind = object.kind, name = object.metadata.name }) end
    changed = changed or did
  end
  return changed
end

--- Applies the Deployment, with what it replaces in an annotation.
local function apply_main(context, plan)
  if not plan.differs then return plan.live end
  local object = planning.with_before(plan.main, plan.before)
  local now, err = versions.apply_over(context, object, plan.live)
  if now then context.note("applied", { kind = "Deployment", name = object.metadata.name, model = plan.model }) end
  return now, err
end

-- ---- waiting --------------------------------------------------------------------------------------------------------

--- Adds to the error of a rollout what its newest pod shows, when it does not say so yet.
local function with_reason(context, id, err)
  if err.pod or err.code == "deadline" or err.code == "cancelled" then return err end
  local deployed = fleet.one(context, id)
  local pod = deployed and (fleet.troubled_pod(deployed) or deployed.pods[1])
  if not pod or pod.is_ready then return err end
  return errors.new { code = err.code, op = "kubernetes",
    message = ("%s; %s"):format(err.message, reasons.of(context, pod)) }
end

local function follow(context, plan, main)
  local config = context.config
  local done, err = context.cluster:follow_rollout(main.metadata.name, {
    namespace = context.namespace, timeout = wait.budget(config.startTimeout), interval = LOOK_INTERVAL,
    patience = config.schedulingTimeout,
    on_progress = function(text) context.note(text, { deployment = plan.id, model = plan.model }) end,
  })
  if not done then return nil, with_reason(context, plan.id, err) end
  if context.dry_run or labels.read(done).digest == plan.digest then return done end
  return nil, errors.new { code = "Conflict", op = "kubernetes",
    message = "another action has rolled out something else in the meantime" }
end

--- Waits until the model answers predictions. `longest`: seconds.
local function wait_for_model(context, id, model, longest)
  if not proof.is_on(context) then return true end
  local deployed, _, err = fleet.one(context, id)
  if not deployed then return nil, err or "its Deployment is gone" end
  local finding = proof.wait(context, deployed, model, longest)
  if finding.answers == false then
    local pod = deployed.pods[1]
    return nil, finding.problem .. (pod and reasons.last_lines(context, pod.name) or "")
  end
  local remark = probe.remark(finding)
  if remark then context.remark(remark) end
  return true
end

-- ---- undoing --------------------------------------------------------------------------------------------------------

--- Is the Deployment still what this action made of it, or was before? One that somebody has removed in the meantime
--- is not brought back.
local function is_ours_still(progress, live)
  if not live then return progress.created end
  local digest = labels.read(live).digest
  return digest == progress.digest or digest == progress.digest_before
end

--- Puts the objects back as they were, and removes those that were not there.
local function put_back(context, progress, all)
  local kept = {}
  for _, object in ipairs(progress.before) do
    local live = versions.live(all, object)
    local now, err
    if object.kind == "Deployment" then
      now, err = versions.apply_over(context, object, live)
    else
      now, err = versions.converge(context, object, live)
    end
    if not now then return nil, err end
    kept[object.kind .. "/" .. object.metadata.name] = true
  end
  local added = {}
  for _, live in ipairs(all) do
    local was_there = kept[live.kind .. "/" .. live.metadata.name] or versions.live(progress.all, live)
    if not was_there then added[#added + 1] = live end
  end
  return removal.of(context, added)
end

--- Undoes what an action began. True; or nil and a problem.
local function undo(context, progress, seconds)
  local id = progress.deployment.id
  local all, err = fleet.objects(context, id)
  if not all then return nil, err end
  local live
  for _, object in ipairs(all) do live = object.kind == "Deployment" and object or live end
  if not is_ours_still(progress, live) then return true end
  if progress.created then return removal.whole(context, id, all) end
  if not progress.before then return true end
  local ok, problem = put_back(context, progress, all)
  if not ok then return nil, problem end
  context.cluster:follow_rollout(live and live.metadata.name or progress.name, {
    namespace = context.namespace, timeout = seconds, interval = LOOK_INTERVAL, patience = seconds,
  })
  removal.wait_for_ends(context, id, seconds)
  return true
end

local function failed(problem)
  return { serves = false, problem = problem, changed = false }
end

--- The outcome of a failure, after the undo.
local function fail(context, progress, problem)
  if context.dry_run then return failed(problem) end
  local undone, left = undo(context, progress, wait.budget(UNDO_TIMEOUT))
  if undone then return failed(problem) end
  local text = ("%s; and what it began could not be undone: %s"):format(tostring(problem), tostring(left))
  return failed(errors.is(problem) and errors.new { code = problem.code, op = problem.op, message = text } or text)
end

-- ---- completing -----------------------------------------------------------------------------------------------------

--- Takes the annotation away, with which the rollout is over, and removes what is left of what was before.
local function complete(context, plan, main, changed)
  local extra = objects.surplus(plan.all, plan.desired)
  local removed, err = removal.of(context, extra)
  if removed and changed and not context.dry_run then removed, err = model_routes.end_other_ways(context, plan) end
  if not removed then return nil, err end
  if plan.has_note or plan.differs and plan.before then
    local now, refused = versions.apply_over(context, planning.without_before(plan.main), main)
    if not now then return nil, refused end
  end
  return true, #extra > 0
end

--- Everything after the Deployment was applied. True, changed; or nil and a problem.
local function bring_up(context, deployment, plan)
  local early, err = apply_stage(context, plan, "early", plan.live)
  if early == nil then return nil, err end
  local main
  main, err = apply_main(context, plan)
  if not main then return nil, err end
  if not plan.live then apply_stage(context, plan, "early", main) end -- whose owner was not there yet
  local middle, refused = apply_stage(context, plan, "middle", main)
  if middle == nil then return nil, refused end
  local done, stuck = follow(context, plan, main)
  if not done then return nil, stuck end
  local is_free, taken = model_routes.make_way(context, plan)
  if not is_free then return nil, taken end
  local late, unpublished = apply_stage(context, plan, "late", main)
  if late == nil then return nil, unpublished end
  local odd = late and publication.wait(context, deployment.id)
  if odd then context.remark(odd) end
  local answers, unproved = wait_for_model(context, deployment.id, deployment.model, context.config.startTimeout)
  if not answers then return nil, unproved end
  if plan.differs then removal.wait_for_ends(context, deployment.id) end
  return true, plan.differs or early or middle or late, context.dry_run and main or done
end

--- Rolls a plan out.
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param plan table of kubernetes.planning
---@return kubernetes.Rollout
function rollout.run(context, deployment, plan)
  local progress = {
    deployment = deployment, before = plan.differs and plan.before_all or nil, created = plan.live == nil,
    all = plan.all, digest = plan.digest,
    digest_before = plan.live and labels.read(plan.live).digest, name = plan.main.metadata.name, package = plan.package,
  }
  context.begun(progress)
  local up, changed, main = bring_up(context, deployment, plan)
  if not up then return fail(context, progress, changed) end
  progress.is_up = true
  local completed, extra = complete(context, plan, main, changed)
  return {
    serves = true, changed = changed or completed and extra or false, package = plan.package,
    problem = not completed and extra or nil,
  }
end

-- ---- after an action that was stopped -------------------------------------------------------------------------------

--- Ends what a stopped action began. If the new pods are ready already, they stay; if not, everything is put back.
---@param context table
---@param progress table what context.begun got from the stopped action
---@return kubernetes.Rollout
function rollout.settle(context, progress)
  local deployed, all, err = fleet.one(context, progress.deployment.id)
  if not all then return failed(err) end
  if progress.is_up and deployed and fleet.is_complete(deployed) then
    return { serves = true, changed = true, package = progress.package }
  end
  local began = time.monotonic()
  local undone, problem = undo(context, progress, SETTLE_TIMEOUT)
  context.note("undone", { seconds = time.monotonic() - began })
  return failed(not undone and problem or nil)
end

return rollout
