--- The docker plugin: models in containers on one Docker Engine (or Podman), behind a reverse proxy that gives each
--- deployment one prediction endpoint, with monitoring where the environment asks for it.
---
--- The labels of containers are the only state: whatever an interrupted run left, the next action reads them and goes
--- on from there. Where the contract leaves a choice:
--- * A start makes it so: where another model serves, or package, settings or limits differ, the new one takes over.
--- * A stop removes the deployment whatever model it serves.
--- * A relaunch brings up a new container next to the old one: predictions are not interrupted.
--- * plugin_stop leaves the proxy and the rest alone while there are deployments, and removes them otherwise.
--- * start and replace bring up the proxy, too, when it does not exist.

local BosunPluginBase = require "bosun.plugin_base"
local docker = require "bosun.docker"
local effect = require "bosun.effect"
local errors = require "bosun.error"
local given = require "bosun.deployment_info"
local owner = require "bosun.prediction_server.owner"
local prediction_server = require "bosun.prediction_server"
local probe = require "bosun.prediction_server.probe"
local results = require "bosun.prediction_server.results"
local status = require "bosun.action_status"
local time = require "bosun.time"

local fleet = require "docker.fleet"
local image_builder = require "docker.image_builder"
local labels = require "docker.labels"
local lock = require "docker.lock"
local membership = require "docker.membership"
local model_image = require "docker.model_image"
local planning = require "docker.planning"
local proof = require "docker.proof"
local proxy = require "docker.proxy"
local proxy_api = require "docker.proxy_api"
local report = require "docker.report"
local rollout = require "docker.rollout"
local schema = require "docker.schema"
local services = require "docker.services"
local wait = require "bosun.wait"

local ActionStatus, State = status.ActionStatus, status.DeploymentState
local passing, warning = status.ActionStatusInfo.passing, status.ActionStatusInfo.warning
local failing = status.ActionStatusInfo.failing
local about = given.about

local LOCK_TIMEOUT = 3600 -- seconds, when the action has no deadline
--- Seconds in which a model that is still served has to answer. One request may hang until the proxy has noticed that
--- the container it leads to is gone.
local ANSWER_TIMEOUT, ANSWER_PATIENCE = 15, 2

local DockerPlugin = BosunPluginBase:extend("docker")

DockerPlugin.config_schema = schema.fields

function DockerPlugin:init()
  self.proof = probe.settings(self)
  local problem = image_builder.prefix_problem(self.config.imageBuilder, self.config.generatedImagePrefix)
  if problem then error(self:private_config_problem("generatedImagePrefix", problem)) end
end

