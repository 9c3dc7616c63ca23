--- The image that a deployment's container runs: the prediction server with the model package in it, built when needed;
--- or a custom model's image of that name, which is used as it is.
---
--- A generated image is recognized by its labels. The Dockerfile sets them before it copies the package, so whatever an
--- interrupted build leaves behind has them, and is found.

local crypto = require "bosun.crypto"
local docker = require "bosun.docker"
local given = require "bosun.deployment_info"
local prediction_server = require "bosun.prediction_server"
local tables = require "bosun.tables"
local tar = require "bosun.tar"
local time = require "bosun.time"

local health = require "docker.health"
local labels = require "docker.labels"
local lock = require "docker.lock"
local names = require "docker.names"
local services = require "docker.services"

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

local function is_generated(context, found)
  return labels.is_ours(context, labels_of(found))
end

--- The custom model's image of this name; nil without an error: there is none.
---@return table|nil inspected
---@return bosun.Error|nil err
function model_image.custom(context, model)
  local found, err = context.engine:inspect_image(model_image.name(context, model))
  if found then return not is_generated(context, found) and found or nil end
  if err.code == "not_found" then return nil end
  return nil, err
end

--- The model package that an action was given, checked.
---@param deployment_info table
---@return bosun.deployment_info.Artifact|nil artifact
---@return string|nil problem
function model_image.artifact(deployment_info)
  local artifact, problem = given.artifact(deployment_info)
  if artifact and artifact.size == 0 then return nil, ("the model package %s is empty"):format(artifact.path) end
  return artifact, problem
end

--- The package's name inside the image, which the server has to recognize.
local function package_name(artifact)
  return artifact.file:find("%.mlpkg$") and artifact.file or artifact.file .. ".mlpkg"
end

--- The digest of what an image is made from. The package counts with its name and size: the model's id stands for its
--- content.
local function recipe(model, artifact, base_id)
  return crypto.sha256(("%s\0%s\0%d\0%s"):format(model, artifact.file, artifact.size, base_id))
end

local function dockerfile(context, found_labels)
  local set = {}
  for i, key in ipairs(tables.sorted_keys(found_labels)) do set[i] = ('"%s"="%s"'):format(key, found_labels[key]) end
  return ("FROM %s\nLABEL %s\nCOPY model/ %s/\n"):format(context.config.ppsBaseImage, table.concat(set, " "),
    prediction_server.MODEL_FOLDER)
end

local function build(context, model, artifact, base_id)
  local name = model_image.name(context, model)
  local found_labels = labels.image(context, name, recipe(model, artifact, base_id))
  local archive = tar.new {
    { name = "Dockerfile", content = dockerfile(context, found_labels) },
    { name = "model/" .. package_name(artifact), path = artifact.path },
  }
  context.note("building the model's image", { image = name, package = artifact.path, bytes = artifact.size })
  return context.engine:build(archive, { tag = name })
end

local function base_image(context)
  local base = context.config.ppsBaseImage
  local got, err = services.need_image(context, base)
  if not got then return nil, err end
  local found, problem = context.engine:inspect_image(base)
  if not found and context.dry_run then return { Id = base } end -- it would have been pulled
  return found, problem
end

--- What to remove of a generated image: the name it was built for, or the image itself when it has no name; nil when it
--- only has names that others gave it.
local function removable(found)
  local names_of = type(found.RepoTags) == "table" and found.RepoTags or {}
  if #names_of == 0 then return found.Id end
  for _, name in ipairs(names_of) do
    if docker.same_image(name, labels.image_name(labels_of(found)) or "") then return name end
  end
end

--- Removes an image if it was generated and is not in use.
local function remove(context, image)
  local found = context.engine:inspect_image(image)
  local name = found and is_generated(context, found) and removable(found)
  if not name then return end
  -- An engine that is unpacking an archive delays the removal of an image.
  local removed, err = context.engine:remove_image(name, { timeout = math.max(1, health.budget(REMOVAL_TIMEOUT)) })
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

--- The image's name if it exists already; false: it has to be built; or nil and a problem.
local function find(context, model, artifact, base)
  local name = model_image.name(context, model)
  local found, err = context.engine:inspect_image(name)
  if not found then
    if err.code == "not_found" then return false end
    return nil, err.message
  end
  local is_stale = is_generated(context, found) and labels.recipe(labels_of(found)) ~= recipe(model, artifact, base.Id)
  return not is_stale and name
end

--- Makes sure that a model's generated image exists.
---@param context table
---@param deployment { model: string, info: table }
---@return string|nil name
---@return string|nil problem
function model_image.ensure(context, deployment)
  local name = model_image.name(context, deployment.model)
  local artifact, problem = model_image.artifact(deployment.info)
  if not artifact then return nil, ("%s (and there is no custom model image %s)"):format(problem, name) end
  local base, why = base_image(context)
  if not base then return nil, ("the prediction server's image is not available: %s"):format(why.message) end
  local held <close> = build_lock(context, name, health.budget(context.config.startTimeout))
  local found, failure = find(context, deployment.model, artifact, base)
  if found ~= false then return found, failure end
  local id, err = build(context, deployment.model, artifact, base.Id)
  if id then return name end
  if held then clear(context, name) end
  return nil, ("cannot build the image %s: %s"):format(name, err.message)
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
  if now and (now.Id == image or not is_generated(context, now)) then return true end
  local tagged, err = context.engine:tag_image(image, name)
  return tagged, err and err.message
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
