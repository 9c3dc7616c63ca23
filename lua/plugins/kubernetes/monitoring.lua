--- Monitoring: predictions are reported to a queue, from which the monitoring agent sends them to the service. Both run
--- once for the environment, in its namespace. The service's token is in a Secret, which the agent alone reads.

local base64 = require "bosun.base64"
local crypto = require "bosun.crypto"
local errors = require "bosun.error"
local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local tables = require "bosun.tables"
local wait = require "bosun.wait"

local labels = require "kubernetes.labels"
local names = require "kubernetes.names"
local pods = require "kubernetes.objects.pods"

local monitoring = {}

local QUEUE_PORT = 5672
local QUEUE_DATA, QUEUE_LOG = "/var/lib/rabbitmq", "/var/log/rabbitmq" -- not every image lets its user write there
local QUEUE_SECURITY = { runAsUser = 999, runAsGroup = 999, fsGroup = 999 } -- rabbitmq, in RabbitMQ's own images
local FOLDER, FILE = "/opt/bosun", "mlops.agent.conf.yaml"
local TOKEN = "MLOPS_API_TOKEN"
local UP_TIMEOUT = 180
local DIGEST = "bosun/digest"

-- ---- names and labels -----------------------------------------------------------------------------------------------

--- Two environments with the same prefix have their own.
local function name_of(context, role)
  return names.derived(context.config.objectNamePrefix, role, context.environment or "")
end

local function metadata_of(context, role)
  local name, settings = name_of(context, role), context.config.monitoring or {}
  return {
    name = name, namespace = context.namespace,
    labels = pods.with(labels.common(context, role, name), settings.labels),
    annotations = pods.with(labels.notes(context), settings.annotations),
  }
end

--- Where servers and the monitoring agent find the queue; nil when monitoring is off.
---@param context table
---@return bosun.prediction_server.Monitoring|nil
function monitoring.channel(context)
  if not context.monitored then return nil end
  local host = ("%s.%s.svc"):format(name_of(context, labels.Role.QUEUE), context.namespace)
  return prediction_server.monitoring(("amqp://%s:%d"):format(host, QUEUE_PORT))
end

-- ---- the objects ----------------------------------------------------------------------------------------------------

--- A Deployment of one pod. Another one does not run beside it.
local function deployment(context, role, pod, container, notes)
  local settings, metadata = context.config.monitoring or {}, metadata_of(context, role)
  local own = labels.instance(metadata.name)
  container.name, container.securityContext, container.resources = role, pods.security(settings),
    pods.resources(settings.resources)
  container.terminationMessagePolicy = "FallbackToLogsOnError"
  local spec = tables.copy(pods.spec(context, settings, own), pod)
  spec.containers = { container }
  return {
    apiVersion = "apps/v1", kind = "Deployment", metadata = metadata,
    spec = {
      replicas = 1, selector = { matchLabels = own }, strategy = { type = "Recreate" }, revisionHistoryLimit = 1,
      template = {
        metadata = { labels = metadata.labels, annotations = tables.copy(metadata.annotations, notes) }, spec = spec,
      },
    },
  }
end

--- The queue. Its data belong to its host name.
local function queue(context)
  local config = context.config
  local own = (config.monitoring or {}).podSecurityContext
  local claim = config.rabbitmqVolumeClaim
  return deployment(context, labels.Role.QUEUE, {
    hostname = "rabbitmq", terminationGracePeriodSeconds = 60,
    securityContext = pods.pod_security { podSecurityContext = tables.copy(QUEUE_SECURITY, own) },
    volumes = { {
      name = "data", emptyDir = not claim and {} or nil, persistentVolumeClaim = claim and { claimName = claim } or nil,
    }, { name = "log", emptyDir = {} } },
  }, {
    image = config.rabbitmqImage, ports = { { name = "amqp", containerPort = QUEUE_PORT, protocol = "TCP" } },
    volumeMounts = { { name = "data", mountPath = QUEUE_DATA }, { name = "log", mountPath = QUEUE_LOG } },
    readinessProbe = { tcpSocket = { port = QUEUE_PORT }, periodSeconds = 5, failureThreshold = 3 },
  })
end

local function queue_service(context)
  local metadata = metadata_of(context, labels.Role.QUEUE)
  return {
    apiVersion = "v1", kind = "Service", metadata = metadata,
    spec = {
      type = "ClusterIP", selector = labels.instance(metadata.name),
      ports = { { name = "amqp", port = QUEUE_PORT, targetPort = "amqp", protocol = "TCP" } },
    },
  }
end

