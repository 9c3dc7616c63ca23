--- What this plugin has in its namespace: its deployments, from one paged list a kind, whatever their number. Labels
--- and annotations of the objects are the only state.

local json = require "bosun.json"
local kubernetes = require "bosun.kubernetes"

local labels = require "kubernetes.labels"
local names = require "kubernetes.names"
local objects = require "kubernetes.objects"

local fleet = {}

--- What a Deployment's annotation keeps of the objects that its rollout replaces, until that has ended.
fleet.BEFORE = "bosun/before"

local HTTP_ROUTE = "gateway.networking.k8s.io/v1/HTTPRoute"
local MIDDLEWARE = "traefik.io/v1alpha1/Middleware"
local MIDDLEWARES = "traefik.ingress.kubernetes.io/router.middlewares" -- annotation of ingresses

---@class kubernetes.Pod
---@field id string of the deployment
---@field name string
---@field ip? string
---@field model? string
---@field image? string
---@field is_ready boolean
---@field is_ending boolean
---@field problem? bosun.kubernetes.PodProblem
---@field born string when it was made, in the API's format

---@class kubernetes.Deployed a deployment of this plugin
---@field id string
---@field name string of the Deployment
---@field uid string
---@field model string that its Deployment is to serve
---@field package? string SHA-256 of the model package
---@field image? string with digest
---@field images string[] the generated ones that it has run, the latest last
---@field digest? string of what it was made from
---@field info table the rest of deploymentInfo
---@field wanted integer replicas
---@field available integer
---@field updated integer
---@field total integer
---@field is_observed boolean the status speaks of the present spec
---@field is_ending boolean it is being deleted
---@field is_paused boolean
---@field progressing table the condition
---@field refused table the condition ReplicaFailure
---@field before? table[] the objects that an unfinished rollout replaces
---@field stamp? string of its pods
---@field pods kubernetes.Pod[]
---@field missing? string[] kinds of the objects that lead predictions to it and are not there, when those were read
---@field objects? table[] all its objects, when those were read

local function table_of(map, key)
  return type(map[key]) == "table" and map[key] or {}
end

local function condition_of(object, name)
  for _, condition in ipairs(table_of(table_of(object, "status"), "conditions")) do
    if condition.type == name then return condition end
  end
  return {}
end

local function before_of(object)
  local text = table_of(object.metadata, "annotations")[fleet.BEFORE]
  local list = text and json.decode(text)
  return type(list) == "table" and list or nil
end

--- The image of a pod's first container, which is the server.
local function image_of(spec)
  return table_of(table_of(spec or {}, "containers"), 1).image
end

--- A Deployment in short.
---@param object table
---@return kubernetes.Deployed
function fleet.deployed(object)
  local spec, state, said = table_of(object, "spec"), table_of(object, "status"), labels.read(object)
  return {
    id = said.id, name = object.metadata.name, uid = object.metadata.uid, model = said.model, package = said.package,
    image = image_of(table_of(table_of(spec, "template"), "spec")), digest = said.digest, info = said.info or {},
    wanted = spec.replicas or 1, available = state.availableReplicas or 0, updated = state.updatedReplicas or 0,
    total = state.replicas or 0, is_observed = (state.observedGeneration or 0) >= (object.metadata.generation or 0),
    is_ending = object.metadata.deletionTimestamp ~= nil, is_paused = spec.paused == true,
    progressing = condition_of(object, "Progressing"), refused = condition_of(object, "ReplicaFailure"),
    before = before_of(object), stamp = said.stamp, images = said.images, pods = {},
  }
end

local function is_ready(pod)
  for _, condition in ipairs(table_of(table_of(pod, "status"), "conditions")) do
    if condition.type == "Ready" then return condition.status == "True" end
  end
  return false
end

---@return kubernetes.Pod
local function pod_of(object)
  local said, state = labels.read(object), table_of(object, "status")
  local is_ending = object.metadata.deletionTimestamp ~= nil
  return {
    id = said.id, name = object.metadata.name, ip = state.podIP, model = said.model,
    image = image_of(object.spec), is_ending = is_ending, is_ready = not is_ending and is_ready(object),
    problem = kubernetes.pod_problem(object), born = object.metadata.creationTimestamp,
  }
