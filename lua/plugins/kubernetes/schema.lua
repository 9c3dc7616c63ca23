--- The private config of the kubernetes plugin, key by key.

local docker = require "bosun.docker"
local probe = require "bosun.prediction_server.probe"
local public_path = require "bosun.prediction_server.public_path"
local tables = require "bosun.tables"
local url = require "bosun.url"

local checks = require "kubernetes.checks"
local pod_fields = require "kubernetes.pod_fields"

local schema = {}

--- The value of kubeConfigContext for a pod's own service account.
schema.IN_CLUSTER = "IN_CLUSTER"

schema.CONTROLLERS = { "ingress-nginx", "traefik", "other" }

local LONGEST_PREFIX = 20
local PERCENT = 'expected a number of pods, or a share such as "50%"'

local function is_image(text)
  local reference, problem = docker.parse_reference(text)
  return reference and true, problem and ("not a valid image name: %s"):format(problem)
end

local function is_repository(text)
  local reference, problem = docker.parse_reference(text)
  if not reference then return nil, ("not a valid image name: %s"):format(problem) end
  if text:find("@", 1, true) or text:find(":[^/]*$") then
    return nil, "contains a tag or digest; expected a repository such as registry.example.com/models"
  end
  return true
end

local function is_registry(text)
  local reference = docker.parse_reference(text .. "/x")
  if reference and reference.domain == text then return true end
  return nil, ('%q is not a registry; expected a host, or "host:port"'):format(text)
end

--- Controllers differ in what they do with other characters, even when they are encoded.
local function is_prefix(text)
  local ok, problem = public_path.check(text)
  if not ok then return nil, problem end
  local path = (url.parse(text) or { path = "" }).path
  local odd = path:match "[^%w/_.~-]"
  if not odd then return true end
  return nil, ("the path contains %q; ingress controllers agree on letters, digits, / - _ . and ~ alone"):format(odd)
end

local function is_name_prefix(text)
  if #text <= LONGEST_PREFIX and text:find "^[a-z][a-z0-9-]*$" then return true end
  return nil, ('expected a letter, then letters, digits and "-", all lower-case, at most %d'):format(LONGEST_PREFIX)
end

local function is_host(text)
  if text == "*" then return true end
  return checks.object_name(text)
end

local function is_path(text)
  if text:find "^/[%w/_.~-]*$" and not text:find("//", 1, true) then return true end
  return nil, "expected a path such as /deployments, of letters, digits, / - _ . and ~"
end

local function is_share(value)
  local share = type(value) == "string" and tonumber(value:match "^(%d+)%%$")
  if math.type(value) == "integer" and value >= 0 or share and share <= 100 then return true end
  return nil, PERCENT
end

local function is_budget(value)
  if (value.minAvailable == nil) ~= (value.maxUnavailable == nil) then return true end
  return nil, "expected one of minAvailable and maxUnavailable"
end

local function is_autoscaler(value)
  if value.minimum <= value.maximum then return true end
  return nil, ("minimum (%d) is more than maximum (%d)"):format(value.minimum, value.maximum)
end

