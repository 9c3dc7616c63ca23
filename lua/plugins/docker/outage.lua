--- replaceStrategy: stopFirst. Where two containers do not fit, because of a GPU or a small machine, the old one is
--- stopped before the new one starts, and put back if that fails. Meanwhile nobody answers predictions; how long, the
--- action tells.

local time = require "bosun.time"

local container = require "docker.container"
local fleet = require "docker.fleet"
local health = require "docker.health"
local names = require "docker.names"
local proof = require "docker.proof"
local proxy_api = require "docker.proxy_api"

local outage = {}

---@class docker.Outage
---@field stopped docker.Instance[] in the order of the list, which has the newest first
---@field since? number when predictions were answered last; nil: nobody served
---@field seconds? number how long they were not

--- Gives way to the new container's name, and stops.
local function halt(context, instance, name)
  if instance.name == name then
    local former = names.former_container(name, instance.generation)
    local renamed, err = context.engine:rename_container(context.dry_run and name or instance.id, former)
    if not renamed then return nil, err end
  end
  context.note("stopping the old container, to make room for the new one", { container = instance.name })
  return container.stop(context, instance)
end

--- Stops what runs of a deployment.
---@param context table
---@param instances docker.Instance[]
---@param name string of the new container
---@return docker.Outage outage what has been stopped, also after a problem
---@return string|nil problem
function outage.begin(context, instances, name)
  local result = { stopped = {} }
  for _, instance in ipairs(instances) do
    if instance.state == "running" or instance.state == "paused" or instance.state == "restarting" then
      result.stopped[#result.stopped + 1] = instance
      if fleet.serves(instance) and not context.dry_run then result.since = result.since or time.monotonic() end
      local halted, err = halt(context, instance, name)
      if not halted then return result, ("cannot stop container %s: %s"):format(instance.name, err.message) end
    end
  end
  return result
end

--- Notes that predictions are answered again.
---@param this docker.Outage
function outage.finish(this)
  this.seconds = this.since and time.monotonic() - this.since
end

--- Starts a stopped container again, under its name.
local function start_again(context, instance)
  local inspected, err = context.engine:inspect_container(instance.id)
  if not inspected then return nil, err.message end
  if inspected.Name ~= "/" .. instance.name then
    local renamed, refused = context.engine:rename_container(instance.id, instance.name)
    if not renamed then return nil, refused.message end
  end
  local started, why = container.revive(context, instance.id)
  return started, why and why.message
end

--- Waits until a container that was started again answers predictions.
local function wait_for(context, deployment, instance)
  local ok, problem = health.wait(context, instance.id)
  if not ok then return nil, problem end
  local served = { id = deployment.id, model = instance.model }
  ok, problem = proxy_api.wait_for_route(context, served, instance.generation)
  if not ok then return nil, problem end
  local finding = proof.wait(context, served, instance, context.config.startTimeout)
  return finding.answers ~= false, finding.problem
end

--- Starts what was stopped, and waits until predictions are answered as before.
---@param context table
---@param deployment { id: string }
---@param this docker.Outage
---@return string text what became of it, for the message
function outage.undo(context, deployment, this)
  if context.dry_run then return "" end
  local trouble
  for _, instance in ipairs(this.stopped) do
    local serves, why = start_again(context, instance)
    if serves and fleet.serves(instance) then serves, why = wait_for(context, deployment, instance) end
    if not serves then trouble = trouble or ("container %s: %s"):format(instance.name, why) end
  end
  if trouble then return ("; the old container, which was stopped first, does not serve again: %s"):format(trouble) end
  outage.finish(this)
  if not this.seconds then return "" end
  return ("; the old container, which was stopped first, serves again after %.1f s without predictions"):format(
    this.seconds)
end

return outage