end

--- Lists what is this plugin's own of a kind.
local function list(context, kind, id, reduce, options)
  return context.cluster:list(kind, {
    namespace = context.namespace, labels = labels.selector(context, id), metadata_only = options and options.brief,
    keep = function(object) return labels.is_ours(context, object) and reduce(object) or nil end,
  })
end

local function newest_first(a, b)
  if a.born ~= b.born then return a.born > b.born end
  return a.name > b.name
end

--- Adds the pods of servers to their deployments.
local function add_pods(context, found, id)
  local pods, err = list(context, "Pod", id, function(object)
    return labels.read(object).role == labels.Role.SERVER and pod_of(object)
  end)
  if not pods then return nil, err end
  for _, pod in ipairs(pods) do
    local deployed = found[pod.id]
    if deployed then table.insert(deployed.pods, pod) end
  end
  for _, deployed in pairs(found) do table.sort(deployed.pods, newest_first) end
  return true
end

--- The kinds of objects that lead predictions to a deployment. Each has the name of the Deployment.
local function route_kinds(context)
  return { "Service", context.config.gateway and HTTP_ROUTE or "Ingress" }
end

local function kind_of(name)
  return name:match "[^/]+$"
end

--- Does an ingress need this object of traefik?
local function needs_middleware(context, ingress, name)
  local used = "," .. tostring(table_of(ingress.metadata, "annotations")[MIDDLEWARES]) .. ","
  return used:find((",%s-%s@kubernetescrd,"):format(context.namespace, name), 1, true) ~= nil
end

--- Is one that it needs not there?
local function lacks_middleware(context, ingress, there)
  for _, name in ipairs { ingress.metadata.name, names.beside(ingress.metadata.name, "again") } do
    if not there[name] and needs_middleware(context, ingress, name) then return true end
  end
  return false
end

