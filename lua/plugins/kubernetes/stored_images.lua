--- Generated images in the registry: what is there under a name, and what is still needed of it.

local registry = require "bosun.registry"
local time = require "bosun.time"

local image_labels = require "kubernetes.image_labels"

local stored_images = {}

local PATIENCE = 20 -- seconds for a question
local NONE = { MANIFEST_UNKNOWN = true, NAME_UNKNOWN = true }

---@class kubernetes.FoundImage
---@field digest string
---@field labels kubernetes.ImageLabels

--- The labels of an image; nil: it is not there, or nobody can say. What cannot be read as one image has none.
local function labels_of(client, reference)
  local found, config = client:image(reference)
  if not found and (NONE[config.code] or not config.status and config.code ~= "invalid") then return nil, config end
  local labels = found and type(config.config) == "table" and config.config.Labels
  return type(labels) == "table" and labels or {}
end

--- The image of this name. nil without an error: there is none.
---@param context table
---@param client bosun.registry.Client
---@param name string
---@return kubernetes.FoundImage|nil
---@return bosun.registry.Error|nil err
function stored_images.look(context, client, name)
  local _ <close> = time.limit(PATIENCE)
  local digest, err = client:digest(name)
  if not digest then return nil, err end
  local labels, problem = labels_of(client, context.config.generatedImageRepo .. "@" .. digest)
  if not labels then return nil, not NONE[problem.code] and problem or nil end
  return { digest = digest, labels = image_labels.read(context, name, labels) }
end

--- The digest of the base image; nil: not known.
---@param client bosun.registry.Client
---@param base string
---@return string|nil
function stored_images.base_digest(client, base)
  local _ <close> = time.limit(PATIENCE)
  return (client:digest(base))
end

--- References of all images that the Deployments of the namespace run, or return to when a rollout fails.
---@param context table
---@return table<string, true>|nil
---@return bosun.Error|nil err
function stored_images.used(context)
  local used = {}
  local function note(text)
    for reference in tostring(text):gmatch '[^%s"]+@sha256:%x+' do used[reference] = true end
  end
  local list, err = context.cluster:list("Deployment", { namespace = context.namespace, keep = function(object)
    for _, container in ipairs(object.spec.template.spec.containers) do note(container.image) end
    note((object.metadata.annotations or {})["bosun/before"])
    return nil
  end })
  if not list then return nil, err end
  return used
end

--- Removes an image that this environment has built. A failure is only logged: registries differ in what they let whom
--- delete.
---@param context table
---@param client bosun.registry.Client
---@param reference string with its digest
function stored_images.remove(context, client, reference)
  local _ <close> = time.limit(PATIENCE)
  local parsed = registry.parse_reference(reference)
  if not parsed or not parsed.digest then return end
  local labels = labels_of(client, reference)
  if not labels or not image_labels.is_ours(context, labels) then return end
  local ok, err = client:delete(reference)
  if ok then
    context.note("removed the model's image", { image = reference })
  else
    context.log:warn("cannot remove an image from the registry; remove it there, or leave it to its retention policy",
      { image = reference, error = err })
  end
end

return stored_images
