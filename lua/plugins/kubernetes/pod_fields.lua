--- The keys of the private config that describe pods: those of the prediction server, and in `builder` those of the
--- image builder. They have the names and the form of the Kubernetes API, which has the last word on what is inside.

local yaml = require "bosun.yaml"

local checks = require "kubernetes.checks"
local quantity = require "kubernetes.quantity"

local pod_fields = {}

local AFFINITIES = { "nodeAffinity", "podAffinity", "podAntiAffinity" }

local SOURCES = {
  "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "configMap", "csi", "downwardAPI", "emptyDir",
  "ephemeral", "fc", "flexVolume", "gcePersistentDisk", "glusterfs", "hostPath", "image", "iscsi", "nfs",
  "persistentVolumeClaim", "photonPersistentDisk", "portworxVolume", "projected", "quobyte", "rbd", "scaleIO", "secret",
  "storageos", "vsphereVolume",
}

local POD_SECURITY = {
  "appArmorProfile", "fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsNonRoot", "runAsUser", "seLinuxChangePolicy",
  "seLinuxOptions", "seccompProfile", "supplementalGroups", "supplementalGroupsPolicy", "sysctls", "windowsOptions",
}

local SECURITY = {
  "allowPrivilegeEscalation", "appArmorProfile", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem",
  "runAsGroup", "runAsNonRoot", "runAsUser", "seLinuxOptions", "seccompProfile", "windowsOptions",
}

local ENV = { "name", "value", "valueFrom" }

--- `elsewhere`: keys that belong in the key `place`.
local function with_keys(known, elsewhere, place)
  return function(value)
    for _, key in ipairs(elsewhere or {}) do
      if value[key] ~= nil then return nil, ("%s belongs in %s"):format(key, place) end
    end
    local problem = checks.unknown_key(value, known)
    return problem == nil or nil, problem
  end
end

local function text(description, check, enum)
  return { type = "string", description = description, check = check, enum = enum }
end

local function needed(spec)
  spec.required = true
  return spec
end

local function is_volume(value)
  local found = 0
  for _, source in ipairs(SOURCES) do
    if value[source] == yaml.null then return nil, ("%s: expected a mapping, found null"):format(source) end
    if value[source] ~= nil then found = found + 1 end
  end
  local problem = checks.unknown_key(value, { "name", table.unpack(SOURCES) })
  if type(value.name) ~= "string" then problem = problem or "expected a name" end
  if found ~= 1 then problem = problem or "expected one source of the volume, such as emptyDir: {}" end
  if problem then return nil, problem end
  return checks.plain_name(value.name)
end

local function is_variable(value)
  local problem = checks.unknown_key(value, ENV)
  if type(value.name) ~= "string" then problem = problem or "expected a name" end
  if value.value ~= nil and value.valueFrom ~= nil then problem = problem or "expected one of value and valueFrom" end
  if value.value ~= nil and type(value.value) ~= "string" then
    problem = problem or "value: expected a string: put it in quotes"
  end
  if problem then return nil, problem end
  return checks.variable(value.name)
end

local function without_repeated(field)
  return function(list)
    local problem = checks.repeated(list, field)
    return problem == nil or nil, problem
  end
end

local function open_map(description, check)
  return { type = "map", values = { type = "any" }, check = check, description = description }
end

local function labels(description)
  return {
    type = "map", keys = { type = "string", check = checks.label_key },
    values = { type = "string", check = checks.label_value }, description = description,
  }
end

--- The Kubernetes API takes "1" for one processor, and people write 1.
local function amounts(description)
  return {
    type = "map", keys = { type = "string", check = checks.label_key },
    values = { type = "any", check = quantity.check }, description = description,
  }
end

--- Is each request within its limit?
local function is_resources(value)
  for name, amount in pairs(value.requests or {}) do
    local limit = (value.limits or {})[name]
    if limit ~= nil and quantity.parse(amount) > quantity.parse(limit) then
      return nil, ("requests.%s is more than limits.%s"):format(name, name)
    end
  end
  return true
end