--- The environment of the agent, with the token from the Secret.
local function agent_env(environment, name)
  local list = {}
  for _, key in ipairs(tables.sorted_keys(environment)) do
    local from = key == TOKEN and { secretKeyRef = { name = name, key = TOKEN } } or nil
    list[#list + 1] = {
      name = key, value = not from and pods.literal(environment[key]) or nil,
      valueFrom = from,
    }
  end
  return json.array(list)
end

--- The agent, its config file and its Secret.
local function agent(context, service)
  local settings = prediction_server.agent_config(monitoring.channel(context))
  local environment = prediction_server.agent_environment(service, FOLDER .. "/" .. FILE)
  local name, token = name_of(context, labels.Role.AGENT), environment[TOKEN]
  local digest = crypto.sha256(json.encode({ settings, environment }, { sort = true })):sub(1, 16)
  local list = { {
    apiVersion = "v1", kind = "ConfigMap", metadata = metadata_of(context, labels.Role.AGENT),
    data = { [FILE] = settings },
  } }
  if token then
    list[2] = {
      apiVersion = "v1", kind = "Secret", type = "Opaque", metadata = metadata_of(context, labels.Role.AGENT),
      data = { [TOKEN] = base64.encode(token) },
    }
  end
  list[#list + 1] = deployment(context, labels.Role.AGENT, {
    volumes = { { name = "config", configMap = { name = name } } },
  }, {
    image = context.config.agentImage, env = agent_env(environment, name),
    volumeMounts = { { name = "config", mountPath = FOLDER, readOnly = true } },
  }, { [DIGEST] = digest })
  return list
end

--- What monitoring consists of, in the order in which it is applied.
---@param context table
---@return table[]|nil list
---@return bosun.Error|nil problem
function monitoring.desired(context)
  if not context.config.agentImage then
    return nil, errors.new { code = "config", op = "read the private config", message = "monitoring is enabled "
      .. "(MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING), but the private config has no agentImage" }
  end
  local service, problem = prediction_server.service(context.plugin_config)
  if not service then return nil, problem end
  local list = agent(context, service)
  table.insert(list, 1, queue(context))
  table.insert(list, 2, queue_service(context))
  return list
end

-- ---- in the cluster -------------------------------------------------------------------------------------------------

local WORDS = { [labels.Role.QUEUE] = "queue", [labels.Role.AGENT] = "monitoring agent" }

--- Makes sure that queue and agent run as configured.
---@param context table
---@return true|nil ok
---@return bosun.Error|nil problem
function monitoring.ensure(context)
  local list, problem = monitoring.desired(context)
  if not list then return nil, problem end
  for _, object in ipairs(list) do
    local done, err = context.cluster:apply(object)
    if not done then return nil, err end
  end
  for _, role in ipairs { labels.Role.QUEUE, labels.Role.AGENT } do
    local done, err = context.cluster:follow_rollout(name_of(context, role), {
      namespace = context.namespace, timeout = wait.budget(UP_TIMEOUT),
    })
    if not done then return nil, errors.wrap(err, ("the %s does not come up"):format(WORDS[role])) end
  end
  return true
end

local PARTS = {
  { "Deployment", labels.Role.AGENT }, { "Secret", labels.Role.AGENT }, { "ConfigMap", labels.Role.AGENT },
  { "Deployment", labels.Role.QUEUE }, { "Service", labels.Role.QUEUE },
}

--- Removes queue and agent, if they are there and this plugin's.
---@param context table
---@return true|nil ok
---@return bosun.Error|nil problem
function monitoring.remove(context)
  for _, part in ipairs(PARTS) do
    local kind, name = part[1], name_of(context, part[2])
    local found, err = context.cluster:get(kind, name, { namespace = context.namespace })
    if not found and err.code ~= "NotFound" then return nil, err end
    if found and labels.is_ours(context, found) then
      local removed, why = context.cluster:delete(kind, name, { namespace = context.namespace })
      if not removed then return nil, why end
    end
  end
  return true
end

--- What is wrong with monitoring, for messages; nil: nothing, or it is off.
---@param context table
---@return string|nil problem
function monitoring.problem(context)
  if not context.monitored then return nil end
  for _, role in ipairs { labels.Role.QUEUE, labels.Role.AGENT } do
    local name = name_of(context, role)
    local found, err = context.cluster:get("Deployment", name, { namespace = context.namespace })
    if not found and err.code == "NotFound" then
      return ("the %s does not exist; run plugin_start"):format(WORDS[role])
    elseif not found then
      return err.message
    end
    local ready = found.status and found.status.readyReplicas or 0
    if ready < 1 then return ("the %s is not ready (deployment %s)"):format(WORDS[role], name) end
  end
end

return monitoring
