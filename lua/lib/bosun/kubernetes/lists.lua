--- Internal: lists of objects, page by page, and what the client may do.

---@class bosun.kubernetes.Cluster
local Cluster = require "bosun.kubernetes.cluster"

local errors = require "bosun.kubernetes.errors"
local json = require "bosun.json"
local options_of = require("bosun.options").check

local PAGE = 500
local MOST_STARTS = 5 -- of a list whose pages expire faster than they are read
local METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

local LIST = {
  namespace = "string|boolean", labels = "table|string", fields = "string", page = "positive", keep = "function",
  metadata_only = "boolean", timeout = "timeout",
}

---@class bosun.kubernetes.ListOptions
---@field namespace? string|false false: of all namespaces
---@field labels? table<string, string|boolean|string[]>|string a selector: { app = "x", tier = { "a", "b" }, new = true
---(any value), old = false (none) }, or as in the API
---@field fields? string a selector as in the API: "metadata.name=x"
---@field page? integer how many objects are asked for at once; default 500
---@field keep? fun(object: table): any what to keep of each object, as soon as its page is there; nil: nothing
---@field metadata_only? boolean the objects have their metadata only
---@field timeout? number seconds for a page; default: the cluster's

--- Adds the objects of a page. A list's items do not say what they are.
local function add_page(items, answer, kind, keep)
  for _, item in ipairs(type(answer.items) == "table" and answer.items or {}) do
    item.apiVersion, item.kind = kind.version, kind.name
    if keep then
      items[#items + 1] = keep(item)
    else
      items[#items + 1] = item
    end
  end
end

local function text_of(map, key)
  local value = type(map) == "table" and map[key]
  return type(value) == "string" and value ~= "" and value or nil
end

--- The token to go on with after a 410: an expired page comes with one for what is left; nil: there is none.
local function replacement(err, resp)
  if err.status ~= 410 then return nil end
  local status = json.decode(resp and resp.body or "")
  return type(status) == "table" and text_of(status.metadata, "continue") or nil
end

local function ask_page(cluster, path, what, query, options)
  local refusal
  local answer, err = cluster:_ask("GET", path, {
    what = what, query = query, timeout = options.timeout, on_refusal = function(resp) refusal = resp end,
    headers = options.metadata_only and { Accept = METADATA_ONLY } or nil,
  })
  return answer, err, refusal
end

--- Reads all pages; nil, err, true: a page has expired, and the list has to begin again.
local function read_pages(cluster, kind, path, what, options)
  local items, version, continue = {}, nil, nil
  local labels = cluster:_selector(options.labels)
  repeat
    local answer, err, refusal = ask_page(cluster, path, what, {
      limit = options.page or PAGE, continue = continue, labelSelector = labels, fieldSelector = options.fields,
    }, options)
    if answer then
      add_page(items, answer, kind, options.keep)
      version, continue = text_of(answer.metadata, "resourceVersion"), text_of(answer.metadata, "continue")
    else
      if not continue then return nil, err end
      continue = replacement(err, refusal)
      if not continue then return nil, err, err.status == 410 end
    end
  until not continue
  return items, version
end

--- All objects of a kind, however many pages they take.
---@param kind string
---@param options? bosun.kubernetes.ListOptions
---@return table[]|nil objects in a list, empty too
---@return string|bosun.kubernetes.Error|nil version the resourceVersion of the list; or the error
function Cluster:list(kind, options)
  options = options_of("cluster:list", options, LIST)
  if options.namespace == true then error("cluster:list: option namespace: expected a name or false", 2) end
  local found, path, words = self:_locate(kind, self:_namespace(options))
  if not found then return nil, path end
  local items, version, again
  for _ = 1, MOST_STARTS do
    items, version, again = read_pages(self, found, path, "list " .. words, options)
    if items or not again then break end
  end
  if not items then return nil, version end
  return json.array(items), version
end

-- ---- rights ---------------------------------------------------------------------------------------------------------

---@class bosun.kubernetes.Right
---@field verb string "create"
---@field resource string "deployments.apps", "pods/exec", "services"
---@field name? string of one object

--- "deployments.apps" → "apps", "deployments"; "pods/log" → "", "pods", "log".
local function split(resource)
  local plain, sub = resource:match "^([^/]+)/(.+)$"
  plain = plain or resource
  local name, group = plain:match "^([^.]+)%.(.+)$"
  return group or "", name or plain, sub
end

local function has(list, wanted)
  for _, item in ipairs(type(list) == "table" and list or {}) do
    if item == "*" or item == wanted then return true end
  end
  return false
end

local function permits(rule, right, group, resource)
  local names = type(rule.resourceNames) == "table" and rule.resourceNames or {}
  return has(rule.verbs, right.verb) and has(rule.apiGroups, group) and has(rule.resources, resource)
    and (#names == 0 or right.name ~= nil and has(names, right.name))
end

--- Asks for one right alone: the list of rules may be incomplete.
local function review(cluster, namespace, right)
  local group, resource, sub = split(right.resource)
  local answer, err = cluster:_ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    what = "ask for the right to " .. right.verb .. " " .. right.resource, reads = true, repeatable = true,
    json = { apiVersion = "authorization.k8s.io/v1", kind = "SelfSubjectAccessReview", spec = { resourceAttributes = {
      namespace = namespace, verb = right.verb, group = group, resource = resource, subresource = sub,
      name = right.name,
    } } },
  })
  if not answer then return nil, err end
  return type(answer.status) == "table" and answer.status.allowed == true
end

--- Which of these rights in a namespace the client lacks. Asking needs no right.
---
---     local missing = assert(cluster:missing_rights { { verb = "create", resource = "deployments.apps" } })
---
---@param rights bosun.kubernetes.Right[]
---@param options? { namespace?: string }
---@return bosun.kubernetes.Right[]|nil missing empty: it has them all
---@return bosun.kubernetes.Error|nil err
function Cluster:missing_rights(rights, options)
  options = options_of("cluster:missing_rights", options, { namespace = "string" })
  local namespace = self:_namespace(options)
  local answer, err = self:_ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    what = "ask for the rights in namespace " .. namespace, reads = true, repeatable = true,
    json = { apiVersion = "authorization.k8s.io/v1", kind = "SelfSubjectRulesReview",
      spec = { namespace = namespace } },
  })
  if not answer then return nil, err end
  local status = type(answer.status) == "table" and answer.status or {}
  local missing = json.array {}
  for _, right in ipairs(rights) do
    local group, resource, sub = split(right.resource)
    local granted = false
    for _, rule in ipairs(type(status.resourceRules) == "table" and status.resourceRules or {}) do
      granted = granted or permits(rule, right, group, sub and resource .. "/" .. sub or resource)
    end
    if not granted and status.incomplete then
      granted, err = review(self, namespace, right)
      if granted == nil then return nil, err end
    end
    if not granted then missing[#missing + 1] = right end
  end
  return missing
end

--- Is the server ready? It says which of its parts is not.
---@return true|nil ok
---@return bosun.kubernetes.Error|nil err
function Cluster:ready()
  local resp, err = self:_send("GET", "/readyz", { what = "ask whether the API server is ready", retry = { max = 0 } })
  if resp then return true end
  return nil, err.status and errors.wrap(err, "the API server is not ready") or err
end

return Cluster
