--- The containers that serve all deployments: the proxy, the queue, the monitoring agent, the shared prediction server.

local errors = require "bosun.error"
local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local tables = require "bosun.tables"
local tar = require "bosun.tar"
local text = require "bosun.text"
local wait = require "bosun.wait"

local container = require "docker.container"
local fleet = require "docker.fleet"
local health = require "docker.health"
local labels = require "docker.labels"
local membership = require "docker.membership"
local names = require "docker.names"
local proxy = require "docker.proxy"
local succession = require "docker.succession"

local services = {}

local QUEUE_PORT = 5672
local QUEUE_TIMEOUT = 120
local AGENT_CONFIG = "/opt/bosun/mlops.agent.conf.yaml"

---@class docker.Service
---@field role string
---@field name string
---@field image string
---@field body table for the engine's create, without labels
---@field labels? table<string, string> added to the usual ones
---@field files? { path: string, archive: bosun.tar.Archive, digest: string }
---@field is_exclusive? boolean it cannot run beside its predecessor: they have the same data
---@field ready? fun(context: table, id: string, created: boolean): true|nil, string|nil waits until it works

--- Environment variables in the engine's terms.
---@param environment table<string, string>
---@return string[]
function services.environment_list(environment)
  return json.array(tables.assignments(environment))
end

-- ---- the queue and the monitoring agent -----------------------------------------------------------------------------

local function queue_host(context)
  return names.host("rabbitmq", context.config.containerNamePrefix)
end

--- Where servers and the monitoring agent find the queue; nil when monitoring is disabled.
---@return bosun.prediction_server.Monitoring|nil
function services.monitoring(context)
  if not context.monitored then return nil end
  return prediction_server.monitoring(("amqp://%s:%d"):format(queue_host(context), QUEUE_PORT))
end

--- RabbitMQ's own health check starts a virtual machine each time, so it only runs until the queue is up.
local function queue_is_ready(context, id)
  local memory = {}
  local ok, err = wait.poll(function()
    local result, why = context.engine:exec(id, { "rabbitmq-diagnostics", "-q", "check_port_listener", "5672" },
      { timeout = 30 })
    if not result then
      local seen = health.verdict(context, id, memory)
      if seen and seen.problem then return "ended", seen.problem end
      return nil, why.message
    end
    local said = text.one_line(result.stderr .. result.stdout, 300)
    if result.code == 126 or result.code == 127 then return "absent", said end
    return result.code == 0, said
  end, { interval = 1, timeout = wait.budget(QUEUE_TIMEOUT), what = "RabbitMQ" })
  if ok == "ended" then return nil, err end
  if ok == "absent" then return nil, "it has no rabbitmq-diagnostics; is rabbitmqImage a RabbitMQ image?" end
  return ok, err
end

local function queue(context)
  local config, host = context.config, queue_host(context)
  local exposed, bindings = proxy.ports(config.rabbitmqPortMapping)
  return {
    role = labels.Role.QUEUE, name = config.containerNamePrefix .. "rabbitmq", image = config.rabbitmqImage,
    ready = queue_is_ready, is_exclusive = true,
    body = {
      Image = config.rabbitmqImage, Hostname = host, ExposedPorts = exposed, -- the host name decides on its data folder
      HostConfig = container.host_config(context, {
        PortBindings = bindings, Binds = { config.containerNamePrefix .. "rabbitmq:/var/lib/rabbitmq" },
      }),
      NetworkingConfig = { EndpointsConfig = { [config.dockerNetwork] = { Aliases = { host } } } },
    },
  }
end

local function agent(context)
  local config = context.config
  local service, problem = prediction_server.service(context.plugin_config)
  if not service then return nil, problem end
  local settings = prediction_server.agent_config(services.monitoring(context))
  return {
    role = labels.Role.AGENT, name = config.containerNamePrefix .. "agent", image = config.agentImage,
    body = {
      Image = config.agentImage,
      Env = services.environment_list(prediction_server.agent_environment(service, AGENT_CONFIG)),
      HostConfig = container.host_config(context, {}),
    },
    files = {
      path = "/", archive = tar.new { { name = AGENT_CONFIG:sub(2), content = settings } }, digest = settings,
    },
  }
end

-- ---- the shared prediction server -----------------------------------------------------------------------------------

--- The name of the shared server's container, and of its volume.
function services.shared_server_name(context)
  return context.config.containerNamePrefix .. "shared_server"
end

--- The name of the shared server's service in the proxy.
function services.shared_route(context)
  return names.host("bosun-shared", context.config.containerNamePrefix)
end

local function shared_server(context)
  local config = context.config
  local environment, problem = prediction_server.environment(nil, services.monitoring(context), config.ppsEnvironment)
  if not environment then return nil, problem end
  local exposed, bindings = proxy.ports(config.sharedServerPort and
    { [prediction_server.PORT] = config.sharedServerPort })
  return {
    role = labels.Role.SHARED_SERVER, name = services.shared_server_name(context), image = config.ppsBaseImage,
    ready = health.wait,
    labels = proxy.add_service(context, {}, services.shared_route(context)),
    body = {
      Image = config.ppsBaseImage, Env = services.environment_list(environment), ExposedPorts = exposed,
      Healthcheck = context.health_check,
      HostConfig = container.host_config(context, {
        PortBindings = bindings,
        Binds = { services.shared_server_name(context) .. ":" .. prediction_server.MODEL_FOLDER },
      }),
    },
  }
end

-- ---- all of them ----------------------------------------------------------------------------------------------------

local MAKERS = {
  [labels.Role.PROXY] = proxy.service, [labels.Role.QUEUE] = queue, [labels.Role.AGENT] = agent,
  [labels.Role.SHARED_SERVER] = shared_server,
}

