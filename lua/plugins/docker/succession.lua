--- Replaces the container of a service by one with other settings, which has to work before the former one goes. It
--- runs beside the former one where ports and data allow it; otherwise the former one is stopped, and started again
--- when the new one fails. The former one has another name meanwhile, which tells the next run how far this one got.

local container = require "docker.container"
local fleet = require "docker.fleet"
local health = require "docker.health"
local labels = require "docker.labels"
local names = require "docker.names"

local succession = {}

---@class docker.Incumbents a service's containers in the engine's list
---@field now? table the one that has the service's name
---@field former? table the one that had it before
---@field renamed? table one that somebody gave another name

local function name_of(summary)
  return (tostring(summary.Names[1] or ""):gsub("^/", ""))
end

--- The containers of a service.
---@param context table
---@param wanted docker.Wanted
---@return docker.Incumbents|nil
---@return bosun.Error|nil err
function succession.find(context, wanted)
  local list, err = context.engine:list_containers { labels = labels.role_filter(context, wanted.role) }
  if not list then return nil, err end
  local there = {}
  for _, summary in ipairs(list) do
    if labels.is_ours(context, summary.Labels) then
      local name = name_of(summary)
      local is_former = name == names.former_service(wanted.name)
      if name == wanted.name then
        there.now = summary
      elseif is_former then
        there.former = summary
      elseif not fleet.inherits(context, summary.ImageID, wanted.role) then
        there.renamed = summary
      end
    end
  end
  return there
end

--- A table in what the engine says, where null stands for an empty one.
local function table_of(value)
  return type(value) == "table" and value or {}
end

local function host_ports(host_config)
  local ports = {}
  for _, bindings in pairs(table_of(table_of(host_config).PortBindings)) do
    for _, binding in ipairs(table_of(bindings)) do
      local port = tonumber(binding.HostPort)
      if port and port ~= 0 then ports[port] = true end
    end
  end
  return ports
end

--- Can both run at the same time?
local function are_compatible(wanted, former)
  if wanted.is_exclusive then return false end
  local taken = host_ports(former.HostConfig)
  for port in pairs(host_ports(wanted.body.HostConfig)) do
    if taken[port] then return false end
  end
  return true
end

local function stop(context, id, name)
  return context.engine:stop_container(context.dry_run and name or id,
    { timeout = math.ceil(context.config.stopTimeout) })
end

--- Stops the former one if both cannot run at the same time.
local function make_room(context, wanted, former)
  local inspected, err = context.engine:inspect_container(former.Id)
  if not inspected then return err.code == "not_found" or nil, err end
  if not inspected.State.Running or are_compatible(wanted, inspected) then return true end
  context.note("stopping the former container, whose ports or data the new one needs", { container = wanted.name })
  return stop(context, former.Id, names.former_service(wanted.name))
end

--- Removes the new one, if there is one, and brings the former one back.
---@return true|nil ok
---@return bosun.Error|nil err
local function go_back(context, wanted, new_id, former)
  local engine = context.engine
  if new_id then
    local removed, err = engine:remove_container(new_id, { force = true, volumes = true })
    if not removed then return nil, err end
  end
  local renamed, err = engine:rename_container(former.Id, wanted.name)
  if not renamed then return nil, err end
  return container.revive(context, former.Id)
end

--- Why the new one does not work, after the former one is back, or is not.
local function failed(context, wanted, new_id, former, problem)
  local back, err = go_back(context, wanted, new_id, former)
  local outcome = back and "the former container runs on"
    or ("and the former container cannot be brought back: %s"):format(err and err.message)
  return nil, ("%s; %s (image %s)"):format(problem, outcome, tostring(former.Image))
end

--- Starts the new one, and removes the former one once it works.
local function take_over(context, wanted, new_id, former, prove)
  local ready, err = make_room(context, wanted, former)
  if ready then ready, err = container.finish(context, wanted, new_id) end
  if not ready then return failed(context, wanted, new_id, former, err.message) end
  local proved, why = prove(new_id, true)
  if not proved then
    return failed(context, wanted, new_id, former, why .. health.last_lines(context, new_id))
  end
  local removed, problem = container.remove(context, { id = former.Id, name = names.former_service(wanted.name) })
  if not removed then
    context.log:warn("cannot remove the former container", { container = wanted.name, error = problem })
  end
  return new_id
end

local function exchange(context, wanted, now, prove)
  local engine, former_name = context.engine, names.former_service(wanted.name)
  context.note("exchanging an outdated container", { container = wanted.name })
  local ok, err = engine:rename_container(context.dry_run and wanted.name or now.Id, former_name)
  if not ok then return nil, err end
  local id, problem = engine:create_container(wanted.name, wanted.body)
  if not id and problem.code == "conflict" then return nil, problem end -- another run has created it meanwhile
  if not id then return failed(context, wanted, nil, now, problem.message) end
  return take_over(context, wanted, id, now, prove)
end

--- Gives a container that somebody renamed its name back: a second one would want the same ports.
local function take_name_back(context, wanted, renamed)
  context.note("giving a renamed container its name back", { container = wanted.name })
  return context.engine:rename_container(renamed.Id, wanted.name)
end

local function spec_of(summary)
  return labels.read(summary.Labels).spec
end

--- Creates the container, or uses the one that there is.
local function run(context, wanted, prove)
  local id, created = container.run(context, wanted)
  if not id then return nil, created end
  if created then context.note("started", { container = wanted.name, image = wanted.body.Image }) end
  local proved, why = prove(id, created)
  if proved then return id end
  return nil, why .. health.last_lines(context, id)
end

--- Makes sure that a service's container runs and works.
---@param context table
---@param wanted docker.Wanted with `is_exclusive`: it cannot run beside its predecessor
---@param there docker.Incumbents
---@param prove fun(id: string, created: boolean): true|nil, string|nil waits until the container works
---@return string|nil id
---@return string|nil problem
function succession.run(context, wanted, there, prove)
  local now, former = there.now, there.former
  if former and not context.dry_run then -- an exchange was interrupted
    if now and (wanted.adopt or spec_of(now) == wanted.spec) then
      local id, problem = take_over(context, wanted, now.Id, former, prove)
      if id or not wanted.adopt then return id, problem end
      return run(context, wanted, prove) -- the former one is back
    end
    local back, err = go_back(context, wanted, now and now.Id, former)
    if not back then return nil, err end
    now = former
  end
  if not now and there.renamed then
    local named, err = take_name_back(context, wanted, there.renamed)
    if not named then return nil, err end
    now = there.renamed
  end
  if now and not wanted.adopt and spec_of(now) ~= wanted.spec then return exchange(context, wanted, now, prove) end
  return run(context, wanted, prove)
end

--- Undoes an exchange that was stopped, so that what worked before works again.
---@param context table
---@param wanted docker.Wanted
---@return boolean|nil undone false: there was none
---@return string|nil problem
function succession.undo(context, wanted)
  local there, err = succession.find(context, wanted)
  if not there then return nil, err.message end
  if not there.former then return false end
  local back, why = go_back(context, wanted, there.now and there.now.Id, there.former)
  if not back then return nil, why.message end
  return true
end

return succession
