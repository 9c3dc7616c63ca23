--- The image that a deployment's container runs: the prediction server with the model package in it, built when it is
--- needed; or a custom model's image of that name that somebody else made, which is used as it is.
---
--- A generated image is known by its labels. The Dockerfile sets them before it copies the package, so that whatever an
--- interrupted build leaves has them, and is found.

local crypto = require "bosun.crypto"
local docker = require "bosun.docker"
local fs = require "bosun.fs"
local path = require "bosun.path"
local prediction_server = require "bosun.prediction_server"
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

--- The custom model's image of this name: nil when there is none; nil and an error when nobody can tell.
---@return table|nil inspected
---@return bosun.Error|nil err
function model_image.custom(context, model)
  local found, err = context.engine:inspect_image(model_image.name(context, model))
  if found then return not is_generated(context, found) and found or nil end
  if err.code == "not_found" then return nil end
  return nil, err
end

--- The model package that an action was given, checked.
---@return { path: string, file: string, size: integer }|nil artifact
---@return string|nil problem
local function check_artifact(artifact)
  if type(artifact) ~= "string" or artifact == "" then return nil, "deploymentInfo.modelArtifact is missing" end
  if artifact:find("\0", 1, true) then return nil, "deploymentInfo.modelArtifact is no path: it holds a NUL" end
  local stat, err = fs.stat(artifact)
  if not stat then return nil, ("the model package cannot be had: %s"):format(err.message) end
  if stat.type ~= "file" then return nil, ("modelArtifact %s is a %s; expected a file"):format(artifact, stat.type) end
  if stat.size == 0 then return nil, ("the model package %s is empty"):format(artifact) end
  local file = path.basename(artifact)
  local safe, problem = path.safe_component(file, nil, "the model package's file name")
  if not safe then return nil, problem.message end
  return { path = artifact, file = file, size = stat.size }
end
model_image.check_artifact = check_artifact

--- Inside the image the package has a name that the server knows for one.
local function package_name(artifact)
  return artifact.file:find("%.mlpkg$") and artifact.file or artifact.file .. ".mlpkg"
end

--- The digest of what an image is made from. Of the package it is the name and size: a model's id stands for its
--- content.
local function recipe(model, artifact, base_id)
  return crypto.sha256(("%s\0%s\0%d\0%s"):format(model, artifact.file, artifact.size, base_id))
end

local function dockerfile(context, found_labels)
  local set = {}
  for key, value in pairs(found_labels) do set[#set + 1] = ('"%s"="%s"'):format(key, value) end
  table.sort(set)
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
  if not found and context.dry_run then return { Id = base } end -- it would be there by now
  return found, problem
end

--- What to remove of a generated image: the name that it was built for, or, when it has none, itself. Names that others
--- gave it are theirs: nil.
local function removable(found)
  local names_of = type(found.RepoTags) == "table" and found.RepoTags or {}
  if #names_of == 0 then return found.Id end
  for _, name in ipairs(names_of) do
    if docker.same_image(name, labels.image_name(labels_of(found)) or "") then return name end
  end
end

--- Removes an image, if it was generated and nobody uses it.
local function remove(context, image)
  local found = context.engine:inspect_image(image)
  local name = found and is_generated(context, found) and removable(found)
  if not name then return end
  -- An engine that is busy with an archive keeps whoever removes an image waiting.
  local removed, err = context.engine:remove_image(name, { timeout = math.max(1, health.budget(REMOVAL_TIMEOUT)) })
  if removed then
    context.note("removed the model's image", { image = name })
  elseif err.code ~= "conflict" then
    context.log:warn("the model's image is not removed", { image = name, error = err })
  end
end

--- Removes what failed and interrupted builds of an image left. To be called with its lock.
local function clear(context, name)
  local found, err = context.engine:list_images {
    labels = labels.image_filter(context, name), filters = { dangling = { "true" } },
  }
  if not found then return context.log:warn("what earlier builds left cannot be listed", { error = err }) end
  for _, image in ipairs(found) do remove(context, image.Id) end
end

--- One build of an image at a time: a second one would only leave an image without a name.
local function build_lock(context, name, seconds)
  return (lock.take(context, "image " .. name, seconds))
end

--- The image's name when it is there already; false when it has to be built; or nil and an error.
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

--- Sees to it that a model's generated image is there. Its name; or nil and in words why not.
---@param context table
---@param deployment { model: string, info: table }
---@return string|nil name
---@return string|nil problem
function model_image.ensure(context, deployment)
  local name = model_image.name(context, deployment.model)
  local artifact, problem = check_artifact(deployment.info.modelArtifact)
  if not artifact then return nil, ("%s (and there is no image %s of a custom model)"):format(problem, name) end
  local base, why = base_image(context)
  if not base then return nil, ("the prediction server's image cannot be had: %s"):format(why.message) end
  local held <close> = build_lock(context, name, health.budget(context.config.startTimeout))
  local found, failure = find(context, deployment.model, artifact, base)
  if found ~= false then return found, failure end
  local id, err = build(context, deployment.model, artifact, base.Id)
  if id then return name end
  if held then clear(context, name) end
  return nil, ("the image %s was not built: %s"):format(name, err.message)
end

--- Removes a model's image, if it was generated and nobody uses it, and what is left of its builds.
---@param context table
---@param model string
---@param image? string id, when it may have lost its name
function model_image.remove(context, model, image)
  local name = model_image.name(context, model)
  remove(context, image or name)
  local held <close> = build_lock(context, name, 0)
  if held then clear(context, name) end
end

--- Gives an image its name back, which a newer build took; not from what somebody else built.
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

--- Removes generated images that nobody uses: what interrupted runs left. A younger one may be that of a deployment
--- which starts at this moment.
---@param context table
---@param deployments table<string, docker.Instance[]>
function model_image.sweep(context, deployments)
  local found, err = context.engine:list_images { labels = labels.image_filter(context) }
  if not found then return context.log:warn("what earlier runs left cannot be listed", { error = err }) end
  local used = {}
  for _, instances in pairs(deployments) do
    for _, instance in ipairs(instances) do used[instance.image_id] = true end
  end
  for _, image in ipairs(found) do
    if not used[image.Id] and time.now() - image.Created > LEFTOVER_AGE then remove(context, image.Id) end
  end
end

return model_image