--- With the volumes of the same pods.
local function has_volumes(list, beside)
  local known, names = {}, {}
  for _, volume in ipairs(type(beside.volumes) == "table" and beside.volumes or {}) do
    known[#known + 1] = tostring(type(volume) == "table" and volume.name)
    names[known[#known]] = true
  end
  for _, mount in ipairs(list) do
    if not names[mount.name] then
      return nil, ('no volume is named "%s"; there are: %s'):format(mount.name,
        known[1] and table.concat(known, ", ") or "none")
    end
  end
  return true
end

local function with_volumes(fields)
  local mounts = fields.volumeMounts
  local no_repetition = mounts.check
  mounts.check = function(list, beside)
    local ok, problem = no_repetition(list)
    if not ok then return nil, problem end
    return has_volumes(list, beside)
  end
  return fields
end

local function picked(fields, keys)
  local result = {}
  for _, key in ipairs(keys) do result[key] = fields[key] end
  return result
end

local HANDLERS = { "httpGet", "tcpSocket", "exec", "grpc" }
local PROBE = {
  "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold",
  "terminationGracePeriodSeconds", table.unpack(HANDLERS),
}

local function is_probe(value)
  if value == false then return true end
  if type(value) ~= "table" then return nil, "expected a mapping such as {periodSeconds: 10}, or false: none" end
  local problem = checks.unknown_key(value, PROBE)
  return problem == nil or nil, problem
end

local function probe_of(purpose)
  return {
    type = "any", check = is_probe, description = purpose .. "; as in Kubernetes, added to the default, or false: none",
  }
end

local function image(description, default)
  return {
    type = "string", default = default, required = default == nil or nil, check = is_image, description = description,
  }
end

local function named(description, default)
  return { type = "string", default = default, check = checks.object_name, description = description }
end

schema.fields = {
  -- the cluster
  kubeConfigFile = {
    type = "path", description = "the kubeconfig; default: the files that KUBECONFIG names, or ~/.kube/config",
  },
  kubeConfigContext = {
    type = "string", default = schema.IN_CLUSTER,
    description = "context of the kubeconfig; IN_CLUSTER: the service account of the pod that the plugin runs in",
  },
  kubeNamespace = {
    type = "string", check = checks.plain_name,
    description = 'the namespace; default: that of the context, or the pod\'s own, or "default"',
  },
  objectNamePrefix = {
    type = "string", default = "dr-", check = is_name_prefix,
    description = "prefix of the names of all objects; a plugin only touches those with its own",
  },

  -- predictions
  outfacingPredictionURLPrefix = {
    type = "url", required = true, check = is_prefix, description = "base of the prediction URLs",
  },
  ingressClass = named "class of the ingresses; default: the cluster's default class",
  ingressController = {
    type = "string", enum = schema.CONTROLLERS,
    description = "whose annotations the ingresses have; default: by the class. other: only ingressAnnotations",
  },
  ingressHost = {
    type = "string", check = is_host,
    description = 'host of the ingresses; default: that of outfacingPredictionURLPrefix. "*": any',
  },
  ingressPath = {
    type = "string", check = is_path,
    description = "path of the ingresses; default: that of outfacingPredictionURLPrefix",
  },
  ingressAnnotations = {
    type = "map", keys = { type = "string", check = checks.label_key }, values = { type = "string" },
    description = "further annotations of the ingresses, or in place of the plugin's",
  },
  ingressTLS = {
    type = "map", description = "the ingresses also serve https",
    fields = { secretName = named "Secret with the certificate; default: the controller's own certificate" },
  },
  gateway = {
    type = "map", description = "a Gateway that routes predictions, instead of ingresses",
    fields = {
      name = tables.copy(named "name of the Gateway", { required = true }),
      namespace = { type = "string", check = checks.plain_name, description = "its namespace; default: kubeNamespace" },
      sectionName = named "name of its listener; default: all",
    },
  },

  -- the prediction server
  ppsBaseImage = image "image of the prediction server, and base of generated images",
  ppsEnvironment = {
    type = "map", keys = { type = "string", check = checks.variable }, values = { type = "string" },
    description = "additional environment variables for the prediction server",
  },
  secretEnvironment = {
    type = "map", keys = { type = "string", check = checks.variable }, values = { type = "string", secret = true },
    description = "additional environment variables for the prediction server that are kept in a Secret",
  },
  serviceAccount = named "service account of prediction servers; they get no token of it",
  replicas = { type = "integer", default = 1, min = 1, max = 1000, description = "pods of each deployment" },
  gpuResource = {
    type = "string", default = "nvidia.com/gpu", check = checks.label_key,
    description = "resource that gpus of keyValueConfig counts",
  },
  probes = {
    type = "map", description = "how the cluster asks prediction servers for their health",
    fields = {
      startup = probe_of "until it answers for the first time",
      readiness = probe_of "whether it gets predictions",
      liveness = probe_of "whether it is restarted",
    },
  },
  autoscaler = {
    type = "map", check = is_autoscaler, description = "the number of pods follows their load, instead of replicas",
    fields = {
      minimum = { type = "integer", default = 1, min = 1, description = "fewest pods" },
      maximum = { type = "integer", required = true, min = 1, description = "most pods" },
      cpu = {
        type = "integer", default = 80, min = 1, description = "wanted use of the requested processors, in percent",
      },
    },
  },
  podDisruptionBudget = {
    type = "map", check = is_budget, description = "pods of a deployment that stay while nodes are drained",
    fields = {
      minAvailable = { type = "any", check = is_share, description = "how many stay, or their share" },
      maxUnavailable = { type = "any", check = is_share, description = "how many may go, or their share" },
    },
  },
  startTimeout = {
    type = "seconds", default = 600, min = 1, description = "how long a model may take to become ready",
  },
  schedulingTimeout = {
    type = "seconds", default = 60, description = "how long a pod may wait for a node, or for room in a quota",
  },
  minReadySeconds = {
    type = "integer", default = 2, min = 0, max = 600, description = "how long a pod has to be ready to count",
  },
  drainTime = {
    type = "seconds", default = 10, max = 3600,
    description = "how long a pod that ends still serves, until no new predictions reach it",
  },
  stopTimeout = {
    type = "seconds", default = 30, max = 3600, description = "after drainTime, time between SIGTERM and SIGKILL",
  },

  -- its image
  generatedImageRepo = {
    type = "string", required = true, check = is_repository, description = "repository of generated images",
  },
  imageBuilder = {
    type = "string", enum = { "kaniko", "registry" }, default = "kaniko",
    description = "kaniko: a Job in the cluster builds images; registry: the plugin adds the model to the base image",
  },
  keptImages = {
    type = "integer", default = 1, min = 0, max = 1000,
    description = "how many replaced images of a deployment stay in the registry",
  },
  artifactDigest = {
    type = "boolean", default = true,
    description = "take the SHA-256 of model packages, to tell one from another; false: the model's id is all there is",
  },
  insecureRegistries = {
    type = "list", items = { type = "string", check = is_registry },
    description = "registries (host:port) that are asked without TLS, or whatever their certificate",
  },
  kanikoImage = image("image of the builder", "gcr.io/kaniko-project/executor:v1.5.2"),
  kanikoConfigmapName = named "ConfigMap with the builder's docker config.json",
  kanikoSecretName = named "Secret of type kubernetes.io/dockerconfigjson, for pulling and pushing",
  kanikoServiceAccount = named("service account of the builder", "default"),
  kanikoInitImage = {
    type = "string", check = is_image,
    description = "image with sh, head, ls and sha256sum, in which the model arrives; default: ppsBaseImage",
  },
  kanikoArguments = {
    type = "list", items = { type = "string", pattern = "^%-" },
    description = "further arguments of the builder, such as --registry-mirror=mirror.example.com",
  },
  buildTimeout = { type = "seconds", default = 3600, min = 1, description = "how long a build may take" },
  builder = {
    type = "map", description = "pods of the image builder", fields = with_volumes(pod_fields.of "the image builder"),
  },

  -- monitoring
  agentImage = { type = "string", check = is_image, description = "image of the monitoring agent" },
  rabbitmqImage = image("image of the queue between prediction servers and monitoring agent", "rabbitmq:3-management"),
  monitoring = {
    type = "map", description = "pods of the queue and of the monitoring agent",
    fields = picked(pod_fields.of "queue and monitoring agent", {
      "resources", "nodeSelector", "tolerations", "affinity", "podSecurityContext", "securityContext",
      "imagePullSecrets", "priorityClassName", "labels", "annotations",
    }),
  },
  rabbitmqVolumeClaim = named "PersistentVolumeClaim for the queue's data; default: it is lost with the queue's pod",
}
for key, spec in pairs(with_volumes(pod_fields.of "prediction servers")) do schema.fields[key] = spec end
probe.add_fields(schema.fields, "server")

return schema
