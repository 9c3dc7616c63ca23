--- The image that a deployment's pods run: the prediction server with the model package in it, built when needed; or a
--- custom model's image of that name, which is used as it is. It is pinned by its digest.
---
--- An image is recognized by its labels (kubernetes.image_labels). With Kaniko, the registry may be one that the plugin
--- cannot ask: then the image is built, unless the deployment runs it already.

local errors = require "bosun.error"
local model_package = require "bosun.prediction_server.model_package"
local prediction_server = require "bosun.prediction_server"

local image_labels = require "kubernetes.image_labels"
local labels = require "kubernetes.labels"
local registries = require "kubernetes.registries"
local stored_images = require "kubernetes.stored_images"

local image = {}

local BUILDERS = { kaniko = require "kubernetes.build.kaniko", registry = require "kubernetes.build.registry" }
local MOST_REMEMBERED = 1020 -- more than keptImages may be

---@class kubernetes.Image
---@field reference string "repository@sha256:…"; of a custom model's image that cannot be asked for, its name
---@field tag string "repository:tag"
---@field package? string SHA-256 of the model package
---@field is_generated? boolean the plugin has built it at some time
---@field history string[] references of the generated images that the deployment has run, this one as the last
---@field built? boolean this action has built it

local function builds_in_cluster(context)
  return context.config.imageBuilder == "kaniko"
end

--- The digest of the deployment's model package. Where the action names none, one that is gone, or digests are not
--- taken: of the package of what serves this model now. nil without a problem: not known.
local function digest_of(context, deployment, deployed)
  return model_package.wanted(deployment, deployed, context.config.artifactDigest)
end

