--- The rights that the plugin needs in its namespace: one table, from which plugin_start says what is missing, and
--- which the Role of the Helm chart has, too (tests compare them).

local errors = require "bosun.error"

local rights = {}

local MANAGE = { "get", "list", "watch", "create", "patch", "delete" }
local LOOK = { "get", "list", "watch" }
--- A WebSocket begins with a GET; newer servers ask for `create` besides.
local STREAM = { "get", "create" }

---@class kubernetes.Need
---@field resources string[] "deployments.apps", "pods/log"
---@field verbs string[]
---@field why string what the plugin does with it, for people
---@field is_needed? fun(config: table, routing?: kubernetes.Routing): boolean nil: always

local function builds_in_cluster(config)
  return (config.imageBuilder or "kaniko") == "kaniko"
end

--- From outside the cluster, pods are asked for their model through the API server.
local function asks_from_outside(config)
  return config.proof == "server" and not rights.is_in_cluster(config)
end

--- An ingress of traefik needs an object of another kind to rewrite a path.
local function routes_with_traefik(config, routing)
  if config.gateway then return false end
  return config.ingressController == "traefik" or routing ~= nil and routing.middleware ~= nil
end

---@type kubernetes.Need[]
local NEEDS = {
  { resources = { "deployments.apps" }, verbs = MANAGE, why = "run prediction servers" },
  { resources = { "services" }, verbs = MANAGE, why = "give them addresses" },
  { resources = { "ingresses.networking.k8s.io" }, verbs = MANAGE, why = "publish predictions" },
  { resources = { "secrets" }, verbs = MANAGE, why = "hand over tokens" },
  { resources = { "configmaps" }, verbs = MANAGE, why = "hand over configs" },
  { resources = { "horizontalpodautoscalers.autoscaling" }, verbs = MANAGE, why = "scale with the load" },
  { resources = { "poddisruptionbudgets.policy" }, verbs = MANAGE, why = "keep pods while nodes are drained" },
  { resources = { "pods" }, verbs = LOOK, why = "see whether servers are healthy" },
  { resources = { "pods/log" }, verbs = { "get" }, why = "quote a server's last lines" },
  { resources = { "events" }, verbs = { "list" }, why = "quote why a pod does not become ready" },
  { resources = { "httproutes.gateway.networking.k8s.io" }, verbs = MANAGE,
    why = "publish predictions through a Gateway",
    is_needed = function(config) return config.gateway ~= nil end },
  { resources = { "middlewares.traefik.io" }, verbs = MANAGE, why = "rewrite paths in traefik",
    is_needed = routes_with_traefik },
  { resources = { "jobs.batch" }, verbs = MANAGE, why = "build images", is_needed = builds_in_cluster },
  { resources = { "pods/attach", "pods/exec" }, verbs = STREAM, why = "hand the model to the image builder",
    is_needed = builds_in_cluster },
  { resources = { "pods/portforward" }, verbs = STREAM, why = "ask servers for their model (proof: server)",
    is_needed = asks_from_outside },
}

--- Does the plugin use a pod's own service account?
---@param config table
---@return boolean
function rights.is_in_cluster(config)
  return config.kubeConfigContext == "IN_CLUSTER"
end

--- What a config needs, as a Role has it.
---@param config table the private config
---@param routing? kubernetes.Routing when it is known
---@return kubernetes.Need[]
function rights.needs(config, routing)
  local result = {}
  for _, need in ipairs(NEEDS) do
    if not need.is_needed or need.is_needed(config, routing) then result[#result + 1] = need end
  end
  return result
end

--- What a config needs, one by one.
---@param config table the private config
---@param routing? kubernetes.Routing when it is known
---@return bosun.kubernetes.Right[]
function rights.needed(config, routing)
  local result = {}
  for _, need in ipairs(rights.needs(config, routing)) do
    for _, resource in ipairs(need.resources) do
      for _, verb in ipairs(need.verbs) do
        result[#result + 1] = { verb = verb, resource = resource, why = need.why }
      end
    end
  end
  return result
end

--- "create, delete deployments.apps (run prediction servers)" for each resource, in the table's order.
local function list_missing(missing)
  local verbs, order = {}, {}
  for _, right in ipairs(missing) do
    if not verbs[right.resource] then
      verbs[right.resource] = {}
      order[#order + 1] = right
    end
    table.insert(verbs[right.resource], right.verb)
  end
  local texts = {}
  for i, right in ipairs(order) do
    texts[i] = ("%s %s (%s)"):format(table.concat(verbs[right.resource], ", "), right.resource, right.why)
  end
  return table.concat(texts, "; ")
end

--- Which rights are missing: an error that names each verb and resource; nil: none.
---@param context table
---@return bosun.Error|nil problem
function rights.problem(context)
  local cluster = context.cluster
  local needed = rights.needed(context.config, context.routing)
  local missing, err = cluster:missing_rights(needed, { namespace = context.namespace })
  if not missing then return err end
  if #missing == 0 then return nil end
  return errors.new { code = "Forbidden", op = "kubernetes", message = ("%s lacks rights in namespace %s: %s; grant "
    .. "them with a Role such as that of the Helm chart charts/bosun"):format(cluster.user, context.namespace,
    list_missing(missing)) }
end

return rights
