--- A deployment's prediction servers: the Deployment, and the Service that leads to them.

local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local tables = require "bosun.tables"

local labels = require "kubernetes.labels"
local pods = require "kubernetes.objects.pods"

local server = {}

local CONTAINER = "server"
local PORT_NAME = "http"
local NEW_SLEEP = { 1, 30 } -- the first version that can wait without a program in the image
local PULL_SECONDS = 60 -- on top of startTimeout, for the image and the node
local HISTORY = 2
local HANDLERS = { "httpGet", "tcpSocket", "exec", "grpc" }

-- ---- probes ---------------------------------------------------------------------------------------------------------

--- A server whose workers are all busy may answer late; that is no reason to restart it, or to send it nothing.
local function defaults(context)
  local period = 2
  return {
    startup = {
      periodSeconds = period, timeoutSeconds = 5, failureThreshold = math.ceil(context.config.startTimeout / period),
    },
    readiness = { periodSeconds = 5, timeoutSeconds = 5, failureThreshold = 6 },
    liveness = { periodSeconds = 10, timeoutSeconds = 10, failureThreshold = 12 },
  }
end

--- One probe: the default with what the config adds; nil: none.
local function probe(default, own)
  if own == false then return nil end
  local result = tables.copy(default, own or {})
  for _, handler in ipairs(HANDLERS) do
    if result[handler] ~= nil then return result end
  end
  result.httpGet = { path = prediction_server.PING, port = prediction_server.PORT, scheme = "HTTP" }
  return result
end

-- ---- its end --------------------------------------------------------------------------------------------------------

local function is_before(version, wanted)
  local major, minor = tostring(version):match "^v?(%d+)%.(%d+)"
  if not major then return true end
  major, minor = tonumber(major), tonumber(minor)
  return major < wanted[1] or major == wanted[1] and minor < wanted[2]
end

--- A pod that ends is taken out of the Service at the same time, and controllers learn of that a moment later: until
--- then it has to serve on.
local function lifecycle(context)
  local seconds = math.ceil(context.config.drainTime)
  if seconds == 0 then return nil end
  if is_before(context.cluster and context.cluster.server_version, NEW_SLEEP) then
    return { preStop = { exec = { command = { "/bin/sh", "-c", ("sleep %d"):format(seconds) } } } }
  end
  return { preStop = { sleep = { seconds = seconds } } }
end

-- ---- the Deployment -------------------------------------------------------------------------------------------------

local function container(context, made)
  local config = context.config
  local default, own = defaults(context), config.probes or {}
  return {
    name = CONTAINER, image = made.image, imagePullPolicy = "IfNotPresent",
    ports = { { name = PORT_NAME, containerPort = prediction_server.PORT, protocol = "TCP" } },
    env = made.env, resources = made.limits.resources, securityContext = pods.security(config),
    volumeMounts = pods.list_of(config.volumeMounts), lifecycle = lifecycle(context),
    startupProbe = probe(default.startup, own.startup), readinessProbe = probe(default.readiness, own.readiness),
    livenessProbe = probe(default.liveness, own.liveness),
    terminationMessagePolicy = "FallbackToLogsOnError",
  }
end

local function template(context, deployment, made)
  local config, selector = context.config, labels.pods(context, deployment.id)
  return {
    metadata = {
      labels = pods.with(labels.deployment(context, deployment), config.labels),
      annotations = pods.with(labels.pod_notes(context, deployment, made), config.annotations),
    },
    spec = tables.copy(pods.spec(context, config, selector), {
      serviceAccountName = config.serviceAccount, containers = { container(context, made) },
      terminationGracePeriodSeconds = math.max(1, math.ceil(config.drainTime + config.stopTimeout)),
    }),
  }
end

---@class kubernetes.Made what a deployment's objects are made from
---@field name string of the objects
---@field image string
---@field env table[]
---@field limits kubernetes.Limits
---@field is_scaled boolean the autoscaler sets the number of pods
---@field secrets? string digest of the Secret
---@field stamp? string pods with another one are made anew

--- The Deployment. It replaces pods one by one: a new one is ready before an old one goes.
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param made kubernetes.Made
---@return table
function server.deployment(context, deployment, made)
  local config = context.config
  local replicas = made.limits.replicas or config.replicas
  return {
    apiVersion = "apps/v1", kind = "Deployment",
    metadata = {
      name = made.name, namespace = context.namespace,
      labels = pods.with(labels.deployment(context, deployment), config.labels),
      annotations = pods.with(labels.deployment_notes(context, deployment), config.annotations),
    },
    spec = {
      replicas = not made.is_scaled and replicas or nil,
      selector = { matchLabels = labels.pods(context, deployment.id) },
      strategy = { type = "RollingUpdate", rollingUpdate = { maxUnavailable = 0, maxSurge = 1 } },
      minReadySeconds = config.minReadySeconds, revisionHistoryLimit = HISTORY,
      progressDeadlineSeconds = math.ceil(config.startTimeout) + config.minReadySeconds + PULL_SECONDS,
      template = template(context, deployment, made),
    },
  }
end

--- A Service in front of pods of prediction servers.
---@param metadata table
---@param selector table<string, string>
---@return table
function server.service(metadata, selector)
  return {
    apiVersion = "v1", kind = "Service", metadata = metadata,
    spec = {
      type = "ClusterIP", selector = selector,
      ports = json.array { {
        name = PORT_NAME, port = prediction_server.PORT, targetPort = PORT_NAME, protocol = "TCP",
      } },
    },
  }
end

return server