--- The generated images that the deployment has run, with the one that it is to run now as the last.
local function history_of(deployed, made)
  local history, most = {}, MOST_REMEMBERED
  for _, earlier in ipairs(deployed and deployed.images or {}) do
    if earlier ~= made.reference then history[#history + 1] = earlier end
  end
  if made.is_generated then history[#history + 1] = made.reference end
  return table.move(history, math.max(1, #history - most + 1), #history, 1, {})
end

-- ---- what is there --------------------------------------------------------------------------------------------------

--- The image of this name, by the registry. nil, false: nobody knows whether there is one.
local function look(context, client, name)
  local found, err = stored_images.look(context, client, name)
  if found or not err then return found end
  if not builds_in_cluster(context) then return nil, err end
  context.log:info("the registry does not answer the plugin, only the builder", { image = name, error = err })
  return nil, false
end

--- The image of the deployment's name; where another environment has built that one, of the name that this one has for
--- itself. An image of others serves only where there is no package to build one of: they remove it in their time.
---@return kubernetes.FoundImage|nil found
---@return bosun.Error|false|nil err false: nobody knows whether there is one
---@return boolean is_own it has, or is to be given, this environment's own name
---@return string name
local function find(context, client, deployment)
  local _, name = image_labels.tag(context, deployment)
  local found, err = look(context, client, name)
  if err ~= nil or found and not found.labels.is_others then return found, err, false, name end
  local _, own_name = image_labels.tag(context, deployment, true)
  local own, problem = look(context, client, own_name)
  if own or problem then return own, problem, true, own_name end
  if found and not model_package.is_named(deployment.info) then return found, nil, false, name end
  return nil, nil, found ~= nil, found and own_name or name
end

--- Does an image have this package, and the base image that a new one would get?
local function is_current(context, client, found, digest)
  local made = found.labels
  if not made.is_generated then return true end
  if made.package ~= digest or made.base ~= context.config.ppsBaseImage then return false end
  local base = stored_images.base_digest(client, context.config.ppsBaseImage)
  return not base or not made.base_digest or base == made.base_digest
end

--- Is the image that was found the one that the action wants?
local function is_wanted(context, client, deployment, found, digest)
  if digest then return is_current(context, client, found, digest) end
  return not model_package.is_named(deployment.info) or not context.config.artifactDigest
end

--- The image that there is already; nil: one has to be built; or nil, err. is_own: under this environment's own name.
local function existing(context, client, deployment, deployed, digest)
  local found, err, is_own, name = find(context, client, deployment)
  if err then return nil, err end
  if found then
    if not is_wanted(context, client, deployment, found, digest) then return nil, nil, is_own end
    local is_generated = found.labels.is_generated
    return {
      reference = context.config.generatedImageRepo .. "@" .. found.digest, tag = name, is_generated = is_generated,
      package = is_generated and (digest or found.labels.package) or nil,
    }
  end
  local serves = deployed and deployed.model == deployment.model and deployed.image
  local same = digest and deployed and deployed.package == digest
  if serves and (same or not model_package.is_named(deployment.info)) and err == false then
    return { reference = deployed.image, tag = name, package = deployed.package,
      is_generated = deployed.images[#deployed.images] == deployed.image }
  end
  if err == false and not model_package.is_named(deployment.info) then
    return { reference = name, tag = name } -- a custom model's image: the node finds it
  end
  return nil, nil, is_own
end

-- ---- building -------------------------------------------------------------------------------------------------------

--- The package to build of, checked.
local function package_of(deployment, name)
  local artifact, problem = model_package.artifact(deployment.info)
  if not artifact then
    return nil, errors.new { code = problem.code, op = problem.op,
      message = ("%s (and there is no custom model image %s)"):format(tostring(problem), name) }
  end
  problem = model_package.name_problem(artifact)
  if problem then return nil, errors.new { code = "invalid", op = "read the model", message = problem } end
  return artifact
end

local function build(context, client, deployment, digest, is_own)
  local config = context.config
  local tag, name = image_labels.tag(context, deployment, is_own)
  local artifact, problem = package_of(deployment, name)
  if not artifact then return nil, problem end
  local built, err = BUILDERS[config.imageBuilder](context, {
    deployment = deployment, repository = config.generatedImageRepo, tag = tag, base = config.ppsBaseImage,
    artifact = artifact, file = model_package.name(artifact), folder = prediction_server.MODEL_FOLDER, sha256 = digest,
    labels = image_labels.of(context, name, { model = deployment.model, package = digest,
      base_digest = stored_images.base_digest(client, config.ppsBaseImage) }),
  })
  if not built then return nil, err end
  local ok, changed = model_package.is_unchanged(deployment, artifact)
  if not ok then return nil, changed end
  return { reference = config.generatedImageRepo .. "@" .. built, tag = name, package = digest, built = true,
    is_generated = true }
end

--- Makes sure that the deployment's image is in the registry.
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param deployed? kubernetes.Deployed as it is now
---@return kubernetes.Image|nil image
---@return bosun.Error|string|nil problem
function image.ensure(context, deployment, deployed)
  local digest, problem = digest_of(context, deployment, deployed)
  if problem then return nil, problem end
  local client <close>, err = registries.client(context) -- luacheck: ignore
  if not client then return nil, err end
  local made, is_own
  made, problem, is_own = existing(context, client, deployment, deployed, digest)
  if problem then return nil, problem end
  if not made then made, problem = build(context, client, deployment, digest, is_own) end
  if not made then return nil, problem end
  made.history = history_of(deployed, made)
  return made
end

--- What prevents images from being built; nil: nothing that the plugin can see.
---@param context table
---@return bosun.Error|nil
function image.problem(context)
  if builds_in_cluster(context) then return nil end -- the builder asks, not the plugin
  local ok, err = registries.check(context)
  return not ok and err or nil
end

--- What may prevent the builder in the cluster from pushing images, as far as the plugin can see; nil: nothing.
---@param context table
---@return string|nil
function image.warning(context)
  if not builds_in_cluster(context) then return nil end
  local ok, err = registries.check(context)
  return not ok and ("the registry does not take images from the plugin, perhaps from the builder: %s"):format(
    tostring(err)) or nil
end

-- ---- removing -------------------------------------------------------------------------------------------------------

--- Removes images of this environment that no Deployment of the namespace has.
local function remove(context, references)
  if #references == 0 then return end
  local client <close>, err = registries.client(context) -- luacheck: ignore
  local used, problem
  if client then used, problem = stored_images.used(context) end
  if not used then
    return context.log:warn("cannot remove images from the registry", { error = err or problem })
  end
  for _, reference in ipairs(references) do
    if not used[reference] then stored_images.remove(context, client, reference) end
  end
end

--- Removes the images that the deployment has run before, but for the latest `keep`.
---@param context table
---@param history string[] the image that it runs now is the last
---@param keep integer
function image.retire(context, history, keep)
  remove(context, table.move(history, 1, #history - 1 - keep, 1, {}))
end

--- Removes all images of a deployment that has been removed. `deployed`: as it was; nil: an earlier run got that far.
---@param context table
---@param deployment { model?: string, info: table }
---@param deployed? kubernetes.Deployed
function image.remove(context, deployment, deployed)
  if deployed then return remove(context, deployed.images) end
  if not deployment.model then return end
  local client <close> = registries.client(context)
  local found = client and find(context, client, deployment)
  if found and found.labels.is_generated then
    remove(context, { context.config.generatedImageRepo .. "@" .. found.digest })
  end
end

--- Removes an image that this action has built for a deployment that did not come up.
---@param context table
---@param made kubernetes.Image
function image.take_back(context, made)
  if made.built then remove(context, { made.reference }) end
end

--- Removes the Jobs that build images: what runs that were stopped or killed have left. One of a run that goes on is
--- known by its age.
---@param context table
---@param id? string of the deployment; nil: of all
---@param is_leftover? fun(job: table): boolean
---@return true|nil ok
---@return bosun.Error|nil err
function image.end_builds(context, id, is_leftover)
  if not builds_in_cluster(context) then return true end
  local jobs, err = context.cluster:list("Job", { namespace = context.namespace, labels = labels.builds(context, id) })
  if not jobs then return nil, err end
  for _, job in ipairs(jobs) do
    if labels.is_ours(context, job) and (not id or labels.read(job).id == id)
      and (not is_leftover or is_leftover(job)) then
      local ok, problem = context.cluster:delete("Job", job.metadata.name,
        { namespace = context.namespace, uid = job.metadata.uid })
      if not ok and problem.code ~= "Conflict" then return nil, problem end
    end
  end
  return true
end

return image
