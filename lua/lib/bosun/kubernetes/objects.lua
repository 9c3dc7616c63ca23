--- Internal: objects: reading, applying, changing and removing them, one at a time.

---@class bosun.kubernetes.Cluster
local Cluster = require "bosun.kubernetes.cluster"

local effect = require "bosun.effect"
local errors = require "bosun.kubernetes.errors"
local kinds = require "bosun.kubernetes.kinds"
local options_of = require("bosun.options").check
local wait = require "bosun.wait"

local GET = { namespace = "string", subresource = "string" }
local APPLY = {
  namespace = "string", field_manager = "string", force = "boolean", subresource = "string", check = "boolean",
}
local CREATE = { namespace = "string" }
local PATCH = { namespace = "string", subresource = "string", type = "string" }
local DELETE = { namespace = "string", propagation = "string", uid = "string", grace = "count" }
local GONE = { namespace = "string", uid = "string", timeout = "limit", interval = "seconds" }

local PATCH_TYPES = {
  merge = "application/merge-patch+json", json = "application/json-patch+json",
  strategic = "application/strategic-merge-patch+json",
}
local PROPAGATIONS = { Background = true, Foreground = true, Orphan = true }

--- One object.
---@param kind string
---@param name string
---@param options? { namespace?: string, subresource?: string }
---@return table|nil object
---@return bosun.kubernetes.Error|nil err code "NotFound"
function Cluster:get(kind, name, options)
  options = options_of("cluster:get", options, GET)
  local found, path, words = self:_locate(kind, self:_namespace(options), name, options.subresource)
  if not found then return nil, path end
  return self:_ask("GET", path, { what = "get " .. words })
end

--- Does the server know this kind? For those of extensions, and of other versions:
--- "gateway.networking.k8s.io/v1/Gateway".
---@param kind string
---@return boolean|nil known
---@return bosun.kubernetes.Error|nil err
function Cluster:knows(kind)
  local found, err = kinds.find(self, kind)
  if found then return true end
  if err.code == "NotFound" then return false end
  return nil, err
end

--- The kind's name and the object's, of an object to be sent.
local function identity(what, object)
  if type(object) ~= "table" then error(("%s: expected an object, got a %s"):format(what, type(object)), 3) end
  local metadata = type(object.metadata) == "table" and object.metadata or {}
  if type(object.apiVersion) ~= "string" or type(object.kind) ~= "string" or type(metadata.name) ~= "string" then
    error(what .. ": expected an object with apiVersion, kind and metadata.name", 3)
  end
  return object.apiVersion .. "/" .. object.kind, metadata.name, metadata.namespace
end

---@class bosun.kubernetes.ApplyOptions
---@field namespace? string default: that of the object, else the cluster's
---@field field_manager? string default: the cluster's
---@field force? boolean default true: take over what others own. false: that is a "Conflict"
---@field subresource? string "status"
---@field check? boolean the server checks the object and changes nothing (dryRun=All), in a dry run, too

--- Makes an object as it is described, by server-side apply: creates it, or changes what differs. Always describe it
--- whole: what this field manager has set before and is not there any more is removed.
---@param object table with apiVersion, kind, metadata.name, and whatever it is to have
---@param options? bosun.kubernetes.ApplyOptions
---@return table|nil object as it is now; in a dry run, as given
---@return bosun.kubernetes.Error|nil err code "Conflict": another manager owns a field (with force = false); "Invalid"
function Cluster:apply(object, options)
  options = options_of("cluster:apply", options, APPLY)
  local kind, name, own = identity("cluster:apply", object)
  local namespace = options.namespace or own or self.namespace
  local found, path, words = self:_locate(kind, namespace, name, options.subresource)
  if not found then return nil, path end
  if not options.check and not effect.begin("kubernetes.apply", words) then return object end
  return self:_ask("PATCH", path, {
    what = (options.check and "check " or "apply ") .. words,
    json = object, content_type = "application/apply-patch+yaml",
    query = { fieldManager = options.field_manager or self._manager, force = options.force ~= false,
      dryRun = options.check and "All" or nil },
    repeatable = true, reads = options.check,
  })
end

