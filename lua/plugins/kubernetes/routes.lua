--- Where predictions arrive, and who routes them: the class of the ingresses and its controller, or a Gateway. This is
--- the part that asks the cluster; kubernetes.objects.route makes the objects.

local errors = require "bosun.error"
local config = require "bosun.config"
local given = require "bosun.deployment_info"
local public_path = require "bosun.prediction_server.public_path"
local suggest = require "bosun.suggest"
local url = require "bosun.url"

local names = require "kubernetes.names"

local routes = {}

local DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
local MIDDLEWARES = { "traefik.io/v1alpha1", "traefik.containo.us/v1alpha1" } -- the latter up to traefik 2.11
local HTTP_ROUTES = { "gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1" }

---@class kubernetes.Routing who routes predictions
---@field gateway? table the Gateway of the private config; nil: ingresses
---@field version? string API version of HTTPRoute
---@field class? string of the ingresses
---@field controller? "ingress-nginx"|"traefik"|"other"
---@field middleware? string API version of traefik's Middleware

-- ---- the published URL ----------------------------------------------------------------------------------------------

--- Addresses are no hosts of an ingress: requests to them are taken whatever host they name.
local function is_address(host)
  return host:find "^%[" ~= nil or host:find "^[%d.]+$" ~= nil or host:find(":", 1, true) ~= nil
end

--- Host and path under which predictions are routed.
---@param context table
---@return string|nil host nil: any
---@return string base "/deployments", or ""
function routes.place(context)
  local settings = context.config
  local prefix = settings.outfacingPredictionURLPrefix
  local host = settings.ingressHost or url.parse(prefix).host:lower()
  local base = settings.ingressPath and settings.ingressPath:gsub("/+$", "") or public_path.of(prefix)
  if host == "*" or is_address(host) then return nil, base end
  return host, base
end

--- The URL of a deployment's predictions.
---@param context table
---@param id string
---@return string
function routes.prediction_url(context, id)
  return given.prediction_url(context.config.outfacingPredictionURLPrefix, names.segment(id))
end

-- ---- ingresses ------------------------------------------------------------------------------------------------------

local function annotation_of(class, key)
  local notes = class.metadata.annotations
  return type(notes) == "table" and notes[key] or nil
end

--- The default class; of several the newest, as Kubernetes chooses.
local function default_of(classes)
  local found
  for _, class in ipairs(classes) do
    local is_newer = not found or class.metadata.creationTimestamp > found.metadata.creationTimestamp
    if annotation_of(class, DEFAULT_CLASS) == "true" and is_newer then found = class end
  end
  return found
end

local function class_names(classes)
  local list = {}
  for i, class in ipairs(classes) do list[i] = class.metadata.name end
  table.sort(list)
  return list
end

local function no_class(context, list)
  local wanted = context.config.ingressClass
  local there = list[1] and "there are: " .. table.concat(list, ", ") or "the cluster has none"
  if wanted then
    return config.problem(context.config, "ingressClass", ("the cluster has no ingress class %q; %s%s"):format(wanted,
      there, suggest.hint(wanted, list)))
  end
  return config.problem(context.config, "ingressClass", ("the cluster has no default ingress class; %s"):format(there))
end

local function controller_of(text)
  if text:find("ingress-nginx", 1, true) then return "ingress-nginx" end
  if text:find("traefik", 1, true) then return "traefik" end
end

local function unknown_controller(context, class, controller)
  return config.problem(context.config, "ingressClass", ("the class %q belongs to the controller %q, for which the "
    .. "plugin knows no annotations that rewrite paths: set ingressController to \"other\" and ingressAnnotations to "
    .. "those that lead to /predictions, or set gateway"):format(class, controller))
end

--- The default class, as the API server fills it into an ingress without one; nil: it does not tell.
local function default_of_server(context)
  local checked = context.cluster:apply({
    apiVersion = "networking.k8s.io/v1", kind = "Ingress",
    metadata = { name = context.config.objectNamePrefix .. "default-class", namespace = context.namespace },
    spec = { defaultBackend = { service = { name = "none", port = { number = 80 } } } },
  }, { check = true })
  return checked and checked.spec.ingressClassName
