--- Brings up a deployment's next generation and takes down the previous one: what start, replace and relaunch have in
--- common. The new container starts next to the old one; once it is healthy and the proxy routes predictions to it, the
--- old one is drained and removed. Wherever a run was killed, the next one goes on from what the engine has.

local errors = require "bosun.error"
local probe = require "bosun.prediction_server.probe"
local tables = require "bosun.tables"
local time = require "bosun.time"

local container = require "docker.container"
local dedicated = require "docker.dedicated"
local fleet = require "docker.fleet"
local health = require "docker.health"
local labels = require "docker.labels"
local outage = require "docker.outage"
local planning = require "docker.planning"
local proof = require "docker.proof"
local proxy_api = require "docker.proxy_api"
local shared = require "docker.shared"
local wait = require "bosun.wait"

local rollout = {}

local LOOK_INTERVAL = 1 -- seconds between two looks at a new container while the old one is drained
local REACH_TIMEOUT = 5
local LONGEST_WRONG = 20 -- seconds that predictions go to a model that does not answer, while another one could
local LATE_REQUEST = 0.5 -- seconds in which an engine finishes a request whose client is gone
local LAST_PATIENCE = 5

local KINDS = { [dedicated.role] = dedicated, [shared.role] = shared }

--- The instances that are not in a list.
local function without(instances, excluded)
  local kept, left_out = {}, {}
  for _, instance in ipairs(excluded) do left_out[instance.id] = true end
  for _, instance in ipairs(instances) do
    if not left_out[instance.id] then kept[#kept + 1] = instance end
  end
  return kept
end

--- Removes containers of a deployment, and what only belongs to them.
---@param context table
---@param instances docker.Instance[]
---@param kept docker.Instance[] those that stay
---@param options? { kill?: boolean, patience?: number } as container.remove has them
---@return true|nil ok
---@return string|nil problem
function rollout.retire(context, instances, kept, options)
  for _, instance in ipairs(instances) do
    local removed, err = container.remove(context, instance, options)
    if not removed then return nil, err end
    context.note("removed", { container = instance.name, model = instance.model })
    local kind = KINDS[instance.role]
    -- Until the proxy notices, it sends predictions to where it was, or to a shared server that goes on.
    local is_followed = options and options.kill and not context.dry_run
    if is_followed then proxy_api.wait_until_unrouted(context, instance) end
    if kind then kind.clean(context, instance, kept) end
  end
  return true
end

--- Stops the old containers where the plan is that they go first. Once.
local function make_room(context, plan, old)
  if not plan.stops_first or plan.outage then return true end
  local problem
  plan.outage, problem = outage.begin(context, old, plan.name)
  return not problem, problem
end

--- Runs the container of a generation. The end of another deployment may have removed its image in the meantime.
local function run_container(context, kind, deployment, plan, wanted)
  local id, created = container.run(context, wanted)
  if id or created.code ~= "not_found" then return id, created end
  local prepared, problem = kind.prepare(context, deployment, plan)
  if not prepared then return nil, errors.is(problem) and problem
    or errors.new { code = "invalid", op = "docker", message = problem } end
  return container.run(context, wanted)
end

local function launch(context, kind, deployment, plan, generation, old)
  local prepared, problem = kind.prepare(context, deployment, plan)
  if prepared then prepared, problem = make_room(context, plan, old) end
  if not prepared then return nil, problem end
  local body = tables.copy(plan.body, { Labels = kind.labels(context, deployment, plan, generation) })
  local id, created = run_container(context, kind, deployment, plan, {
    name = plan.name, body = body, spec = plan.spec, role = plan.role, deployment = deployment.id,
    generation = generation, fresh = plan.fresh,
  })
  if not id then return nil, created end
  if created then context.note("started", { container = plan.name, generation = generation }) end
  return {
    id = id, name = plan.name, created = created, generation = generation, role = plan.role,
    deployment = deployment.id, model = deployment.model, server_id = plan.server_id, made = plan.made or {},
  }
end

--- An adopted container has the generation that its creator gave it.
local function real_generation(context, running)
  if running.created or context.dry_run then return running.generation end
  local inspected, err = context.engine:inspect_container(running.id)
  if not inspected then return nil, err end
  return labels.read(inspected.Config.Labels).generation
end

--- Waits until the model answers predictions. `longest`: seconds.
local function wait_for_model(context, deployment, running, longest)
  local finding = proof.wait(context, deployment, running, longest)
  if finding.answers == false then return nil, finding.problem end
  local remark = probe.remark(finding)
  if remark then context.remark(remark) end
  return true
end

--- `beside`: another instance serves meanwhile, from which the proxy has taken the predictions.
local function wait_until_it_serves(context, kind, deployment, running, beside)
  local ok, problem = kind.wait(context, running.id)
  if not ok then
    local message = problem .. health.last_lines(context, running.id)
    return nil, errors.is(problem) and errors.new { code = problem.code, op = problem.op, message = message } or message
  end
  local generation, why = real_generation(context, running)
  if not generation then return nil, why end
  running.generation = generation
  local routed, unrouted = proxy_api.wait_for_route(context, deployment, generation)
  if not routed then return nil, unrouted end
  local answers, unproved = wait_for_model(context, deployment, running,
    beside and LONGEST_WRONG or context.config.startTimeout)
  if answers then return true end
  return nil, unproved .. health.last_lines(context, running.id)
end

--- Gets an instance to run again. True; or nil, a problem, and whether the engine can no longer run it.
local function revive(context, kind, deployment, plan, instance, old)
  if instance.state ~= "running" then
    local made, problem = make_room(context, plan, old)
    if not made then return nil, problem end
  end
  if kind.mend then
    local mended, problem = kind.mend(context, deployment, instance)
    if not mended then return nil, problem end
  end
  local revived, err = container.revive(context, instance.id)
  return revived, err, err and err.code == "engine"
end

--- An interrupted run may have renamed the container. It serves under any name.
local function take_name_back(context, instance, name)
  if instance.name == name then return end
  local ok, err = context.engine:rename_container(instance.id, name)
  if not ok then
    context.log:warn("cannot rename the container", { container = instance.name, name = name, error = err })
  end
end

local function first_serving(instances)
  for _, instance in ipairs(instances) do
    if fleet.serves(instance) then return instance end
  end
end

--- Brings up the deployment as planned, or the instance that exists already. Returns it; or nil, a problem, and what
--- was started.
local function bring_up(context, kind, deployment, plan, same, generation, old)
  local running, problem, is_broken
  if same then
    running, problem, is_broken = revive(context, kind, deployment, plan, same, old)
    running = running and same
  end
  if is_broken then
    context.log:warn("the container cannot be started again; replacing it", { container = same.name, error = problem })
    local removed, err = container.remove(context, same)
    if not removed then return nil, ("%s; and the container cannot be removed: %s"):format(problem, err.message) end
  end
  if not same or is_broken then running, problem = launch(context, kind, deployment, plan, generation, old) end
  if not running then return nil, problem end
  if running == same then take_name_back(context, same, plan.name) end
  local beside = not plan.outage and first_serving(old) ~= nil
  local serves, why = wait_until_it_serves(context, kind, deployment, running, beside)
  if serves then return running end
  return nil, ("container %s: %s"):format(plan.name, why), running
end

--- Gives the instance that keeps serving back what the new one took from it: its name, and its image's name.
local function give_back(context, kind, instance)
  local ok, err = context.engine:rename_container(instance.id, instance.name)
  if not ok then return nil, err end
  return not kind.give_back or kind.give_back(context, instance)
end

--- Removes a failed container, so that it does not start to serve later.
local function undo(context, kind, running, instances)
  local others = without(instances, { running })
  local done, problem = rollout.retire(context, { running }, others, { kill = true })
  for _, instance in ipairs(others) do
    if done and instance.name == running.name then done, problem = give_back(context, kind, instance) end
  end
  if not done then
    context.log:warn("cannot restore everything as it was", { container = running.name, error = problem })
  end
end

--- Gives the old container time to finish its requests, and the new one time to show that it keeps up with the first
--- real ones. Returns what went wrong with the new one, or nil.
local function drain(context, deployment, running, others)
  local old = first_serving(others)
  if not old or context.dry_run then return nil end
  local inspected, err = context.engine:inspect_container(running.id)
  if not inspected then return err.code == "not_found" and "it was removed by someone else" or err.message end
  context.note("draining the old container", { container = old.name, seconds = context.config.drainTime })
  local mark, over = health.mark(inspected), time.monotonic() + wait.budget(context.config.drainTime)
  repeat
    local slept = time.sleep(math.max(0, math.min(LOOK_INTERVAL, over - time.monotonic())))
    local trouble = health.trouble_since(context, running.id, mark)
    if trouble then return trouble .. health.last_lines(context, running.id) end
  until not slept or time.monotonic() >= over
  local reached, why = proxy_api.wait_for_route(context, deployment, running.generation, REACH_TIMEOUT)
  return not reached and why or nil
end

local function failed(problem, seconds)
  return { serves = false, problem = problem, changed = false, outage = seconds }
end

--- The outcome of a failure, after what was stopped first has been put back.
local function put_back(context, deployment, plan, problem)
  if not plan.outage then return failed(problem) end
  local text = outage.undo(context, deployment, plan.outage)
  return failed(problem .. text, plan.outage.seconds)
end

---@class docker.Rollout
---@field serves boolean whether the deployment is up as planned
---@field problem? string why it is not; or, when it serves, what could not be cleaned up
---@field changed boolean whether anything was brought up
---@field package? string SHA-256 of the model package
---@field outage? number seconds without predictions, where the old container was stopped first
---@field put_back? string what became of that one, for the message of an action that was stopped

--- Removes what an interrupted run left behind next to a serving instance, so that it does not start to serve later.
--- Whatever serves stays until the new one does; when nothing serves, everything stays. Returns what stays; or nil and
--- a problem.
local function clear_leftovers(context, instances, same)
  local kept, does_any_serve = {}, false
  for _, instance in ipairs(instances) do
    does_any_serve = does_any_serve or fleet.serves(instance)
    if fleet.serves(instance) or instance == same then kept[#kept + 1] = instance end
  end
  if not does_any_serve then return instances end
  local cleared, problem = rollout.retire(context, without(instances, kept), kept)
  return cleared and kept, problem
end

--- What exists besides the new one by now, unless it is newer: an action on another machine may have added something.
--- `doomed`: what goes in any case.
local function older_than(context, deployment, running, others, doomed)
  local now = not context.dry_run and fleet.instances(context, deployment.id)
  if not now then return others end
  local older, is_doomed = {}, {}
  for _, instance in ipairs(doomed) do is_doomed[instance.id] = true end
  for _, instance in ipairs(without(now, { running })) do
    if instance.generation <= running.generation or is_doomed[instance.id] then older[#older + 1] = instance end
  end
  return older
end

--- Takes down the others, now that the new one serves. What could not be removed, or nil.
local function complete(context, plan, deployment, running, others)
  local kind = plan.kind
  local older = older_than(context, deployment, running, others, plan.outage and others or {})
  local retired, left = rollout.retire(context, older, { running })
  if retired and kind == shared and running.server_id ~= shared.own_id(deployment.id) and not context.dry_run then
    return rollout.move_to_own_id(context, deployment)
  end
  return left
end

--- The outcome when the new container is up: the others are drained, and taken down.
local function succeed(context, deployment, plan, running, instances, kept)
  local others, current = without(kept, { running }), fleet.current(instances)
  local did_serve = current ~= nil and fleet.serves(current)
  if plan.outage then outage.finish(plan.outage) end
  local failure = not plan.outage and drain(context, deployment, running, others)
  if failure then
    undo(context, plan.kind, running, instances)
    return failed(("container %s came up, but did not last until the old one was drained: %s"):format(plan.name,
      failure))
  end
  return {
    serves = true, changed = running.created or #others > 0 or not did_serve, package = plan.package,
    outage = plan.outage and plan.outage.seconds,
    problem = complete(context, plan, deployment, running, others),
  }
end

--- Brings up a deployment with the model that `deployment` names, and takes down whatever else it has.
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param instances docker.Instance[] of the deployment, newest first
---@param plan table of docker.planning
---@param options? { undo_adopted?: boolean, moves?: boolean } undo_adopted: also remove a container of an earlier run
---if it does not come up; moves: the model serves already, under another id
---@return docker.Rollout
function rollout.run(context, deployment, instances, plan, options)
  options = options or {}
  local kind, same, current = plan.kind, plan.same, fleet.current(instances)
  context.begun {
    kind = kind, plan = plan, deployment = deployment, before = instances,
    adopted = options.undo_adopted and same ~= current and same or nil, moves = options.moves,
  }
  local kept, why = clear_leftovers(context, instances, same)
  if not kept then return failed(why) end
  local generation, old = fleet.newest_generation(instances) + 1, without(kept, { same })
  local running, trouble, started = bring_up(context, kind, deployment, plan, same, generation, old)
  if not running then
    if not started then
      kind.clean(context, {
        role = plan.role, model = deployment.model, server_id = plan.server_id, made = plan.made or {},
      }, instances)
    elseif started.created or options.undo_adopted and same ~= current then
      undo(context, kind, started, instances)
    end
    return put_back(context, deployment, plan, trouble)
  end
  return succeed(context, deployment, plan, running, instances, kept)
end

-- ---- after an action that was stopped ------------------------------------------------------------------------------

--- What the stopped action brought up, newest first.
local function brought_up(progress, instances)
  local new = {}
  for _, instance in ipairs(without(instances, without(progress.before, { progress.adopted }))) do
    local is_planned = instance.role == progress.plan.role and instance.model == progress.deployment.model
    if is_planned then new[#new + 1] = instance end
    if not progress.adopted or instance.id ~= progress.adopted.id then instance.made = progress.plan.made or {} end
  end
  return new
end

--- Gives what was there before the action its names back.
local function restore(context, progress, instances)
  for _, now in ipairs(instances) do
    for _, before in ipairs(progress.before) do
      if now.id == before.id and (now.name ~= before.name or before.model == progress.deployment.model) then
        local restored, problem = give_back(context, progress.kind, before)
        if not restored then
          context.log:warn("cannot restore everything as it was", { container = before.name, error = problem })
        end
      end
    end
  end
end

--- Removes what the action brought up, also what the engine was just making when the action was stopped.
local function undo_all(context, progress, instances)
  repeat
    local new = brought_up(progress, instances)
    local removed, problem = rollout.retire(context, new, without(instances, new), { kill = true })
    if not removed then return problem end
    time.sleep(LATE_REQUEST)
    local now, err = fleet.instances(context, progress.deployment.id)
    if not now then return err end
    instances = now
  until #brought_up(progress, instances) == 0
  progress.kind.clean(context, { role = progress.plan.role, model = progress.deployment.model,
    server_id = progress.plan.server_id, made = progress.plan.made or {} }, instances)
  restore(context, progress, instances)
  if progress.plan.outage then return nil, outage.undo(context, progress.deployment, progress.plan.outage) end
end

--- Ends what a stopped action began. If predictions reach the new container already, removes the old one; if not,
--- removes what the action brought up.
---@param context table
---@param progress table what context.begun got from the stopped action
---@return docker.Rollout|nil outcome
---@return bosun.Error|nil err
function rollout.settle(context, progress)
  local deployment, instances, err = progress.deployment, fleet.instances(context, progress.deployment.id)
  if not instances then return nil, err end
  local new = brought_up(progress, instances)[1]
  if new and fleet.serves(new) and proxy_api.wait_for_route(context, deployment, new.generation, REACH_TIMEOUT)
    and wait_for_model(context, deployment, new, REACH_TIMEOUT) then
    local retired, left = rollout.retire(context, without(instances, { new }), { new }, { patience = LAST_PATIENCE })
    for _, gone in ipairs(without(progress.before, instances)) do KINDS[gone.role].clean(context, gone, { new }) end
    return { serves = true, changed = true, package = progress.plan.package, problem = not retired and left or nil }
  end
  local problem, put_back_text = undo_all(context, progress, instances)
  if progress.moves and not problem then return { serves = true, changed = true, package = progress.plan.package } end
  local outcome = failed(problem, progress.plan.outage and progress.plan.outage.seconds)
  outcome.put_back = put_back_text
  return outcome
end

--- Rolls out once more, to move the model to the deployment's own id in the shared server. A problem, or nil.
function rollout.move_to_own_id(context, deployment)
  local instances, err = fleet.instances(context, deployment.id)
  if not instances then return err end
  local plan, problem = planning.plan(context, deployment, instances, { fresh = true })
  if not plan then return problem end
  return rollout.run(context, deployment, instances, plan, { moves = true }).problem
end

return rollout
