--- Which containers are on the plugin's network. A container that was disconnected, or whose network was removed and
--- created again under its name, runs and is healthy, and no prediction reaches it. So networks are compared by ID.

local errors = require "bosun.error"
local labels = require "docker.labels"

local membership = {}

--- The IDs of the networks that a container is connected to, by name: of one in the engine's list, or inspected.
---@param context table
---@param container table
---@return table<string, string>
function membership.of(context, container)
  local settings = type(container.NetworkSettings) == "table" and container.NetworkSettings or {}
  local result = {}
  for name, endpoint in pairs(type(settings.Networks) == "table" and settings.Networks or {}) do
    -- Podman has names where Docker has IDs. One that was never started has no ID yet.
    local id = context.engine.kind == "podman" and name or type(endpoint) == "table" and endpoint.NetworkID
    result[name] = id or ""
  end
  return result
end

--- The ID of the plugin's network, in the terms of `membership.of`.
local function id_of(context)
  return context.engine.kind == "podman" and context.config.dockerNetwork or context.network.Id
end

local function problem(code, format, ...)
  return errors.new { code = code, op = "inspect network", message = format:format(...) }
end

--- What keeps the plugin's network from being used; nil when nothing does. Remembers the network as context.network.
---@param context table
---@return bosun.Error|nil problem
function membership.network_problem(context)
  local config, name = context.config, context.config.dockerNetwork
  local network, err = context.engine:inspect_network(name)
  local of_id = not network and err.code == "not_found" and context.engine:call("GET", "/networks/" .. name)
  if of_id then -- the engine knows it by its ID, but tells containers' networks by name
    return problem("config", "dockerNetwork %s is the ID of the network %s: set dockerNetwork to that name", name,
      of_id.Name)
  elseif not network and err.code == "not_found" then
    return problem("not_found", "the network %s (dockerNetwork) does not exist; create it: docker network create %s",
      name, name)
  elseif not network and err.code == "ambiguous" then
    return problem("ambiguous", "several networks are named %s (dockerNetwork); remove all but one", name)
  elseif not network then
    return err
  end
  local publishes = next(config.traefikPortMapping or {}) or next(config.rabbitmqPortMapping or {})
    or config.sharedServerPort
  if network.Internal == true and publishes then
    return problem("config", "the network %s (dockerNetwork) is internal, so the engine publishes no ports on it and "
      .. "no prediction arrives; create one without --internal", name)
  end
  context.network = network
end

---@class docker.Member a container whose membership counts
---@field id string
---@field name string
---@field networks table<string, string> what membership.of says of it
---@field network? string the network on which the proxy is to look for it; nil: the proxy does not route to it
---@field is_running boolean
---@field aliases? string[] its names on the network besides its own

--- The proxy asks for addresses when a container starts or ends, not when one gets another address. Nothing reached
--- this one, so a restart interrupts nothing.
local function make_known(context, member)
  for name in pairs(member.networks) do
    if name ~= context.config.dockerNetwork then return true end
  end
  if not member.network or not member.is_running then return true end
  return context.engine:restart_container(member.id, { timeout = math.ceil(context.config.stopTimeout) })
end

--- Makes sure that a container of the plugin is on the plugin's network. Free when it is.
---@param context table
---@param member docker.Member
---@return true|nil ok
---@return bosun.Error|nil err
function membership.join(context, member)
  local engine, network = context.engine, context.config.dockerNetwork
  local now = member.networks[network]
  if not context.network or now == "" or now == id_of(context) then return true end
  if now then
    local left, err = engine:disconnect_network(network, member.id)
    if not left then return nil, err end
  end
  local joined, err = engine:connect_network(network, member.id, { aliases = member.aliases })
  if not joined then return nil, err end
  context.note("connected to the network again", { container = member.name, network = network })
  return make_known(context, member)
end

--- Why a service is not on the plugin's network; nil: it is.
---@param context table
---@param instance { role: string, name: string, networks: table<string, string> }
---@return string|nil problem
function membership.service_problem(context, instance)
  local id = instance.networks[context.config.dockerNetwork]
  if id and (not context.network or id == id_of(context)) then return nil end
  return ("the %s (container %s) is not connected to the network %s; run plugin_start, which connects it"):format(
    instance.role, instance.name, context.config.dockerNetwork)
end

--- The network on which the proxy looks for a container: the one that its labels name, else any.
local function proxy_takes(instance)
  local name = instance.network
  if name and instance.networks[name] then return name, instance.networks[name] end
  return next(instance.networks)
end

--- Why the proxy does not reach a running container; nil: they are on one network.
---@param instance docker.Instance
---@param proxy_networks table<string, string>
---@return string|nil problem with the action that mends it
function membership.unreached(instance, proxy_networks)
  local name, id = proxy_takes(instance)
  if not name then
    return ("not connected to the network %s, so no prediction arrives; deployment_start connects it again"):format(
      instance.network or "of the proxy")
  end
  if instance.role == labels.Role.ROUTE then return nil end -- predictions go to the shared server
  for _, common in pairs(proxy_networks) do
    if common == id then return nil end
  end
  if proxy_networks[name] then
    return ("connected to a former network %s, so no prediction arrives; deployment_start connects it to the new one")
      :format(name)
  end
  return ("on the network %s, where the proxy is not, so no prediction arrives; run plugin_start, which connects the "
    .. "proxy"):format(name)
end

local function mend_one(context, instance, proxy)
  local name, id = proxy_takes(instance)
  if not name or name == context.config.dockerNetwork then
    return membership.join(context, {
      id = instance.id, name = instance.name, networks = instance.networks, network = instance.network,
      is_running = true,
    })
  end
  if proxy.networks[name] == id then return true end
  proxy.networks[name] = id
  context.note("connecting the proxy to the network of a deployment", { container = instance.name, network = name })
  return context.engine:connect_network(name, proxy.id)
end

--- Connects what is the plugin's and runs: deployments that are on no network to the plugin's; and the proxy to those
--- on which deployments still are, from before dockerNetwork was changed.
---@param context table
---@param found { deployments: table<string, docker.Instance[]>, services: table<string, docker.Instance> }
---@param proxy { id: string, networks: table<string, string> }
---@return true|nil ok
---@return string|nil problem
function membership.mend(context, found, proxy)
  for _, instances in pairs(found.deployments) do
    for _, instance in ipairs(instances) do
      local ok, err = true, nil
      -- The action that starts one that does not run connects it.
      if instance.state == "running" then ok, err = mend_one(context, instance, proxy) end
      if not ok then return nil, err end
    end
  end
  return true
end

return membership
