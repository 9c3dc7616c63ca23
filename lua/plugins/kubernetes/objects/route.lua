--- The objects that lead requests to a prediction server: ingresses with the annotations of their controller, or an
--- HTTPRoute. The published path ends in /predict, that of the server is /predictions: each of them rewrites it.
---
--- Sources: the documentation of ingress-nginx 1.x, of traefik 2.11 and 3, and of the Gateway API 1.x.

local json = require "bosun.json"
local tables = require "bosun.tables"

local names = require "kubernetes.names"
local routes = require "kubernetes.routes"

local route = {}

--- Requests of up to 50 MB, which may take ten minutes.
local BODY_LIMIT = "51m"
local TIMEOUT = 605 -- seconds
--- traefik waits up to twice the interval between two attempts.
local ATTEMPTS, ATTEMPT_INTERVAL = 12, "100ms"

local NGINX = "nginx.ingress.kubernetes.io/"
local TRAEFIK = "traefik.ingress.kubernetes.io/"

---@class kubernetes.Path a published path, and where it leads to
---@field path string
---@field target string the path at the server

---@class kubernetes.Route
---@field metadata fun(path: integer): table of the object for the path with this number
---@field paths kubernetes.Path[]
---@field service string name of the Service
---@field port integer

-- ---- ingresses ------------------------------------------------------------------------------------------------------

local function nginx_annotations(path)
  return {
    [NGINX .. "rewrite-target"] = path.target, [NGINX .. "proxy-body-size"] = BODY_LIMIT,
    [NGINX .. "proxy-read-timeout"] = tostring(TIMEOUT), [NGINX .. "proxy-send-timeout"] = tostring(TIMEOUT),
  }
end

--- The name of the Middleware that sends a request to another server.
local function again_name(metadata)
  return names.beside(metadata.name, "again")
end

local function traefik_annotations(_, metadata)
  local list = {}
  for i, name in ipairs { again_name(metadata), metadata.name } do
    list[i] = ("%s-%s@kubernetescrd"):format(metadata.namespace, name)
  end
  return { [TRAEFIK .. "router.middlewares"] = table.concat(list, ",") }
end

local ANNOTATIONS = {
  ["ingress-nginx"] = nginx_annotations, traefik = traefik_annotations, other = function() return {} end,
}

local function middleware(routing, metadata, spec)
  return { apiVersion = routing.middleware, kind = "Middleware", metadata = metadata, spec = spec }
end

--- traefik rewrites with an object of its own. Another one sends a request again that has got no answer, for as long as
--- it takes until a server that a node has lost gets no more requests; a prediction may be asked for twice.
local function add_middlewares(list, routing, path, metadata)
  local again = tables.copy(metadata, { name = again_name(metadata) })
  list[#list + 1] = middleware(routing, again, { retry = { attempts = ATTEMPTS, initialInterval = ATTEMPT_INTERVAL } })
  list[#list + 1] = middleware(routing, tables.copy(metadata), { replacePath = { path = path.target } })
end

--- ingress-nginx refuses a path of the type Exact with any other characters; there the type makes no difference, since
--- a rewritten path is a regular expression to it.
local function path_type(routing, path)
  local is_refused = routing.controller == "ingress-nginx" and path:find "[^%w/_-]"
  return is_refused and "ImplementationSpecific" or "Exact"
end

local function ingress(context, routing, wanted, path, metadata)
  local host = routes.place(context)
  local tls = context.config.ingressTLS
  local notes = tables.copy(metadata.annotations, ANNOTATIONS[routing.controller](path, metadata))
  local backend = { service = { name = wanted.service, port = { number = wanted.port } } }
  local paths = { { path = path.path, pathType = path_type(routing, path.path), backend = backend } }
  return {
    apiVersion = "networking.k8s.io/v1", kind = "Ingress",
    metadata = tables.copy(metadata, { annotations = tables.copy(notes, context.config.ingressAnnotations) }),
    spec = {
      ingressClassName = routing.class, rules = { { host = host, http = { paths = paths } } },
      tls = tls and { { hosts = host and { host } or nil, secretName = tls.secretName } } or nil,
    },
  }
end

local function ingresses(context, routing, wanted)
  local list = {}
  for i, path in ipairs(wanted.paths) do
    local metadata = wanted.metadata(i)
    if routing.middleware then add_middlewares(list, routing, path, metadata) end
    list[#list + 1] = ingress(context, routing, wanted, path, metadata)
  end
  return list
end

-- ---- a Gateway ------------------------------------------------------------------------------------------------------

local function rule(wanted, path)
  local seconds = TIMEOUT .. "s"
  return {
    matches = { { path = { type = "Exact", value = path.path } } },
    filters = { {
      type = "URLRewrite", urlRewrite = { path = { type = "ReplaceFullPath", replaceFullPath = path.target } },
    } },
    backendRefs = { { name = wanted.service, port = wanted.port } },
    timeouts = { request = seconds, backendRequest = seconds },
  }
end

local function http_route(context, routing, wanted)
  local gateway, host = routing.gateway, routes.place(context)
  local rules = json.array {}
  for i, path in ipairs(wanted.paths) do rules[i] = rule(wanted, path) end
  return {
    apiVersion = routing.version, kind = "HTTPRoute", metadata = wanted.metadata(1),
    spec = {
      parentRefs = { { name = gateway.name, namespace = gateway.namespace, sectionName = gateway.sectionName } },
      hostnames = host and { host } or nil, rules = rules,
    },
  }
end

--- The objects of a route, in the order in which they are applied.
---@param context table
---@param routing kubernetes.Routing
---@param wanted kubernetes.Route
---@return table[]
function route.objects(context, routing, wanted)
  if routing.gateway then return { http_route(context, routing, wanted) } end
  return ingresses(context, routing, wanted)
end

return route