local function tolerations(what)
  return {
    type = "list", description = "taints of nodes that " .. what .. " tolerate",
    items = { type = "map", fields = {
      key = text("the taint's key; absent: any", checks.label_key),
      operator = text("how the value is compared", nil, { "Exists", "Equal", "Lt", "Gt" }),
      value = text("the taint's value"),
      effect = text("the taint's effect; absent: any", nil, { "NoSchedule", "PreferNoSchedule", "NoExecute" }),
      tolerationSeconds = { type = "integer", description = "how long NoExecute is tolerated; absent: for ever" },
    } },
  }
end

local function spread(what)
  return {
    type = "list", description = ("how %s spread over nodes and zones; without labelSelector, those of one deployment")
      :format(what),
    items = { type = "map", fields = {
      maxSkew = { type = "integer", min = 1, default = 1, description = "how unequal the numbers may be" },
      topologyKey = needed(text("label of nodes, such as topology.kubernetes.io/zone", checks.label_key)),
      whenUnsatisfiable = {
        type = "string", enum = { "DoNotSchedule", "ScheduleAnyway" }, default = "ScheduleAnyway",
        description = "what becomes of a pod for which it is not possible",
      },
      labelSelector = open_map("the pods that are counted"),
      minDomains = { type = "integer", min = 1, description = "how many domains there have to be" },
      matchLabelKeys = { type = "list", items = { type = "string" }, description = "further labels that are compared" },
      nodeAffinityPolicy = text("whether nodes count that the affinity excludes", nil, { "Honor", "Ignore" }),
      nodeTaintsPolicy = text("whether nodes count that taints exclude", nil, { "Honor", "Ignore" }),
    } },
  }
end

local function mounts(what)
  return {
    type = "list", check = without_repeated "mountPath", description = "where the volumes are in " .. what,
    items = { type = "map", fields = {
      name = needed(text("the volume's name", checks.plain_name)),
      mountPath = needed { type = "string", pattern = "^[^:]+$", description = "path in the container" },
      readOnly = { type = "boolean", description = "nothing may be written" },
      subPath = text("path inside the volume"),
      subPathExpr = text("the same, with variables such as $(POD_NAME)"),
      mountPropagation = text("how mounts are shared", nil, { "None", "HostToContainer", "Bidirectional" }),
      recursiveReadOnly = text("for submounts", nil, { "Disabled", "IfPossible", "Enabled" }),
    } },
  }
end

--- The keys that describe pods.
---@param what string whose pods, for the descriptions: "prediction servers"
---@return table<string, bosun.config.Spec>
function pod_fields.of(what)
  local its = " of " .. what
  return {
    resources = {
      type = "map", check = is_resources, description = "processors, memory and others" .. its,
      fields = {
        requests = amounts "what is reserved (cpu, memory, nvidia.com/gpu, …)",
        limits = amounts "what may be used",
      },
    },
    nodeSelector = labels("labels of the nodes" .. its),
    tolerations = tolerations("pods" .. its),
    affinity = open_map("affinity" .. its, with_keys(AFFINITIES)),
    topologySpreadConstraints = spread("pods" .. its),
    podSecurityContext = open_map("security context of the pods" .. its .. ", added to the defaults",
      with_keys(POD_SECURITY, { "allowPrivilegeEscalation", "capabilities", "privileged", "readOnlyRootFilesystem" },
        "securityContext")),
    securityContext = open_map("security context of the containers" .. its .. ", added to the defaults",
      with_keys(SECURITY, { "fsGroup", "fsGroupChangePolicy", "supplementalGroups", "sysctls" }, "podSecurityContext")),
    imagePullSecrets = {
      type = "list", items = { type = "string", check = checks.object_name },
      description = "names of Secrets with credentials for pulling images" .. its .. "; default: kanikoSecretName",
    },
    priorityClassName = text("priority class" .. its, checks.object_name),
    runtimeClassName = text("runtime class" .. its, checks.object_name),
    env = {
      type = "list", check = without_repeated "name", items = open_map("an EnvVar", is_variable),
      description = "environment variables" .. its .. " as Kubernetes has them, with valueFrom for Secrets",
    },
    volumes = {
      type = "list", check = without_repeated "name", items = open_map("a Volume", is_volume),
      description = "further volumes" .. its,
    },
    volumeMounts = mounts("the containers" .. its),
    labels = labels("further labels" .. its),
    annotations = {
      type = "map", keys = { type = "string", check = checks.label_key }, values = { type = "string" },
      description = "further annotations" .. its,
    },
  }
end

return pod_fields
