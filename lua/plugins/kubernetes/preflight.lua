--- What prevents deployments, found before there is any: rights, the namespace, names in the private config that lead
--- nowhere. What only some deployments would meet is a warning.

local errors = require "bosun.error"
local prediction_server = require "bosun.prediction_server"

local image = require "kubernetes.image"
local objects = require "kubernetes.objects"
local rights = require "kubernetes.rights"
local routes = require "kubernetes.routes"

local preflight = {}

local DOCKER_CONFIG = "kubernetes.io/dockerconfigjson"
local SAMPLE_DIGEST = ("0"):rep(64)

local function config_error(text, ...)
  return errors.new { code = "config", op = "read the private config", message = text:format(...) }
end

-- ---- problems -------------------------------------------------------------------------------------------------------

local function monitoring_problem(context)
  if not context.monitored then return nil end
  if not context.config.agentImage then
    return config_error("monitoring is enabled (MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING), but the private config has no "
      .. "agentImage")
  end
  local service, problem = prediction_server.service(context.plugin_config)
  return not service and problem or nil
end

--- Can anything be made in the namespace? Reading it would take a right of its own.
local function namespace_problem(context)
  local name = context.config.objectNamePrefix .. "check"
  local ok, err = context.cluster:apply({ apiVersion = "v1", kind = "ConfigMap", metadata = { name = name } },
    { check = true, namespace = context.namespace })
  if ok then return nil end
  if err.code ~= "NotFound" then return err end
  return errors.new { code = "NotFound", op = "kubernetes",
    message = ("the namespace %s does not exist; create it: kubectl create namespace %s"):format(context.namespace,
      context.namespace) }
end

--- The problem of a Secret or ConfigMap that the private config names; nil: it is there.
local function named_problem(context, key, kind, name, is_fit)
  if not name then return nil end
  local found, err = context.cluster:get(kind, name, { namespace = context.namespace })
  if not found and err.code == "NotFound" then
    return config_error("%s: there is no %s %s in namespace %s", key, kind, name, context.namespace)
  end
  if not found then return err end
  local problem = is_fit and is_fit(found)
  return problem and config_error("%s: the %s %s %s", key, kind, name, problem) or nil
end

local function is_docker_config(secret)
  if secret.type == DOCKER_CONFIG then return nil end
  return ("has the type %s; expected %s"):format(tostring(secret.type), DOCKER_CONFIG)
end

local function has_config_json(map)
  if type(map.data) == "table" and map.data["config.json"] then return nil end
  return "has no config.json"
end

local function pull_secret_problem(context)
  local config = context.config
  for key, names in pairs {
    imagePullSecrets = config.imagePullSecrets, ["builder.imagePullSecrets"] = (config.builder or {}).imagePullSecrets,
  } do
    for _, name in ipairs(names) do
      local problem = named_problem(context, key, "Secret", name)
      if problem then return problem end
    end
  end
end

--- What prevents every deployment.
---@param context table
---@return bosun.Error|nil
function preflight.problem(context)
  local config = context.config
  local routing, unrouted = routes.resolve(context) -- which says, too, which rights are needed
  return monitoring_problem(context) or preflight.standing_problem(context)
    or named_problem(context, "kanikoSecretName", "Secret", config.kanikoSecretName, is_docker_config)
    or named_problem(context, "kanikoConfigmapName", "ConfigMap", config.kanikoConfigmapName, has_config_json)
    or pull_secret_problem(context) or not routing and unrouted or image.problem(context)
end

--- The same for pe_status, which is asked all the time: whether the plugin may do its work in the namespace.
---@param context table
---@return bosun.Error|nil
function preflight.standing_problem(context)
  return rights.problem(context) or namespace_problem(context)
end

-- ---- warnings -------------------------------------------------------------------------------------------------------

--- Would the cluster take the objects of a deployment? Asks with those of a made-up one.
local function sample_warning(context)
  local sample = { id = "bosun-sample", model = "bosun-sample", info = { id = "bosun-sample" } }
  local reference = ("%s@sha256:%s"):format(context.config.generatedImageRepo, SAMPLE_DIGEST)
  local desired, problem = objects.desired(context, sample, { reference = reference, tag = reference })
  if not desired then return tostring(problem) end
  for _, object in ipairs(desired) do
    local ok, err = context.cluster:apply(object, { check = true, namespace = context.namespace })
    if not ok then
      return ("the cluster would not take a deployment's %s: %s"):format(object.kind, err.server_message or err.message)
    end
  end
end

local function autoscaler_warning(context)
  if not context.config.autoscaler then return nil end
  local metrics, err = context.cluster:call("GET", "/apis/metrics.k8s.io/v1beta1",
    { what = "ask for the metrics of pods" })
  if metrics or err.code ~= "NotFound" then return nil end
  return "the autoscaler does nothing, as the cluster has no metrics of pods (metrics-server is not installed)"
end

--- What some deployments will meet.
---@param context table
---@return string[]
function preflight.warnings(context)
  local list = {}
  for _, warning_of in ipairs { sample_warning, image.warning, autoscaler_warning } do
    list[#list + 1] = warning_of(context)
  end
  return list
end

return preflight
