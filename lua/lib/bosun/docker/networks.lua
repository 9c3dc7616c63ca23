--- Internal: networks and volumes.

---@class bosun.docker.Engine
local Engine = require "bosun.docker.engine"

local effect = require "bosun.effect"
local errors = require "bosun.docker.errors"
local http = require "bosun.http"
local options_of = require("bosun.options").check

--- The networks with exactly this name. The engine's filter also finds longer names.
local function networks_called(engine, name, what)
  local filters = engine:_filters(nil, { name = name })
  local found, err = engine:_list("/networks", { what = what, query = { filters = filters } })
  if not found then return nil, err end
  local exact = {}
  for _, network in ipairs(found) do
    if network.Name == name then exact[#exact + 1] = network end
  end
  return exact
end

--- The one network of this name.
local function find_network(engine, name, what)
  local _, problem = engine:_path("networks", name)
  if problem then return nil, problem end
  local found, err = networks_called(engine, name, what)
  if not found then return nil, err end
  if #found == 1 then return found[1] end
  if #found == 0 then
    return nil, errors.new {
      code = "not_found", status = 404, message = ("%s: no such network at %s"):format(what, engine.host),
    }
  end
  return nil, errors.new {
    code = "ambiguous",
    message = ("%s: %d networks at %s have this name: remove all but one of them"):format(what, #found, engine.host),
  }
end

--- What a network is called in a request. Podman's containers refer to networks by name.
local function reference(engine, network)
  return engine.kind == "podman" and http.escape(network.Name) or network.Id
end

--- Everything the engine knows about the network with exactly this name.
---@param name string
---@return table|nil network
---@return bosun.docker.Error|nil err code "not_found"; "ambiguous": several have it
function Engine:inspect_network(name)
  local what = "inspect network " .. tostring(name)
  local found, err = find_network(self, name, what)
  if not found then return nil, err end
  return self:_ask("GET", "/networks/" .. found.Id, { what = what })
end

--- Creates a network.
---@param name string
---@param options? { labels?: table<string, string>, driver?: string, internal?: boolean } driver: default "bridge"
---@return string|nil id in a dry run, the name
---@return bosun.docker.Error|nil err code "conflict": a network has this name
function Engine:create_network(name, options)
  options = options_of("engine:create_network", options, { labels = "table", driver = "string", internal = "boolean" })
  local problem = select(2, self:_path("networks", name))
  if problem then return nil, problem end
  local what = "create network " .. name
  if not effect.begin("docker.create", "network " .. name, { after = "network" }) then return name end
  local created, err = self:_ask("POST", "/networks/create", {
    what = what,
    json = {
      Name = name, CheckDuplicate = true, Driver = options.driver or "bridge", Internal = options.internal == true,
      Labels = self:_texts(options.labels),
    },
  })
  if created then return created.Id end
  if err.code == "engine" then
    local found = networks_called(self, name, what)
    if found and #found > 0 then err.code = "conflict" end
  end
  return nil, err
end

--- Removes the network with exactly this name. Success if it does not exist.
---@param name string
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": containers are connected; "ambiguous"
function Engine:remove_network(name)
  local what = "remove network " .. tostring(name)
  local found, problem = find_network(self, name, what)
  if not found then
    if problem.code == "not_found" then return true end
    return nil, problem
  end
  if not effect.begin("docker.remove", "network " .. name, { before = "network" }) then return true end
  -- By ID, Podman does not notice that a network is in use.
  local ok, err = self:_do("DELETE", "/networks/" .. reference(self, found), { what = what })
  if ok or err.code == "not_found" then return true end
  -- Docker says 403, Podman 500.
  local users = err.status and self:list_containers { filters = { network = { name } } }
  if users and #users > 0 then err.code = "conflict" end
  return nil, err
end

--- The networks of a container in the engine's list, or inspected: its network IDs by name.
local function networks_of(container)
  local settings = type(container.NetworkSettings) == "table" and container.NetworkSettings or {}
  return type(settings.Networks) == "table" and settings.Networks or {}
end

--- Connects a container to the network with exactly this name, or takes it off.
local function change_membership(engine, name, id, verb, body)
  local what = ("%s container %s %s network %s"):format(verb, engine:_short(id), verb == "connect" and "to" or "from",
    tostring(name))
  local network, problem = find_network(engine, name, what)
  if not network then return nil, problem end
  if not effect.begin("docker." .. verb, what:sub(#verb + 2)) then return true end
  body.Container = id
  local path = ("/networks/%s/%s"):format(reference(engine, network), verb)
  local ok, err = engine:_do("POST", path, { what = what, json = body })
  if ok then return true end
  -- Engines use various statuses for what is so already.
  local container = engine:inspect_container(id)
  local is_member = container and networks_of(container)[name] ~= nil
  if container and is_member == (verb == "connect") then return true end
  return nil, err
end

--- Connects a container to the network with exactly this name. Success if it is connected to it.
---@param name string
---@param id string the container's ID or name
---@param options? { aliases?: string[] } its names on the network besides its own
---@return true|nil ok
---@return bosun.docker.Error|nil err code "not_found": the network or the container; "ambiguous"
function Engine:connect_network(name, id, options)
  options = options_of("engine:connect_network", options, { aliases = "table" })
  return change_membership(self, name, id, "connect", { EndpointConfig = { Aliases = options.aliases } })
end

--- Disconnects a container from the network with exactly this name, running or not. Success if it is not connected.
---@param name string
---@param id string the container's ID or name
---@return true|nil ok
---@return bosun.docker.Error|nil err code "not_found": the network or the container; "ambiguous"
function Engine:disconnect_network(name, id)
  return change_membership(self, name, id, "disconnect", { Force = true })
end

--- Creates a volume. Success if it exists already.
---@param name string
---@param options? { labels?: table<string, string> }
---@return string|nil name
---@return bosun.docker.Error|nil err
function Engine:create_volume(name, options)
  options = options_of("engine:create_volume", options, { labels = "table" })
  local problem = select(2, self:_path("volumes", name))
  if problem then return nil, problem end
  if not effect.begin("docker.create", "volume " .. name, { after = "volume" }) then return name end
  local created, err = self:_ask("POST", "/volumes/create", {
    what = "create volume " .. name, json = { Name = name, Labels = self:_texts(options.labels) },
  })
  if not created then return nil, err end
  return created.Name
end

--- Everything the engine knows about a volume.
---@param name string
---@return table|nil volume
---@return bosun.docker.Error|nil err
function Engine:inspect_volume(name)
  local path, err = self:_path("volumes", name)
  if not path then return nil, err end
  return self:_ask("GET", path, { what = "inspect volume " .. name })
end

--- Removes a volume. Success if it does not exist.
---@param name string
---@return true|nil ok
---@return bosun.docker.Error|nil err code "conflict": containers use it
function Engine:remove_volume(name)
  local path, problem = self:_path("volumes", name)
  if not path then return nil, problem end
  if not effect.begin("docker.remove", "volume " .. name, { before = "volume" }) then return true end
  local ok, err = self:_do("DELETE", path, { what = "remove volume " .. name })
  if ok or err.code == "not_found" then return true end
  if err.code == "engine" then
    local users = self:list_containers { filters = { volume = { name } } }
    if users and #users > 0 then err.code = "conflict" end
  end
  return nil, err
end

return Engine
