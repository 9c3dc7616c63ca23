--- What pods have in common: those of prediction servers, of the image builder, and of monitoring.

local json = require "bosun.json"
local tables = require "bosun.tables"

local pods = {}

--- What the level "restricted" of Pod Security asks for. Without a number, an image whose user is root or has a name
--- would not be started.
local POD_SECURITY = { runAsNonRoot = true, runAsUser = 1000, seccompProfile = { type = "RuntimeDefault" } }
local SECURITY = { allowPrivilegeEscalation = false, capabilities = { drop = { "ALL" } } }

--- A list for the API; nil: none.
local function list_of(list)
  return list and list[1] and json.array(list) or nil
end

--- A mapping for the API; nil: none.
local function map_of(map)
  return map and next(map) ~= nil and map or nil
end

--- The defaults with what the config adds or has in their place; a null takes a default away.
---@param defaults table
---@param own table
---@return table
function pods.overridden(defaults, own)
  local result = tables.copy(defaults, own)
  for key, value in pairs(result) do
    if value == json.null then result[key] = nil end
  end
  return result
end

--- The security context of a pod. One that may run as root has the image's user.
---@param settings table of kubernetes.pod_fields
---@return table
function pods.pod_security(settings)
  local own = settings.podSecurityContext or {}
  local result = pods.overridden(POD_SECURITY, own)
  if own.runAsNonRoot ~= nil and own.runAsNonRoot ~= true and own.runAsUser == nil then result.runAsUser = nil end
  return result
end

--- The security context of a container. One that may do anything has the right to gain privileges, too.
---@param settings table of kubernetes.pod_fields
---@return table
function pods.security(settings)
  local own = settings.securityContext or {}
  local result = pods.overridden(SECURITY, own)
  if own.privileged == true and own.allowPrivilegeEscalation == nil then result.allowPrivilegeEscalation = true end
  return result
end

--- The credentials with which images are pushed are good for pulling them, too.
local function pull_secrets(context, settings)
  local result = {}
  for i, name in ipairs(settings.imagePullSecrets or { context.config.kanikoSecretName }) do
    result[i] = { name = name }
  end
  return list_of(result)
end

--- Constraints without a selector are about the pods themselves.
local function spread_of(constraints, selector)
  local result = {}
  for i, constraint in ipairs(constraints or {}) do
    result[i] = tables.copy({ labelSelector = selector and { matchLabels = selector } }, constraint)
  end
  return list_of(result)
end

--- The fields of a pod's spec that come from the config.
---@param context table
---@param settings table of kubernetes.pod_fields
---@param selector? table<string, string> labels of the pods, for topologySpreadConstraints without a selector
---@return table
function pods.spec(context, settings, selector)
  return {
    nodeSelector = map_of(settings.nodeSelector), tolerations = list_of(settings.tolerations),
    affinity = map_of(settings.affinity),
    topologySpreadConstraints = spread_of(settings.topologySpreadConstraints, selector),
    securityContext = pods.pod_security(settings), imagePullSecrets = pull_secrets(context, settings),
    priorityClassName = settings.priorityClassName, runtimeClassName = settings.runtimeClassName,
    volumes = list_of(settings.volumes), automountServiceAccountToken = false, enableServiceLinks = false,
  }
end

--- Adds to the labels or annotations of the plugin those of the config, which cannot take the place of the plugin's.
---@param own table<string, string>
---@param more? table<string, string>
---@return table<string, string>
function pods.with(own, more)
  return tables.copy(more or {}, own)
end

--- The resources of a container, with amounts as text; nil: none.
---@param resources? table<string, table<string, any>> requests and limits
---@return table|nil
function pods.resources(resources)
  local result = {}
  for part, amounts in pairs(resources or {}) do
    for name, amount in pairs(amounts) do
      result[part] = result[part] or {}
      result[part][name] = tostring(amount)
    end
  end
  return map_of(result)
end

--- The value of an environment variable as it is: Kubernetes replaces $(NAME), and takes $$ for $.
---@param value string
---@return string
function pods.literal(value)
  return (value:gsub("%$", "$$"))
end

pods.list_of = list_of

return pods
