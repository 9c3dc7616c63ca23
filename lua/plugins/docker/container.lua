--- Makes sure that a container with a given name and spec runs, whatever has the name: nothing, a container that a
--- killed run left, one that another run is making right now, an outdated one, or someone else's. The name is the lock:
--- of several concurrent creates the engine accepts one.

local crypto = require "bosun.crypto"
local errors = require "bosun.error"
local json = require "bosun.json"
local tables = require "bosun.tables"
local time = require "bosun.time"

local labels = require "docker.labels"
local membership = require "docker.membership"
local names = require "docker.names"

local container = {}

local MOST_TRIES = 50
local PAUSE = 0.1 -- seconds: an engine reserves a name a moment before it knows the container

---@class docker.Wanted
---@field name string
---@field body table for the engine's create, with the labels
---@field spec string digest of everything that makes a container outdated when it changes
---@field role string
---@field deployment? string id
---@field generation? integer
---@field files? { path: string, archive: bosun.tar.Archive } put into it before it starts
---@field adopt? boolean accept a container with another spec
---@field fresh? boolean replace a container even when it runs with the same spec
---@field is_exclusive? boolean it cannot run beside its predecessor, whatever their ports

--- The host config of all containers: on the plugin's network, restarted whenever they end.
---@param context table
---@param fields table
---@return table
function container.host_config(context, fields)
  return tables.copy(fields, { RestartPolicy = { Name = "always" }, NetworkMode = context.config.dockerNetwork })
end

--- The digest of a container's body, without its labels: those differ from generation to generation.
function container.spec_of(...)
  return crypto.sha256(json.encode({ ... }, { sort = true }))
end

local function is_paused(inspected) return inspected.State.Paused == true end
local function is_ended(state) return state == "dead" or state == "removing" end

--- The names that a container is to have on the plugin's network.
local function aliases_of(context, body)
  local networking = body and body.NetworkingConfig or { EndpointsConfig = {} }
  return (networking.EndpointsConfig[context.config.dockerNetwork] or {}).Aliases
end

--- Connects a container to the network again.
local function join(context, inspected, body)
  return membership.join(context, {
    id = inspected.Id, name = inspected.Name:gsub("^/", ""), networks = membership.of(context, inspected),
    network = inspected.Config.Labels["traefik.docker.network"], is_running = inspected.State.Running,
    aliases = aliases_of(context, body),
  })
end

--- Gets an existing container to run again, on the network. Starting one that runs already succeeds.
local function revive(context, inspected, body)
  if is_paused(inspected) then
    local unpaused, err = context.engine:unpause_container(inspected.Id)
    if not unpaused then return nil, err end
  end
  local joined, err = join(context, inspected, body)
  if not joined or inspected.State.Running then return joined, err end
  return context.engine:start_container(inspected.Id)
end

--- Why a name is taken: "a_b" with model "c" and "a" with model "b_c" also make the same name.
local function stranger(context, wanted, inspected)
  local found = inspected.Config.Labels
  local deployment = labels.is_ours(context, found) and labels.read(found).deployment
  local owner = deployment and ("deployment %s"):format(deployment) or labels.owner(found)
  local advice = deployment and 'ids that are the same once joined by "_" cannot be deployed together'
    or "remove or rename it, or set another containerNamePrefix"
  return errors.new {
    code = "conflict", message = ("the name %s is taken by a container of %s (image %s); %s"):format(wanted.name, owner,
      tostring(inspected.Config.Image), advice),
  }
end

local function is_same_thing(context, wanted, found)
  if not labels.is_ours(context, found) then return false end
  local read = labels.read(found)
  if not wanted.deployment then return read.role == wanted.role end
  return read.deployment == wanted.deployment and not labels.is_service(read.role)
end

--- Stops a container with its stop signal, and after stopTimeout with SIGKILL.
---@param context table
---@param instance { id: string, name: string }
---@param patience? number seconds before SIGKILL, at most stopTimeout
---@return true|nil ok
---@return bosun.Error|nil err
function container.stop(context, instance, patience)
  local id = context.dry_run and instance.name or instance.id -- the name reads better in a plan
  return context.engine:stop_container(id, {
    timeout = math.ceil(math.min(context.config.stopTimeout, patience or math.huge)),
  })
end

--- Stops a container with its stop signal, then removes it. One that is already gone is a success.
---@param context table
---@param instance { id: string, name: string }
---@param options? { kill?: boolean, patience?: number } kill: without the stop signal; patience: seconds between that
---and SIGKILL, at most stopTimeout
---@return true|nil ok
---@return bosun.Error|nil err
function container.remove(context, instance, options)
  local engine = context.engine
  local id = context.dry_run and instance.name or instance.id -- the name reads better in a plan
  local inspected = not (options and options.kill) and engine:inspect_container(instance.id)
  if inspected and is_paused(inspected) then engine:unpause_container(id) end
  if inspected and inspected.State.Running then
    local stopped, err = container.stop(context, instance, options and options.patience)
    if not stopped then
      context.log:warn("cannot stop the container; killing it", { container = instance.name, error = err })
    end
  end
  return engine:remove_container(id, { force = true, volumes = true })