--- Creates an object, which must not exist yet. With metadata.generateName in place of a name, the server names it.
---@param object table with apiVersion and kind
---@param options? { namespace?: string }
---@return table|nil object as the server has it; in a dry run, as given
---@return bosun.kubernetes.Error|nil err code "AlreadyExists"
function Cluster:create(object, options)
  options = options_of("cluster:create", options, CREATE)
  local metadata = type(object) == "table" and type(object.metadata) == "table" and object.metadata or {}
  local shown = metadata.name or metadata.generateName
  if not shown or not object.apiVersion or not object.kind then
    error("cluster:create: expected an object with apiVersion, kind and metadata.name or generateName", 2)
  end
  local namespace = options.namespace or metadata.namespace or self.namespace
  local kind = object.apiVersion .. "/" .. object.kind
  local found, path, words = self:_locate(kind, namespace, nil, nil, shown)
  if not found then return nil, path end
  if not effect.begin("kubernetes.create", words) then return object end
  return self:_ask("POST", path, { what = "create " .. words, json = object })
end

--- Changes parts of an object.
---@param kind string
---@param name string
---@param patch table
---@param options? { namespace?: string, subresource?: string, type?: "merge"|"json"|"strategic" } type: default "merge"
---@return table|nil object as it is now; in a dry run, true
---@return bosun.kubernetes.Error|nil err
function Cluster:patch(kind, name, patch, options)
  options = options_of("cluster:patch", options, PATCH)
  local content_type = PATCH_TYPES[options.type or "merge"]
  if not content_type then error("cluster:patch: option type: expected merge, json or strategic", 2) end
  local found, path, words = self:_locate(kind, self:_namespace(options), name, options.subresource)
  if not found then return nil, path end
  if not effect.begin("kubernetes.patch", words) then return true end
  return self:_ask("PATCH", path, {
    what = "change " .. words, json = patch, content_type = content_type, repeatable = options.type ~= "json",
  })
end

---@class bosun.kubernetes.DeleteOptions
---@field namespace? string
---@field propagation? "Background"|"Foreground"|"Orphan" what becomes of the objects it owns; default "Background":
---they are removed after it
---@field uid? string remove only the object with this uid: with another, code "Conflict"
---@field grace? integer seconds that a pod gets to end

--- Removes an object. It may take a while until it is gone: see wait_gone.
---@param kind string
---@param name string
---@param options? bosun.kubernetes.DeleteOptions
---@return true|nil ok also when there is none
---@return bosun.kubernetes.Error|nil err
function Cluster:delete(kind, name, options)
  options = options_of("cluster:delete", options, DELETE)
  local propagation = options.propagation or "Background"
  if not PROPAGATIONS[propagation] then
    error("cluster:delete: option propagation: expected Background, Foreground or Orphan", 2)
  end
  local found, path, words = self:_locate(kind, self:_namespace(options), name)
  if not found then return nil, path end
  if not effect.begin("kubernetes.delete", words) then return true end
  local ok, err = self:_send("DELETE", path, {
    what = "delete " .. words, repeatable = true,
    json = {
      apiVersion = "v1", kind = "DeleteOptions", propagationPolicy = propagation,
      gracePeriodSeconds = options.grace, preconditions = options.uid and { uid = options.uid },
    },
  })
  if ok or err.code == "NotFound" then return true end
  return nil, err
end

--- Waits until an object is gone.
---@param kind string
---@param name string
---@param options? { namespace?: string, uid?: string, timeout?: number, interval?: number } uid: an object with another
---uid counts as gone; timeout: seconds, default 60; interval: seconds between two looks, default 0.5
---@return true|nil ok
---@return bosun.kubernetes.Error|nil err code "timeout"
function Cluster:wait_gone(kind, name, options)
  options = options_of("cluster:wait_gone", options, GONE)
  local failure
  local ok, err = wait.poll(function()
    local object, problem = self:get(kind, name, { namespace = options.namespace })
    if not object and problem.code ~= "NotFound" and not problem.status then return nil, problem end
    if not object then
      failure = problem.code ~= "NotFound" and problem or nil
      return true
    end
    if options.uid and object.metadata.uid ~= options.uid then return true end
    local finalizers = object.metadata.finalizers
    return false, type(finalizers) == "table" and #finalizers > 0 and "it waits for " .. table.concat(finalizers, ", ")
      or "it is still there"
  end, { timeout = options.timeout or 60, interval = options.interval or 0.5, backoff = 1.2,
    what = ("the end of %s %s"):format(kind, name) })
  if failure then return nil, failure end
  if ok then return true end
  return nil, errors.wrap(err, "delete " .. kind .. " " .. name)
end

return Cluster
