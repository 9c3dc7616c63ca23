--- Internal: kinds of objects, and where the API has them: "Deployment", "apps/v1/Deployment", "v1/Pod". Those of
--- Kubernetes itself are listed here; the server says what it knows of others.

local errors = require "bosun.kubernetes.errors"
local http = require "bosun.http"

local kinds = {}

--- API version, then PLURAL=KIND, with "*" for kinds that belong to no namespace.
local BUILT_IN = {
  ["v1"] = "pods=Pod services=Service configmaps=ConfigMap secrets=Secret serviceaccounts=ServiceAccount events=Event "
    .. "persistentvolumeclaims=PersistentVolumeClaim endpoints=Endpoints resourcequotas=ResourceQuota "
    .. "limitranges=LimitRange *namespaces=Namespace *nodes=Node *persistentvolumes=PersistentVolume",
  ["apps/v1"] = "deployments=Deployment replicasets=ReplicaSet statefulsets=StatefulSet daemonsets=DaemonSet",
  ["batch/v1"] = "jobs=Job cronjobs=CronJob",
  ["networking.k8s.io/v1"] = "ingresses=Ingress networkpolicies=NetworkPolicy *ingressclasses=IngressClass",
  ["policy/v1"] = "poddisruptionbudgets=PodDisruptionBudget",
  ["autoscaling/v2"] = "horizontalpodautoscalers=HorizontalPodAutoscaler",
  ["rbac.authorization.k8s.io/v1"] = "roles=Role rolebindings=RoleBinding *clusterroles=ClusterRole "
    .. "*clusterrolebindings=ClusterRoleBinding",
  ["discovery.k8s.io/v1"] = "endpointslices=EndpointSlice",
  ["coordination.k8s.io/v1"] = "leases=Lease",
  ["storage.k8s.io/v1"] = "*storageclasses=StorageClass",
  ["apiextensions.k8s.io/v1"] = "*customresourcedefinitions=CustomResourceDefinition",
}

---@class (private) bosun.kubernetes.Kind
---@field name string "Deployment"
---@field version string "apps/v1"
---@field plural string "deployments"
---@field namespaced boolean
---@field label string for messages: "deployment"

local by_name, by_full_name = {}, {}

local function words_of(name)
  return (name:gsub("(%l)(%u)", "%1 %2"):lower())
end

local function add(version, plural, name, namespaced)
  return { name = name, version = version, plural = plural, namespaced = namespaced, label = words_of(name) }
end

for version, list in pairs(BUILT_IN) do
  for star, plural, name in list:gmatch "(%*?)(%l+)=(%a+)" do
    local kind = add(version, plural, name, star == "")
    by_name[name], by_full_name[version .. "/" .. name] = kind, kind
  end
end

--- The beginning of the paths of a version: "/api/v1", "/apis/apps/v1".
local function root_of(version)
  return (version:find("/", 1, true) and "/apis/" or "/api/") .. version
end

--- Asks the server for the kinds of a version.
local function discover(cluster, version)
  local known = cluster._discovered[version]
  if known then return known end
  local what = "ask which kinds the API version " .. version .. " has"
  local answer, err = cluster:_ask("GET", root_of(version), { what = what })
  if not answer then return nil, err end
  known = {}
  for _, item in ipairs(type(answer.resources) == "table" and answer.resources or {}) do
    if type(item) == "table" and type(item.name) == "string" and not item.name:find("/", 1, true) then
      known[tostring(item.kind)] = add(version, item.name, item.kind, item.namespaced == true)
    end
  end
  cluster._discovered[version] = known
  return known
end

--- The kind of a name; or nil, err: code "NotFound": the server does not know it.
---@param cluster bosun.kubernetes.Cluster
---@param name string
function kinds.find(cluster, name)
  if type(name) ~= "string" then error(("expected a kind such as \"Deployment\", got a %s"):format(type(name)), 0) end
  local kind = by_name[name] or by_full_name[name]
  if kind then return kind end
  local version, short = name:match "^([%w.-]+/v[%w]+)/(%a+)$"
  if not version then version, short = name:match "^(v[%w]+)/(%a+)$" end
  if not version then
    error(('kind "%s": expected one of Kubernetes itself, such as "Deployment", or "GROUP/VERSION/Kind"'):format(name),
      0)
  end
  local known, err = discover(cluster, version)
  if not known and err.code ~= "NotFound" then return nil, err end
  if known and known[short] then return known[short] end
  return nil, errors.new { code = "NotFound", status = 404,
    message = ("the API server at %s does not know the kind %s"):format(cluster.server, name) }
end

--- Can a name be part of a path? What else it has to be, the server says.
local function is_segment(name)
  return name ~= "" and #name <= 253 and not name:find "[/%%%c]" and not name:find "^%.+$"
end

--- The path of a kind, or of one object of it; or nil, err.
---@param kind bosun.kubernetes.Kind
---@param namespace string|false false: all namespaces
---@param name? string
---@param subresource? string
function kinds.path(kind, namespace, name, subresource)
  for what, text in pairs { ["namespace"] = namespace or nil, [kind.label .. "'s name"] = name } do
    if type(text) ~= "string" then error(("the %s: expected text, got a %s"):format(what, type(text)), 0) end
    if not is_segment(text) then return nil, errors.invalid("the " .. what, "%q is not a valid name", text) end
  end
  local path = root_of(kind.version)
  if kind.namespaced and namespace then path = path .. "/namespaces/" .. http.escape(namespace) end
  path = path .. "/" .. kind.plural
  if name then path = path .. "/" .. http.escape(name) end
  return subresource and path .. "/" .. subresource or path
end

return kinds
