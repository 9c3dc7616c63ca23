--- The image that a deployment's container runs: the prediction server with the model package in it, built when needed;
--- or a custom model's image of that name, which is used as it is.
---
--- A generated image is recognized by its labels, which name it. They are set before the package is added, so whatever
--- an interrupted build leaves behind has them, and is found. An image that somebody derives from it has them, too, but
--- another name, or more layers: it is not the plugin's.

local errors = require "bosun.error"
local docker = require "bosun.docker"
local model_package = require "bosun.prediction_server.model_package"
local time = require "bosun.time"

local image_builder = require "docker.image_builder"
local labels = require "docker.labels"
local lock = require "docker.lock"
local names = require "docker.names"
local wait = require "bosun.wait"

local model_image = {}

local LEFTOVER_AGE = 3600 -- seconds
local REMOVAL_TIMEOUT = 30

--- The name of a model's image.
function model_image.name(context, model)
  return names.image(context.config.generatedImagePrefix, model)
end

local function labels_of(found)
  return type(found.Config) == "table" and type(found.Config.Labels) == "table" and found.Config.Labels or {}
end

--- The names of an image; Docker has "<none>:<none>" for none.
local function names_of(found)
  local result = {}
  for _, name in ipairs(type(found.RepoTags) == "table" and found.RepoTags or {}) do
    if not name:find("<none>", 1, true) then result[#result + 1] = name end
  end
  return result
end

--- How many layers an image has; nil: not known.
local function layers_of(found)
  return type(found.RootFS) == "table" and type(found.RootFS.Layers) == "table" and #found.RootFS.Layers or nil
end

--- The name for which an image was built, among those that it has.
local function own_name(found)
  for _, name in ipairs(names_of(found)) do
    if docker.same_image(name, labels.image_name(labels_of(found)) or "") then return name end
  end
end

--- Is the image one that the plugin built, with all the names it has by now, or none? One derived from it is not.
local function is_built(context, found)
  if not labels.is_ours(context, labels_of(found)) then return false end
  local most, layers = labels.layers(labels_of(found)), layers_of(found)
  return not (most and layers and layers > most)
end

--- Is the image of this name a generated one?
local function is_generated(context, found, name)
  return is_built(context, found) and docker.same_image(labels.image_name(labels_of(found)) or "", name)
end

--- The custom model's image of this name; nil without an error: there is none.
---@return table|nil inspected
---@return bosun.Error|nil err
function model_image.custom(context, model)
  local name = model_image.name(context, model)
  local found, err = context.engine:inspect_image(name)
  if found then return not is_generated(context, found, name) and found or nil end
  if err.code == "not_found" then return nil end
  return nil, err
end

model_image.artifact, model_image.is_unchanged = model_package.artifact, model_package.is_unchanged

--- The digest of the deployment's model package. Where the action names none, one that is gone, or digests are not
--- taken: of the package of what serves this model now. nil without a problem: not known.
---@param context table
---@param deployment { model: string, info: table }
---@param current docker.Instance|nil
---@return string|nil digest
---@return string|nil problem
function model_image.digest(context, deployment, current)
  return model_package.wanted(deployment, current, context.config.artifactDigest)
end

local function build(context, deployment, name, artifact, digest, base)
  context.note("building the model's image", { image = name, package = artifact.path, bytes = artifact.size })
  return image_builder.build(context, {
    name = name, file = model_package.name(artifact), path = artifact.path, base = base,
    confirm = function() return model_package.is_unchanged(deployment, artifact) end,
    labels = labels.image(context, name, {
      package = digest, base = context.config.ppsBaseImage, base_id = base.id, layers = base.layers and base.layers + 1,
    }),
  })
end

--- What to remove of a generated image: the name it was built for, or the image itself when it has no name; nil when it
--- only has names that others gave it.
local function removable(found)
  return #names_of(found) == 0 and found.Id or own_name(found)
end

--- Removes an image if it was generated and is not in use.
local function remove(context, image)
  local found = context.engine:inspect_image(image)
  local name = found and is_built(context, found) and removable(found)
  if not name then return end
  -- An engine that is unpacking an archive delays the removal of an image.
  local removed, err = context.engine:remove_image(name, { timeout = math.max(1, wait.budget(REMOVAL_TIMEOUT)) })
  if removed then
    context.note("removed the model's image", { image = name })
  elseif err.code ~= "conflict" then
    context.log:warn("cannot remove the model's image", { image = name, error = err })
  end
end

--- Removes what failed and interrupted builds of an image left behind. The caller holds its lock.
local function clear(context, name)
  local found, err = context.engine:list_images {
    labels = labels.image_filter(context, name), filters = { dangling = { "true" } },
  }
  if not found then return context.log:warn("cannot list what earlier builds left behind", { error = err }) end
  for _, image in ipairs(found) do remove(context, image.Id) end
end

--- One build of an image at a time: a second one would only leave an image without a name behind.
local function build_lock(context, name, seconds)
  return (lock.take(context, "image " .. name, seconds))
end

--- Does an existing image have this package, and the base image that a new one would get?
local function is_current(context, found, name, digest)
  if not is_generated(context, found, name) then return true end
  local made = labels.read_image(labels_of(found))
  if made.package ~= digest or made.base ~= context.config.ppsBaseImage then return false end
  local base_id = image_builder.base_id(context)
  return not base_id or base_id == made.base_id
end

--- Is there an image for the package already? `found` has its name.
local function is_there(context, deployment, found, name, digest)
  if not found then return false end
  if digest then return is_current(context, found, name, digest) end
  return not model_package.is_named(deployment.info) or not context.config.artifactDigest
end

--- The size of the package that an image has to be built of; nil: none has to be built, or it is not there.
---@param context table
---@param deployment { model: string, info: table }
---@param digest? string of the model package
---@return integer|nil
function model_image.bytes_to_build(context, deployment, digest)
  local name = model_image.name(context, deployment.model)
  local artifact = model_image.artifact(deployment.info)
  if not artifact then return nil end
  local found = context.engine:inspect_image(name)
  return not is_there(context, deployment, found, name, digest) and artifact.size or nil
end

---@class docker.MadeImage what an action did to have a model's image
---@field has_begun? boolean it asked the engine for a build
---@field built? string id of the image that it built
---@field previous? string id of the image that had the name before

--- Builds the image; `found` has its name now.
local function make(context, deployment, name, digest, found, made)
  local artifact, problem = model_image.artifact(deployment.info)
  if not artifact and not found then
    problem = errors.new { code = problem.code, op = problem.op,
      message = ("%s (and there is no custom model image %s)"):format(tostring(problem), name) }
  end
  problem = problem or model_package.name_problem(artifact)
  if problem then return nil, problem end
  local base, why = image_builder.base(context)
  if not base then return nil, errors.wrap(why, "the prediction server's image is not available") end
  made.has_begun, made.previous = true, found and found.Id
  local id, err = build(context, deployment, name, artifact, digest, base)
  if not id then return nil, errors.wrap(err, "cannot build the image " .. name) end
  made.built = id ~= made.previous and id or nil
  return model_image.is_unchanged(deployment, artifact)
end

--- Makes sure that a model's generated image exists.
---@param context table
---@param deployment { model: string, info: table }
---@param digest? string of the model package; nil: not known
---@param made docker.MadeImage filled in
---@return true|nil ok
---@return string|nil problem
function model_image.ensure(context, deployment, digest, made)
  local name = model_image.name(context, deployment.model)
  local held <close> = build_lock(context, name, wait.budget(context.config.startTimeout))
  local found, err = context.engine:inspect_image(name)
  if not found and err.code ~= "not_found" then return nil, err end
  if is_there(context, deployment, found, name, digest) then return true end
  local ok, problem = make(context, deployment, name, digest, found, made)
  if ok then return true end
  if held then clear(context, name) end
  return nil, problem
end

--- Undoes `model_image.ensure`: removes what it built, and gives what had the name before its name back.
---@param context table
---@param model string
---@param made docker.MadeImage
function model_image.take_back(context, model, made)
  if not made.has_begun then return end
  local name = model_image.name(context, model)
  local now = not made.built and context.engine:inspect_image(name) -- the action was stopped while it was built
  local image = made.built or now and now.Id
  if image and image ~= made.previous then remove(context, image) end
  if made.previous then
    local tagged, err = model_image.give_back(context, model, made.previous)
    if not tagged then context.log:warn("cannot give an image its name back", { image = name, error = err }) end
  end
  local held <close> = build_lock(context, name, 0)
  if held then clear(context, name) end
end

--- Removes a model's image if it was generated and is not in use, and what is left of its builds.
---@param context table
---@param model string
---@param image? string its id, in case it has lost its name
function model_image.remove(context, model, image)
  local name = model_image.name(context, model)
  remove(context, image or name)
  local held <close> = build_lock(context, name, 0)
  if held then clear(context, name) end
end

--- Gives an image back its name, which a newer build took; not if someone else's image has it.
---@param context table
---@param model string
---@param image string id
---@return true|nil ok
---@return string|nil problem
function model_image.give_back(context, model, image)
  local name = model_image.name(context, model)
  local now = context.engine:inspect_image(name)
  if now and (now.Id == image or not is_generated(context, now, name)) then return true end
  local tagged, err = context.engine:tag_image(image, name)
  return tagged, err
end

--- Removes generated images that are not in use: what interrupted runs left behind. A recent one may belong to a
--- deployment that is being started right now.
---@param context table
---@param deployments table<string, docker.Instance[]>
function model_image.sweep(context, deployments)
  local found, err = context.engine:list_images { labels = labels.image_filter(context) }
  if not found then return context.log:warn("cannot list what earlier runs left behind", { error = err }) end
  local used = {}
  for _, instances in pairs(deployments) do
    for _, instance in ipairs(instances) do used[instance.image_id] = true end
  end
  for _, image in ipairs(found) do
    if not used[image.Id] and time.now() - image.Created > LEFTOVER_AGE then remove(context, image.Id) end
  end
end

return model_image