--- Notes which deployments lack one of these objects. there: kind → name → the object
local function note_missing(context, found, there)
  local ingresses, rewriting = there.Ingress or {}, there[kind_of(MIDDLEWARE)]
  for _, deployed in pairs(found) do
    local missing, ingress = {}, ingresses[deployed.name]
    for _, kind in ipairs(route_kinds(context)) do
      if not there[kind_of(kind)][deployed.name] then missing[#missing + 1] = kind_of(kind) end
    end
    if rewriting and ingress and lacks_middleware(context, ingress, rewriting) then
      missing[#missing + 1] = kind_of(MIDDLEWARE)
    end
    deployed.missing = missing
  end
end

--- Reads what publishes deployments, from one list a kind.
local function add_routes(context, found)
  local there, needs = {}, false
  local function read(kind)
    local has = {}
    there[kind_of(kind)] = has
    return list(context, kind, nil, function(object)
      has[object.metadata.name] = object
      needs = needs or kind == "Ingress" and lacks_middleware(context, object, {})
    end, { brief = true })
  end
  for _, kind in ipairs(route_kinds(context)) do
    local ok, err = read(kind)
    if not ok then return nil, err end
  end
  if needs and not read(MIDDLEWARE) then there[kind_of(MIDDLEWARE)] = nil end -- an older traefik has another kind
  note_missing(context, found, there)
  return true
end

--- The same from all objects of one deployment.
local function add_routes_of(context, deployed, all)
  local there = { Service = {}, Ingress = {}, HTTPRoute = {} }
  for _, object in ipairs(all) do
    there[object.kind] = there[object.kind] or {}
    there[object.kind][object.metadata.name] = object
  end
  local ingress = there.Ingress[deployed.name]
  if ingress and not there.Middleware and lacks_middleware(context, ingress, {}) then
    there.Middleware = context.cluster:knows(MIDDLEWARE) and {} or nil
  end
  note_missing(context, { deployed }, there)
end

--- Is every deployment as its Deployment says, so that there is nothing to learn from its pods?
local function is_quiet(found)
  for _, deployed in pairs(found) do
    if not fleet.is_complete(deployed) or deployed.before then return false end
  end
  return true
end

--- Has the rollout come to its end?
---@param deployed kubernetes.Deployed
---@return boolean
function fleet.is_complete(deployed)
  return deployed.is_observed and deployed.updated >= deployed.wanted and deployed.total <= deployed.updated
    and deployed.available >= deployed.wanted
end

--- All deployments of this plugin by id.
---@param context table
---@param options? { pods?: boolean, routes?: boolean } pods: in any case; routes: see what publishes them
---@return table<string, kubernetes.Deployed>|nil
---@return bosun.Error|nil err
function fleet.read(context, options)
  local found = {}
  local read, err = list(context, "Deployment", nil, function(object)
    local deployed = labels.read(object).role == labels.Role.SERVER and fleet.deployed(object)
    if deployed and deployed.id then found[deployed.id] = deployed end -- somebody may have removed the annotation
  end)
  if not read then return nil, err end
  if options and options.pods or not is_quiet(found) then
    read, err = add_pods(context, found)
    if not read then return nil, err end
  end
  if options and options.routes and next(found) then
    read, err = add_routes(context, found)
    if not read then return nil, err end
  end
  return found
end

--- Is a kind that cannot be listed one that not every cluster has, or has for this plugin?
---@param known { kind: string, optional?: boolean } of objects.KINDS
---@param err bosun.kubernetes.Error
---@return boolean
function fleet.is_dispensable(known, err)
  return known.optional and (err.code == "NotFound" or err.code == "Forbidden") or false
end

--- The objects of a deployment, of all kinds; those that the server does not know have none.
---@param context table
---@param id string
---@return table[]|nil
---@return bosun.Error|nil err
function fleet.objects(context, id)
  local all = {}
  for _, known in ipairs(objects.KINDS) do
    local some, err = list(context, known.kind, id, function(object)
      return labels.read(object).id == id and object
    end)
    if not some and not fleet.is_dispensable(known, err) then return nil, err end
    table.move(some or {}, 1, #(some or {}), #all + 1, all)
  end
  return all
end

--- One deployment, with its pods and all its objects; nil: it has no Deployment.
---@param context table
---@param id string
---@return kubernetes.Deployed|nil deployed
---@return table[]|nil all its objects, of a deployment without Deployment too; nil: they could not be read
---@return bosun.Error|nil err
function fleet.one(context, id)
  local all, err = fleet.objects(context, id)
  if not all then return nil, nil, err end
  local found = {}
  for _, object in ipairs(all) do
    if object.kind == "Deployment" then found[id] = fleet.deployed(object) end
  end
  if not found[id] then return nil, all end
  local read, problem = add_pods(context, found, id)
  if not read then return nil, nil, problem end
  found[id].objects = all
  add_routes_of(context, found[id], all)
  return found[id], all
end

-- ---- what serves ----------------------------------------------------------------------------------------------------

--- The pods that take predictions.
---@param deployed kubernetes.Deployed
---@return kubernetes.Pod[]
function fleet.ready_pods(deployed)
  local ready = {}
  for _, pod in ipairs(deployed.pods) do
    if pod.is_ready then ready[#ready + 1] = pod end
  end
  return ready
end

--- The model that is served, and the digest of its package: an unfinished rollout's only when no other has a pod left.
---@param deployed kubernetes.Deployed
---@return string model
---@return string|nil package nil: not known
function fleet.served(deployed)
  if fleet.is_complete(deployed) then return deployed.model, deployed.package end
  for _, pod in ipairs(fleet.ready_pods(deployed)) do
    if pod.model and pod.model ~= deployed.model then return pod.model, nil end
    if pod.image ~= deployed.image then return deployed.model, nil end
  end
  return deployed.model, deployed.package
end

--- Does anything take predictions?
---@param deployed kubernetes.Deployed
---@return boolean
function fleet.serves(deployed)
  return #fleet.ready_pods(deployed) > 0 or deployed.available > 0
end

--- The worst that a pod shows; nil: nothing.
---@param deployed kubernetes.Deployed
---@return kubernetes.Pod|nil
function fleet.troubled_pod(deployed)
  local worst
  for _, pod in ipairs(deployed.pods) do
    local problem = pod.problem
    if problem and (not worst or worst.problem.may_pass and not problem.may_pass) then worst = pod end
  end
  return worst
end

return fleet