end

--- Renames a container, unless a killed or a concurrent run has already done that.
local function rename_away(context, name, id, new_name)
  local ok, err = context.engine:rename_container(context.dry_run and name or id, new_name)
  if ok then return true end
  local now = context.engine:inspect_container(id)
  return not now or now.Name ~= "/" .. name, err
end

--- Moves an unsuitable container of ours out of the way. One that serves keeps running, under another name.
local function displace(context, wanted, inspected)
  local found = labels.read(inspected.Config.Labels)
  if wanted.deployment and inspected.State.Running and not inspected.State.Restarting then
    context.note("renaming another container of the deployment that has this name", { container = wanted.name })
    return rename_away(context, wanted.name, inspected.Id, names.former_container(wanted.name, found.generation))
  end
  context.note("removing an outdated container", { container = wanted.name })
  return container.remove(context, { id = inspected.Id, name = wanted.name })
end

--- Decides about the container that has the name. "again": create it; an id: use this one.
local function decide(context, wanted)
  local inspected, err = context.engine:inspect_container(wanted.name)
  if not inspected then
    if err.code == "not_found" then return "again" end
    return nil, err
  end
  if not is_same_thing(context, wanted, inspected.Config.Labels) then
    return nil, stranger(context, wanted, inspected)
  end
  local found = labels.read(inspected.Config.Labels)
  local is_older = wanted.fresh and found.generation ~= wanted.generation
  local is_fresh = (wanted.adopt or found.spec == wanted.spec) and not is_older
  local is_unfinished = wanted.files and inspected.State.Status == "created"
  if is_fresh and not is_unfinished and not is_ended(inspected.State.Status) then
    local revived, why = revive(context, inspected, wanted.body)
    if revived then return inspected.Id end
    if why.code == "not_found" then return "again" end
    if why.code ~= "engine" or wanted.is_remade then return nil, why end
    wanted.is_remade = true -- the engine can no longer run it: start over, once
    local removed, problem = context.engine:remove_container(inspected.Id, { force = true })
    return removed and "again", problem
  end
  local displaced, problem = displace(context, wanted, inspected)
  return displaced and "again" or nil, problem
end

--- Copies files into a new container and starts it; removes it when that fails.
---@param context table
---@param wanted docker.Wanted
---@param id string
---@return string|nil id
---@return boolean|bosun.Error created true; the error when id is nil
function container.finish(context, wanted, id)
  local ok, err = true, nil
  if wanted.files then ok, err = context.engine:put_archive(id, wanted.files.path, wanted.files.archive) end
  if ok then ok, err = context.engine:start_container(id) end
  if ok then return id, true end
  local removed, why = context.engine:remove_container(id, { force = true })
  if not removed then
    context.log:warn("cannot remove the container that failed to start", { container = wanted.name, error = why })
  end
  return nil, err
end

--- Whether the name is free is asked once where a create would not tell: in a dry run, which creates nothing; and for a
--- container to be adopted, since the engine looks for the image first, which may be missing.
local function create(context, wanted)
  if (context.dry_run or wanted.adopt) and not wanted.asked then
    wanted.asked = true
    if context.engine:inspect_container(wanted.name) then
      return nil, errors.new { code = "conflict", message = ("the name %s is taken"):format(wanted.name) }
    end
  end
  return context.engine:create_container(wanted.name, wanted.body)
end

--- Creates and starts the container, or adopts the existing one.
---@param context table
---@param wanted docker.Wanted
---@return string|nil id
---@return boolean|bosun.Error created whether this call created it; the error when id is nil
function container.run(context, wanted)
  local err
  for _ = 1, MOST_TRIES do
    local id
    id, err = create(context, wanted)
    if id then return container.finish(context, wanted, id) end
    if err.code ~= "conflict" then return nil, err end
    local outcome, problem = decide(context, wanted)
    if not outcome then return nil, problem end
    if outcome ~= "again" then return outcome, false end
    local slept, late = time.sleep(PAUSE)
    if not slept then return nil, late end
  end
  return nil, err
end

--- Gets an existing container to run again.
---@return true|nil ok
---@return bosun.Error|nil err
function container.revive(context, id)
  local inspected, err = context.engine:inspect_container(id)
  if not inspected then return nil, err end
  return revive(context, inspected)
end

return container
