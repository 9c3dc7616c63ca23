--- The kubernetes plugin: models in the pods of a namespace, each deployment behind a Service and an Ingress (or a
--- Gateway's route), with monitoring where the environment asks for it.
---
--- Labels and annotations of the objects are the only state: whatever an interrupted run left, the next action reads
--- them and goes on from there. Where the contract leaves a choice:
--- * A start makes it so: where another model serves, or package or settings differ, the new ones take over.
--- * A stop removes the deployment whatever model it serves.
--- * A relaunch makes new pods beside the old ones: predictions are not interrupted.
--- * plugin_stop leaves what serves alone.
--- * Two actions on one deployment, on two machines: the second one fails with "Conflict", and changes nothing.

local BosunPluginBase = require "bosun.plugin_base"
local effect = require "bosun.effect"
local errors = require "bosun.error"
local given = require "bosun.deployment_info"
local kubernetes = require "bosun.kubernetes"
local owner = require "bosun.prediction_server.owner"
local prediction_server = require "bosun.prediction_server"
local probe = require "bosun.prediction_server.probe"
local results = require "bosun.prediction_server.results"
local status = require "bosun.action_status"
local wait = require "bosun.wait"

local fleet = require "kubernetes.fleet"
local image = require "kubernetes.image"
local lock = require "kubernetes.lock"
local model_routes = require "kubernetes.model_routes"
local monitoring = require "kubernetes.monitoring"
local planning = require "kubernetes.planning"
local preflight = require "kubernetes.preflight"
local proof = require "kubernetes.proof"
local removal = require "kubernetes.removal"
local report = require "kubernetes.report"
local rights = require "kubernetes.rights"
local rollout = require "kubernetes.rollout"
local routes = require "kubernetes.routes"
local schema = require "kubernetes.schema"
local sweep = require "kubernetes.sweep"
local versions = require "kubernetes.versions"

local ActionStatus, State = status.ActionStatus, status.DeploymentState
local passing, warning = status.ActionStatusInfo.passing, status.ActionStatusInfo.warning
local failing = status.ActionStatusInfo.failing
local about = given.about

local LOCK_TIMEOUT = 3600 -- seconds, when the action has no deadline
local ANSWER_TIMEOUT, ANSWER_PATIENCE = 15, 2 -- seconds in which a model that is still served has to answer
local CLEAN_UP_LOCK = 5 -- seconds

local KubernetesPlugin = BosunPluginBase:extend("kubernetes")

KubernetesPlugin.config_schema = schema.fields

function KubernetesPlugin:init()
  self.proof = probe.settings(self)
end

--- What all parts of the plugin work with: the cluster, the configs, and the environment.
function KubernetesPlugin:context(cluster)
  local remarks = {}
  return {
    remarks = remarks, remark = function(text) remarks[#remarks + 1] = text end, -- for the message of a success
    cluster = cluster, namespace = cluster.namespace, config = self.config, plugin_config = self.plugin_config,
    log = self.log, dry_run = self.dry_run, environment = owner.environment(self),
    monitored = prediction_server.is_monitored(self.plugin_config), proof = self.proof,
    note = function(...) -- logs what is done; a dry run has its plan for that
      if not self.dry_run then self.log:info(...) end
    end,
    begun = function(progress) self.progress = progress end, -- for clean_up
    config_problem = function(key_path, problem) return self:action_config_problem(key_path, problem) end,
    private_problem = function(key_path, problem) return self:private_config_problem(key_path, problem) end,
  }
end

--- Runs body(context) with a connection to the cluster, or fails.
function KubernetesPlugin:with_cluster(body)
  local config, in_cluster = self.config, rights.is_in_cluster(self.config)
  local cluster <close>, err = kubernetes.connect {
    context = not in_cluster and config.kubeConfigContext or nil, in_cluster = in_cluster or nil,
    config_file = config.kubeConfigFile, namespace = config.kubeNamespace, field_manager = versions.MANAGER,
  }
  if not cluster then return failing(err) end
  return body(self:context(cluster))
end

--- Runs body(context, what the namespace holds of this plugin), or fails.
function KubernetesPlugin:with_fleet(options, body)
  return self:with_cluster(function(context)
    local found, err = fleet.read(context, options)
    if not found then return failing(err) end
    return body(context, found)
  end)
end

-- ---- the environment ------------------------------------------------------------------------------------------------

local function place_of(context)
  local cluster = context.cluster
  return ("Kubernetes %s at %s, namespace %s"):format(cluster.server_version or "(version not told)", cluster.server,
    context.namespace)
end

--- Brings up what serves all deployments, and removes what is no longer needed. Returns what went wrong, or nil.
local function start_services(context)
  local held <close> = lock.take(context, "services", wait.budget(LOCK_TIMEOUT)) -- luacheck: ignore
  local done, err
  if context.monitored then
    local _ <close> = effect.because "monitoring is enabled for the environment"
    done, err = monitoring.ensure(context)
  else
    local _ <close> = effect.because "monitoring is not enabled for the environment"
    done, err = monitoring.remove(context)
  end
  if not done then return err end
  sweep.run(context, function() return fleet.read(context) end)
end

function KubernetesPlugin:plugin_start()
  return self:with_cluster(function(context)
    local problem = preflight.problem(context)
    if problem then return failing(problem) end
    local warnings = preflight.warnings(context)
    problem = start_services(context)
    if problem then return failing(problem) end
    local text = ("%s; predictions at %s"):format(place_of(context), self.config.outfacingPredictionURLPrefix)
    return warnings[1] and warning(("%s; but %s"):format(text, table.concat(warnings, "; and "))) or passing(text)
  end)
end

local function count_of(found)
  local count = 0
  for _ in pairs(found) do count = count + 1 end
  return count
end

function KubernetesPlugin:plugin_stop()
  return self:with_fleet({}, function(context, found)
    local count = count_of(found)
    if count > 0 then
      return passing(("deployments still running: %d; the cluster keeps serving them"):format(count))
    end
    local _ <close> = effect.because "no deployments are left"
    local removed, err = monitoring.remove(context)
    if not removed then return failing(errors.wrap(err, "cannot remove all of the plugin's own objects")) end
    return passing("no deployments; nothing is left running")
  end)
end

function KubernetesPlugin:pe_status()
  return self:with_fleet({ pods = true, routes = true }, function(context, found)
    local ids = self:deployment_ids()
    local problem = preflight.standing_problem(context)
    local odd = not problem and monitoring.problem(context)
    local unmonitored = odd and warning("predictions are served, but not monitored: " .. odd)
    local result = problem and failing(problem) or unmonitored or passing(place_of(context) .. " is up")
    if #ids > 0 then result.data = { deploymentsStatus = report.statuses(context, found, ids) } end
    return result
  end)
end

function KubernetesPlugin:deployment_list()
  return self:with_fleet({}, function(context, found)
    local deployments = {}
    for id, deployed in pairs(found) do deployments[id] = report.entry(deployed) end
    return passing(("deployments in namespace %s: %d"):format(context.namespace, count_of(found)), nil, deployments)
  end)
end

-- ---- deployments ----------------------------------------------------------------------------------------------------

--- Runs body(context, the deployment as it is or nil, its objects) while no other action on this machine changes it.
function KubernetesPlugin:change(deployment, body)
  return self:with_cluster(function(context)
    local held <close>, refused = lock.take(context, "deployment " .. deployment.id, wait.budget(LOCK_TIMEOUT))
    if not held and (refused.code == "timeout" or refused.code == "deadline") then
      return given.failing(deployment, errors.wrap(refused, "another action on it is still running"))
    end
    local deployed, all, err = fleet.one(context, deployment.id)
    if not all then return given.failing(deployment, err) end
    return body(context, deployed, all)
  end)
end

--- The result when the deployment is up. `before`: the model that it served.
local function up(context, deployment, outcome, before)
  local data = { predictionUrl = routes.prediction_url(context, deployment.id), artifactSha256 = outcome.package }
  local text = about(deployment, outcome.changed and "serving model %s%s" or "already serving model %s%s",
    deployment.model, results.additions(context.remarks, deployment.model, before))
  if not outcome.problem then return passing(text, State.READY, data) end
  return warning(("%s; but some of what it replaces could not be removed (the next action tries again): %s"):format(
    text, tostring(outcome.problem)), State.READY, data)
end

--- Why the deployment is rolled out, for the plan of a dry run.
local function why_change(deployment, deployed, options)
  if options.fresh then return "a relaunch makes new pods" end
  if not deployed then return "the deployment does not exist" end
  if deployed.model ~= deployment.model then
    return ("model id differs: %s is served, not %s"):format(deployed.model, deployment.model)
  end
  return "the model's content or the settings differ, or somebody has changed the objects"
end

--- Brings up the model. A failure has no state yet.
local function roll_out(context, deployment, deployed, all, options)
  local _ <close> = effect.because(why_change(deployment, deployed, options))
  local routing, unrouted = routes.resolve(context)
  if not routing then return results.not_up(deployment, unrouted) end
  local made, problem = image.ensure(context, deployment, deployed)
  if not made then return results.not_up(deployment, problem) end
  local plan, impossible = planning.plan(context, deployment, made, deployed, all, options)
  if not plan then
    image.take_back(context, made)
    return results.not_up(deployment, impossible)
  end
  local outcome = rollout.run(context, deployment, plan)
  local swept, left = model_routes.sweep(context)
  if not outcome.serves then
    image.take_back(context, made)
    return results.not_up(deployment, outcome.problem)
  end
  if not swept then outcome.problem = outcome.problem or left end
  image.retire(context, made.history, context.config.keptImages)
  return up(context, deployment, outcome, deployed and (fleet.served(deployed)))
end

--- Adds to a failure that a model is still served, once that has answered.
local function add_still_serving(context, result, deployment, deployed)
  local served = fleet.served(deployed)
  local finding = proof.wait(context, deployed, served, ANSWER_TIMEOUT, ANSWER_PATIENCE)
  results.add_still_serving(result, deployment, served, finding)
end

--- Adds to a failure what is being served now.
local function add_what_is_served(context, result, deployment)
  local deployed, all = fleet.one(context, deployment.id)
  if not deployed then
    result.state = all and State.ERRORED or State.UNKNOWN
  elseif not fleet.serves(deployed) then
    result.state = State.ERRORED
  else
    add_still_serving(context, result, deployment, deployed)
  end
  return result
end

--- Rolls out; a failure says what is served instead.
local function exchange(context, deployment, deployed, all, options)
  local result = roll_out(context, deployment, deployed, all, options)
  if result.status ~= ActionStatus.ERROR then return result end
  return add_what_is_served(context, result, deployment)
end

--- For the actions that bring up a model: `key` names it.
function KubernetesPlugin:bring_up(deployment_info, key, options)
  local deployment, problem = results.deployment(deployment_info, key)
  if not deployment then return given.failing(deployment_info, problem) end
  return self:change(deployment, function(context, deployed, all)
    if options.replaces and not deployed then
      return given.failing(deployment, errors.new { code = "not_deployed",
        message = "no model to replace; use deployment_start" }, State.ERRORED)
    end
    return exchange(context, deployment, deployed, all, options)
  end)
end

--- An action that did not get to see the deployment does not know its state.
local function with_state(result)
  result.state = result.state or State.UNKNOWN
  return result
end

function KubernetesPlugin:deployment_start(deployment_info)
  return with_state(self:bring_up(deployment_info, "modelId", {}))
end

function KubernetesPlugin:deployment_replace_model(deployment_info)
  local result = self:bring_up(deployment_info, "newModelId", { replaces = true })
  if result.state then return result end
  -- It failed before it reached the deployment.
  self:with_cluster(function(context)
    return add_what_is_served(context, result, { id = deployment_info.id, model = deployment_info.newModelId })
  end)
  return with_state(result)
end

function KubernetesPlugin:deployment_relaunch(deployment_info)
  return with_state(self:bring_up(deployment_info, "modelId", { fresh = true }))
end

--- Removes everything of a deployment. True; or nil and a problem.
local function remove_all(context, id, all)
  local removed, why = image.end_builds(context, id)
  if removed then removed, why = removal.whole(context, id, all) end
  if removed then removed, why = model_routes.sweep(context) end
  return removed, why
end

function KubernetesPlugin:deployment_stop(deployment_info)
  local id, problem = given.id(deployment_info, "id")
  if not id then return given.failing(deployment_info, problem) end
  return with_state(self:change(deployment_info, function(context, deployed, all)
    local _ <close> = effect.because "the deployment is to be stopped"
    image.retire(context, deployed and deployed.images or {}, 0)
    local removed, why = remove_all(context, id, all)
    if not removed then return given.failing(deployment_info, errors.wrap(why, "not stopped")) end
    image.remove(context, { model = given.id(deployment_info, "modelId"), info = deployment_info }, deployed)
    if not deployed then return passing(about(deployment_info, "not deployed"), State.STOPPED) end
    return passing(about(deployment_info, "stopped and removed%s", given.other_model(deployment_info, deployed.model)),
      State.STOPPED)
  end))
end

function KubernetesPlugin:deployment_status(deployment_info)
  local id, problem = given.id(deployment_info, "id")
  if not id then return given.failing(deployment_info, problem, State.UNKNOWN) end
  local result = self:with_cluster(function(context)
    local deployed, all, err = fleet.one(context, id)
    if not all then return given.failing(deployment_info, err) end
    return report.status(context, deployed, id)
  end)
  return with_state(result)
end

-- ---- after an action that was stopped -------------------------------------------------------------------------------

--- Ends what a start, replacement or relaunch began, and says which model serves.
function KubernetesPlugin:settle(context, deployment, reason)
  local outcome = self.progress and rollout.settle(context, self.progress)
  model_routes.sweep(context)
  image.end_builds(context, deployment.id)
  if outcome and outcome.serves then
    local result = up(context, deployment, outcome)
    result.msg = ("%s (finished after it was stopped: %s)"):format(result.msg, reason)
    return result
  end
  local problem = outcome and outcome.problem
  local result = failing(about(deployment, "%s%s", reason,
    problem and "; and what it began could not be undone: " .. tostring(problem) or ""))
  return add_what_is_served(context, result, deployment)
end

local MODEL_KEYS = {
  deployment_start = "modelId", deployment_replace_model = "newModelId", deployment_relaunch = "modelId",
}

--- Goes on with a stop that was stopped: what it has not asked the cluster to remove yet, it asks now.
local function finish_stop(context, deployment_info, reason)
  local all, err = fleet.objects(context, deployment_info.id)
  local removed, why = nil, err
  if all then removed, why = image.end_builds(context, deployment_info.id) end
  if removed then removed, why = removal.of(context, all) end
  if removed then removed, why = model_routes.sweep(context) end
  if not removed then return given.failing(deployment_info, errors.wrap(why, reason .. "; not stopped")) end
  return passing(about(deployment_info, "stopped and removed (finished after it was stopped: %s)", reason),
    State.STOPPED)
end

--- Called when an action was cancelled or ran out of time.
function KubernetesPlugin:clean_up(action, deployment_info, reason)
  local key = MODEL_KEYS[action]
  local deployment = key and results.deployment(deployment_info, key)
  if not deployment and action ~= "deployment_stop" then return nil end
  return self:with_cluster(function(context)
    local held <close>, refused = lock.take(context, "deployment " .. deployment_info.id, CLEAN_UP_LOCK)
    if not held and refused.code == "timeout" then return nil end -- another action ends what this one began
    if deployment then return self:settle(context, deployment, reason) end
    return finish_stop(context, deployment_info, reason)
  end)
end

return KubernetesPlugin