end

--- A Role cannot allow to read the classes. The name of one mostly says whose it is.
local function unread(context, err)
  local settings = context.config
  if err.status ~= 403 then return nil, err end
  local class = settings.ingressClass or default_of_server(context)
  if not class then
    return nil, config.problem(settings, "ingressClass", "expected a class: the cluster has no default class, or it "
      .. "cannot be read (list ingressclasses.networking.k8s.io is forbidden)")
  end
  local controller = settings.ingressController or controller_of(class)
    or class:find("nginx", 1, true) and "ingress-nginx"
  if controller then return { class = class, controller = controller } end
  return nil, config.problem(settings, "ingressController", ("expected a controller: that of the class %q cannot be "
    .. "read (list ingressclasses.networking.k8s.io is forbidden)"):format(class))
end

local function class_of(context)
  local settings = context.config
  if settings.ingressClass and settings.ingressController then
    return { class = settings.ingressClass, controller = settings.ingressController }
  end
  local classes, err = context.cluster:list("IngressClass")
  if not classes then return unread(context, err) end
  local found = not settings.ingressClass and default_of(classes)
  for _, class in ipairs(classes) do
    if class.metadata.name == settings.ingressClass then found = class end
  end
  if not found then return nil, no_class(context, class_names(classes)) end
  local name, told = found.metadata.name, tostring(found.spec.controller)
  local controller = settings.ingressController or controller_of(told)
  if not controller then return nil, unknown_controller(context, name, told) end
  return { class = name, controller = controller }
end

--- The first of these versions in which the cluster has the kind; false: it does not have it; or nil, err.
local function version_of(context, kind, versions)
  for _, version in ipairs(versions) do
    local known, err = context.cluster:knows(version .. "/" .. kind)
    if known then return version end
    if known == nil then return nil, err end
  end
  return false
end

local function through_ingress(context)
  local routing, err = class_of(context)
  if not routing or routing.controller ~= "traefik" then return routing, err end
  local version, problem = version_of(context, "Middleware", MIDDLEWARES)
  if version then
    routing.middleware = version
    return routing
  end
  return nil, problem or config.problem(context.config, "ingressClass", ("the cluster does not have traefik's kind "
    .. "Middleware, which the class %q needs to rewrite paths: install traefik's custom resource definitions, as its "
    .. "Helm chart does"):format(routing.class))
end

-- ---- a Gateway ------------------------------------------------------------------------------------------------------

local function through_gateway(context)
  local wanted = context.config.gateway
  local version, err = version_of(context, "HTTPRoute", HTTP_ROUTES)
  if version == nil then return nil, err end
  if not version then
    return nil, config.problem(context.config, "gateway", "the cluster does not have the Gateway API (kind HTTPRoute)")
  end
  local namespace = wanted.namespace or context.namespace
  local there, problem = context.cluster:get(version .. "/Gateway", wanted.name, { namespace = namespace })
  if not there and problem.status ~= 403 then
    if problem.code ~= "NotFound" then return nil, problem end
    return nil, config.problem(context.config, "gateway", ("no Gateway is named %q in namespace %s"):format(wanted.name,
      namespace))
  end
  return { gateway = wanted, version = version }
end

--- Who routes predictions. The answer is kept in the context.
---@param context table
---@return kubernetes.Routing|nil routing
---@return bosun.Error|nil err
function routes.resolve(context)
  if context.routing then return context.routing end
  local routing, err
  if context.config.gateway then
    routing, err = through_gateway(context)
  else
    routing, err = through_ingress(context)
  end
  if not routing then return nil, errors.wrap(err, "cannot route predictions") end
  context.routing = routing
  return routing
end

--- Who routes predictions, for messages.
---@param routing kubernetes.Routing
---@return string
function routes.words(routing)
  if routing.gateway then return ("Gateway %s"):format(routing.gateway.name) end
  return ("ingress class %s (%s)"):format(routing.class, routing.controller)
end

return routes