local function has_routes(deployments)
  for _, instances in pairs(deployments) do
    for _, instance in ipairs(instances) do
      if instance.role == labels.Role.ROUTE then return true end
    end
  end
  return false
end

--- The roles that this config and these deployments need, starting with what predictions need.
---@param context table
---@param deployments table<string, docker.Instance[]>
---@return string[]
function services.roles(context, deployments)
  local roles = { labels.Role.PROXY }
  if has_routes(deployments) then roles[#roles + 1] = labels.Role.SHARED_SERVER end
  if context.monitored then
    roles[#roles + 1] = labels.Role.QUEUE
    roles[#roles + 1] = labels.Role.AGENT
  end
  return roles
end

--- Pulls an image unless the engine has it.
---@return true|nil ok
---@return bosun.Error|nil err
function services.need_image(context, image)
  local found, err = context.engine:inspect_image(image)
  if found then return true end
  if err.code ~= "not_found" then return nil, err end
  return context.engine:pull(image)
end

local function wanted_container(context, service)
  local spec = container.spec_of(service.body, service.files and service.files.digest, service.labels)
  local body = tables.copy(service.body, {
    Labels = tables.copy(labels.service(context, service.role, spec), service.labels),
  })
  return {
    name = service.name, body = body, spec = spec, role = service.role, files = service.files,
    is_exclusive = service.is_exclusive,
  }
end

local function failure(service, problem)
  return nil, errors.wrap(problem, ("the %s is not working (container %s, image %s)"):format(service.role, service.name,
    service.image))
end

--- Looks at what there is of a service, and goes on from there.
local function bring_up(context, service, wanted)
  local there, err = succession.find(context, wanted)
  if there and not (wanted.adopt and there.now) then
    local got, why = services.need_image(context, service.image)
    if not got then there, err = nil, why end
  end
  if not there then return nil, err end
  return succession.run(context, wanted, there, function(id, created)
    if context.dry_run or not service.ready then return true end
    return service.ready(context, id, created)
  end)
end

--- Did another run give a container the name meanwhile? The engine finishes the request of one that was killed.
local function was_overtaken(problem)
  return errors.is(problem) and problem.code == "conflict"
end

--- Makes sure that a service runs and works. One with other settings is exchanged, unless it is to be adopted.
---@param context table
---@param role string
---@param options? { adopt?: boolean } adopt: accept one with other settings, so that nothing is
---interrupted
---@return string|nil id of its container
---@return string|nil problem
function services.ensure(context, role, options)
  local service, problem = MAKERS[role](context)
  if not service then return nil, problem end
  local wanted = wanted_container(context, service)
  wanted.adopt = options and options.adopt
  local id, trouble = bring_up(context, service, wanted)
  if not id and was_overtaken(trouble) then id, trouble = bring_up(context, service, wanted) end
  if id then return id end
  return failure(service, trouble)
end

--- Brings back what plugin_start was exchanging when it was stopped.
---@param context table
---@return string[]|nil roles of the services that are back
---@return string|nil problem
function services.undo_exchanges(context)
  local found, err = fleet.read(context)
  if not found then return nil, err.message end
  local back = {}
  for _, role in ipairs(services.roles(context, found.deployments)) do
    local service, problem = MAKERS[role](context)
    if not service then return nil, problem end
    local undone, why = succession.undo(context, wanted_container(context, service))
    if undone == nil then return failure(service, why) end
    if undone then back[#back + 1] = role end
  end
  return back
end

--- Removes services.
---@param context table
---@param running table<string, docker.Instance> by role
---@return true|nil ok
---@return string|nil problem
function services.remove(context, running)
  for _, instance in pairs(running) do
    local removed, err = container.remove(context, instance)
    if not removed then return nil, err end
    context.note("removed", { container = instance.name })
  end
  return true
end

--- Removes the services and the shared server's volume. The queue's volume stays: it holds what is not reported yet.
---@param context table
---@param running table<string, docker.Instance> by role
---@return true|nil ok
---@return string|nil problem
function services.end_all(context, running)
  local removed, problem = services.remove(context, running)
  if not removed then return nil, problem end
  local gone, err = context.engine:remove_volume(services.shared_server_name(context))
  if gone or err.code == "conflict" then return true end -- a conflict: another environment's server uses it
  return nil, err
end

--- Removes the queue and the monitoring agent, left from when monitoring was enabled.
---@param context table
---@param running table<string, docker.Instance> by role
---@return true|nil ok
---@return string|nil problem
function services.end_monitoring(context, running)
  local unneeded = {}
  for _, role in ipairs { labels.Role.AGENT, labels.Role.QUEUE } do
    for _, key in ipairs { role, fleet.former(role) } do unneeded[key] = running[key] end
  end
  return services.remove(context, unneeded)
end

--- Connects what runs and is no longer where the proxy reaches it.
---@param context table
---@return true|nil ok
---@return string|nil problem
function services.reconnect(context)
  local found, err = fleet.read(context)
  if not found then return nil, err end
  local proxy_instance = found.services[labels.Role.PROXY]
  if not proxy_instance then return true end
  return membership.mend(context, found, proxy_instance)
end

--- What is wrong with a service, according to the list of containers; nil: nothing.
---@param context table
---@param instance docker.Instance|nil
---@param role string
---@return string|nil problem
function services.problem(context, instance, role)
  if not instance then return ("the %s does not exist; run plugin_start"):format(role) end
  if instance.state == "running" and instance.health ~= "unhealthy" then
    return membership.service_problem(context, instance)
  end
  return ("the %s is not working (container %s): %s"):format(role, instance.name, instance.status)
end

return services