--- What all parts of the plugin work with: the engine, the configs, and the environment.
function DockerPlugin:context(engine)
  local remarks = {}
  return {
    remarks = remarks, remark = function(text) remarks[#remarks + 1] = text end, -- for the message of a success
    engine = engine, config = self.config, plugin_config = self.plugin_config, log = self.log, dry_run = self.dry_run,
    environment = owner.environment(self), monitored = prediction_server.is_monitored(self.plugin_config),
    health_check = schema.health_check(self.config), proof = self.proof,
    note = function(...) -- logs what is done; a dry run has its plan for that
      if not self.dry_run then self.log:info(...) end
    end,
    begun = function(progress) self.progress = progress end, -- for clean_up
    config_problem = function(key_path, problem) return self:action_config_problem(key_path, problem) end,
  }
end

--- Runs body(context) with a connection to the engine, or fails.
function DockerPlugin:with_engine(body)
  local config = self.config
  local engine <close>, err = docker.connect {
    host = config.dockerHost, tls = config.dockerCertPath, config_file = config.dockerConfigFile,
  }
  if not engine then return failing(err) end
  return body(self:context(engine))
end

--- Runs body(context, what the engine holds of this plugin) with a connection to the engine, or fails.
function DockerPlugin:with_fleet(body)
  return self:with_engine(function(context)
    local found, err = fleet.read(context)
    if not found then return failing(err) end
    return body(context, found)
  end)
end

-- ---- the environment ------------------------------------------------------------------------------------------------

--- What prevents a start, found before anything is changed; nil when nothing does.
function DockerPlugin:start_problem(context)
  if context.monitored and not self.config.agentImage then
    return errors.new { code = "config", op = "read the private config", message = "monitoring is enabled "
      .. "(MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING), but the private config has no agentImage" }
  end
  local service, problem = prediction_server.service(self.plugin_config)
  if context.monitored and not service then return problem end
  return membership.network_problem(context)
end

--- Brings up what serves all deployments, and removes what is no longer needed. Returns what went wrong, or nil.
local function start_services(context)
  local held <close> = lock.take(context, "services", wait.budget(LOCK_TIMEOUT)) -- luacheck: ignore
  local found, err = fleet.read(context)
  if not found then return err end
  model_image.sweep(context, found.deployments)
  for _, role in ipairs(services.roles(context, found.deployments)) do
    local _ <close> = effect.because(("the plugin's container %s is not as configured"):format(role))
    local id, problem = services.ensure(context, role)
    if not id then return problem end
  end
  local mended, unmended = services.reconnect(context)
  if not mended then return unmended end
  if context.monitored then return nil end
  local ended, problem = services.end_monitoring(context, found.services)
  return not ended and problem or nil
end

function DockerPlugin:plugin_start()
  return self:with_engine(function(context)
    local problem = self:start_problem(context) or start_services(context)
    if problem then return failing(problem) end
    local engine = context.engine
    local text = ("%s engine %s at %s, network %s; predictions at %s"):format(engine.kind, engine.server_version,
      engine.host, self.config.dockerNetwork, self.config.outfacingPredictionURLPrefix)
    local warned = proxy.warning(context)
    return warned and warning(("%s; but %s"):format(text, warned)) or passing(text)
  end)
end

function DockerPlugin:plugin_stop()
  return self:with_fleet(function(context, found)
    local count = 0
    for _ in pairs(found.deployments) do count = count + 1 end
    if count > 0 then return passing(("deployments still running: %d; the proxy keeps serving them"):format(count)) end
    local _ <close> = effect.because "no deployments are left"
    local removed, problem = services.end_all(context, found.services)
    if not removed then return failing(errors.wrap(problem, "cannot remove all of the plugin's own containers")) end
    return passing("no deployments; removed the plugin's own containers")
  end)
end

--- The status of the environment itself: the network, the proxy, monitoring.
local function environment_status(context, found, seen)
  local problem = membership.network_problem(context)
  if problem then return failing(problem) end
  local odd = seen.odd
  for _, role in ipairs(services.roles(context, found.deployments)) do
    local trouble = services.problem(context, found.services[role], role)
    local is_monitoring = role == labels.Role.QUEUE or role == labels.Role.AGENT
    if trouble and not is_monitoring then return failing(trouble) end
    odd = odd or trouble and "predictions are served, but not monitored: " .. trouble
  end
  if seen.trouble then return failing(seen.trouble) end
  if odd then return warning(odd) end
  return passing(("%s engine %s at %s and the proxy are up"):format(context.engine.kind, context.engine.server_version,
    context.engine.host))
end

function DockerPlugin:pe_status()
  return self:with_fleet(function(context, found)
    local seen, ids = proxy_api.look(context), self:deployment_ids()
    local result = environment_status(context, found, seen)
    if #ids > 0 then result.data = { deploymentsStatus = report.statuses(context, found.deployments, ids, seen) } end
    return result
  end)
end

function DockerPlugin:deployment_list()
  return self:with_fleet(function(context, found)
    local deployments, count = {}, 0
    for id, instances in pairs(found.deployments) do
      deployments[id], count = report.entry(id, instances), count + 1
    end
    return passing(("deployments on %s: %d"):format(context.engine.host, count), nil, deployments)
  end)
end

-- ---- deployments ----------------------------------------------------------------------------------------------------

--- Runs body(context, the deployment's instances) while no other action on this machine changes the deployment. Goes
--- on without the lock when it fails for any other reason, such as a lock file of another user.
function DockerPlugin:change(deployment, body)
  return self:with_engine(function(context)
    local held <close>, refused = lock.take(context, "deployment " .. deployment.id, wait.budget(LOCK_TIMEOUT))
    if not held and (refused.code == "timeout" or refused.code == "deadline") then
      return given.failing(deployment, errors.wrap(refused, "another action on it is still running"))
    end
    local instances, err = fleet.instances(context, deployment.id)
    if not instances then return given.failing(deployment, err) end
    return body(context, instances)
  end)
end

--- Runs body(context, deployment, its instances) for the actions that bring up a model.
function DockerPlugin:with_deployment(deployment_info, key, body)
  local deployment, problem = results.deployment(deployment_info, key)
  if not deployment then return given.failing(deployment_info, problem) end
  return self:change(deployment, function(context, instances)
    local missing = membership.network_problem(context)
    if missing then return given.failing(deployment, missing) end
    return body(context, deployment, instances)
  end)
end

--- The result when the deployment is up. `before`: the instance that served it.
local function up(context, deployment, outcome, before)
  local data = {
    predictionUrl = report.prediction_url(context, deployment.id), artifactSha256 = outcome.package,
    outageSeconds = outcome.outage,
  }
  if outcome.outage then
    context.remark(("without predictions for %.1f s (replaceStrategy: stopFirst)"):format(outcome.outage))
  end
  local text = about(deployment, outcome.changed and "serving model %s%s" or "already serving model %s%s",
    deployment.model, results.additions(context.remarks, deployment.model, before and before.model))
  if not outcome.problem then return passing(text, State.READY, data) end
  return warning(("%s; but some of what it replaces could not be removed (the next action tries again): %s"):format(
    text, outcome.problem), State.READY, data)
end

--- Why the deployment is rolled out, for the plan of a dry run.
local function why_change(deployment, current, options)
  if options.fresh then return "a relaunch brings the deployment up anew" end
  if not current then return "container absent: the deployment does not run" end
  if current.model ~= deployment.model then
    return ("model id differs: %s is served, not %s"):format(current.model, deployment.model)
  end
  return "the model's content or the settings differ, or the container does not run"
end

--- Makes sure that the proxy runs.
local function ensure_proxy(context)
  local _ <close> = effect.because "the proxy is not as configured"
  return services.ensure(context, labels.Role.PROXY, { adopt = true })
end

--- Brings up the model. A failure has no state yet.
local function roll_out(context, deployment, instances, options)
  local plan, impossible = planning.plan(context, deployment, instances, options)
  if not plan then
    return results.not_up(deployment, impossible)
  end
  local proxy_id, problem = ensure_proxy(context)
  if not proxy_id then return given.failing(deployment, problem) end
  local _ <close> = effect.because(why_change(deployment, fleet.current(instances), options))
  local outcome = rollout.run(context, deployment, instances, plan, options)
  if outcome.serves then return up(context, deployment, outcome, fleet.current(instances)) end
  return results.not_up(deployment, outcome.problem, outcome.outage and { outageSeconds = outcome.outage })
end

--- Adds to a failure that a model is still served, once that has answered.
local function add_still_serving(context, result, deployment, current)
  local finding = proof.wait(context, { id = deployment.id, model = current.model }, current, ANSWER_TIMEOUT,
    ANSWER_PATIENCE)
  results.add_still_serving(result, deployment, current.model, finding)
end

--- Adds to a failure what is being served now.
local function add_what_is_served(context, result, deployment)
  local instances = fleet.instances(context, deployment.id)
  local current = instances and fleet.current(instances)
  if not current then
    result.state = instances and State.ERRORED or State.UNKNOWN
  elseif not fleet.serves(current) then
    result.state = State.ERRORED
  else
    add_still_serving(context, result, deployment, current)
  end
  return result
end

--- Rolls out; a failure says what is served instead.
local function exchange(context, deployment, instances, options)
  local result = roll_out(context, deployment, instances, options)
  if result.status ~= ActionStatus.ERROR then return result end
  return add_what_is_served(context, result, deployment)
end

function DockerPlugin:deployment_start(deployment_info)
  return self:with_deployment(deployment_info, "modelId", function(context, deployment, instances)
    local current = fleet.current(instances)
    local is_exchange = current ~= nil and current.model ~= deployment.model
    return exchange(context, deployment, instances, { undo_adopted = is_exchange })
  end)
end

function DockerPlugin:replace(deployment_info)
  return self:with_deployment(deployment_info, "newModelId", function(context, deployment, instances)
    if #instances == 0 then
      return given.failing(deployment, errors.new { code = "not_deployed",
        message = "no model to replace; use deployment_start" }, State.ERRORED)
    end
    local result = exchange(context, deployment, instances, { undo_adopted = true })
    local old = given.id(deployment_info, "modelId")
    if result.status ~= ActionStatus.ERROR and old and old ~= deployment.model and not self.dry_run then
      model_image.remove(context, old) -- a run that was killed may have left it
    end
    return result
  end)
end

function DockerPlugin:deployment_replace_model(deployment_info)
  local result = self:replace(deployment_info)
  if result.state then return result end
  -- It failed before it reached the deployment.
  self:with_engine(function(context)
    return add_what_is_served(context, result, { id = deployment_info.id, model = deployment_info.newModelId })
  end)
  result.state = result.state or State.UNKNOWN
  return result
end

function DockerPlugin:deployment_relaunch(deployment_info)
  return self:with_deployment(deployment_info, "modelId", function(context, deployment, instances)
    return exchange(context, deployment, instances, { fresh = true })
  end)
end

function DockerPlugin:deployment_stop(deployment_info)
  local id, problem = given.id(deployment_info, "id")
  if not id then return given.failing(deployment_info, problem) end
  return self:change(deployment_info, function(context, instances)
    local current = fleet.current(instances)
    local _ <close> = effect.because "the deployment is to be stopped"
    local removed, why = rollout.retire(context, instances, {})
    if not removed then return given.failing(deployment_info, errors.wrap(why, "not stopped")) end
    local model = given.id(deployment_info, "modelId")
    if model then model_image.remove(context, model) end
    if not current then return passing(about(deployment_info, "not deployed"), State.STOPPED) end
    return passing(about(deployment_info, "stopped and removed%s", given.other_model(deployment_info, current.model)),
      State.STOPPED)
  end)
end

-- ---- after an action that was stopped -------------------------------------------------------------------------------

local CLEAN_UP_LOCK = 5 -- seconds
local LATE_REQUEST = 0.5 -- seconds in which an engine finishes a request whose client is gone

--- Ends what a start, replacement or relaunch began, and says which model serves.
function DockerPlugin:settle(context, deployment, reason)
  local progress = self.progress
  local outcome, err = nil, nil
  if progress then outcome, err = rollout.settle(context, progress) end
  if outcome and outcome.serves then
    local result = up(context, deployment, outcome)
    result.msg = ("%s (finished after it was stopped: %s)"):format(result.msg, reason)
    return result
  end
  local problem = err and err.message or outcome and outcome.problem
  local result = failing(about(deployment, "%s%s%s", reason,
    problem and "; and what it began could not be undone: " .. problem or "", outcome and outcome.put_back or ""))
  result.data = outcome and outcome.outage and { outageSeconds = outcome.outage } or nil
  return add_what_is_served(context, result, deployment)
end

local MODEL_KEYS = {
  deployment_start = "modelId", deployment_replace_model = "newModelId", deployment_relaunch = "modelId",
}

--- Ends what plugin_start began: what worked before works again.
function DockerPlugin:settle_services(reason)
  return self:with_engine(function(context)
    local held <close>, refused = lock.take(context, "services", CLEAN_UP_LOCK)
    if not held and refused.code == "timeout" then return nil end -- another action goes on from here
    time.sleep(LATE_REQUEST)
    local back, problem = services.undo_exchanges(context)
    if not back then return failing(("%s; what it began could not be undone: %s"):format(reason, problem)) end
    if #back == 0 then return nil end
    return failing(("%s; the former container runs on: %s"):format(reason, table.concat(back, ", ")))
  end)
end

--- Called when an action was cancelled or ran out of time.
function DockerPlugin:clean_up(action, deployment_info, reason)
  if action == "plugin_start" then return self:settle_services(reason) end
  local key = MODEL_KEYS[action]
  local deployment = key and results.deployment(deployment_info, key)
  if not deployment and action ~= "deployment_stop" then return nil end
  return self:with_engine(function(context)
    local id = deployment_info.id
    local held <close>, refused = lock.take(context, "deployment " .. id, CLEAN_UP_LOCK)
    if not held and refused.code == "timeout" then return nil end -- another action ends what this one began
    if deployment then return self:settle(context, deployment, reason) end
    local instances, err = fleet.instances(context, id)
    local removed, why = nil, err and err.message
    if instances then removed, why = rollout.retire(context, instances, {}, { kill = true }) end
    if not removed then return given.failing(deployment_info, errors.wrap(why, reason .. "; not stopped")) end
    local model = given.id(deployment_info, "modelId")
    if model then model_image.remove(context, model) end
    return passing(about(deployment_info, "stopped and removed (finished after it was stopped: %s)", reason),
      State.STOPPED)
  end)
end

function DockerPlugin:deployment_status(deployment_info)
  local id, problem = given.id(deployment_info, "id")
  if not id then return given.failing(deployment_info, problem, State.UNKNOWN) end
  local result = self:with_engine(function(context)
    local instances, err = fleet.instances(context, id)
    if not instances then return given.failing(deployment_info, err) end
    return report.status(context, instances, id)
  end)
  result.state = result.state or State.UNKNOWN
  return result
end

return DockerPlugin
