--- The labels of generated images, which say what an image was made of and for whom; and the tags.

local owner = require "bosun.prediction_server.owner"

local names = require "kubernetes.names"

local image_labels = {}

local TAG = "bosun.image" -- the name that it was built for, with the repository
local PACKAGE = "bosun.package" -- SHA-256 of the model package
local BASE = "bosun.base" -- ppsBaseImage
local BASE_DIGEST = "bosun.base-digest"
local MODEL = "bosun.model"
local PREFIX = "bosun.prefix" -- objectNamePrefix
local ENVIRONMENT = "bosun.environment"

local LONGEST_TAG = 128

--- The id of the model package in the name that the agent gives it; nil: it has another name.
local function package_id(info)
  local path = type(info.modelArtifact) == "string" and info.modelArtifact or ""
  return path:match "model_(%w+)%.mlpkg$"
end

--- The image's name for a model package: "<repository>:m-<model package id>". Where the agent does not say the id, that
--- of the model stands in for it.
---@param context table
---@param deployment { model: string, info: table }
---@return string tag without the repository
---@return string name with it
function image_labels.tag(context, deployment)
  local id = package_id(deployment.info) or deployment.model
  local is_plain = #id + 2 <= LONGEST_TAG and not id:find "[^%w_.-]"
  local tag = "m-" .. (is_plain and id or names.label(id))
  return tag, ("%s:%s"):format(context.config.generatedImageRepo, tag)
end

--- The labels of an image that is to be built.
---@param context table
---@param name string
---@param made { model: string, package?: string, base_digest?: string }
---@return table<string, string>
function image_labels.of(context, name, made)
  return {
    [TAG] = name, [PACKAGE] = made.package, [BASE] = context.config.ppsBaseImage, [BASE_DIGEST] = made.base_digest,
    [MODEL] = made.model, [PREFIX] = context.config.objectNamePrefix, [ENVIRONMENT] = context.environment,
  }
end

--- Did this environment build an image with these labels?
---@param context table
---@param labels table<string, string>
---@return boolean
function image_labels.is_ours(context, labels)
  return labels[TAG] ~= nil and labels[PREFIX] == context.config.objectNamePrefix
    and owner.agrees(labels[ENVIRONMENT], context.environment)
end

---@class kubernetes.ImageLabels
---@field is_generated boolean the plugin built it, for this name: nobody has derived another image from it
---@field package? string
---@field base? string
---@field base_digest? string

--- What the labels of an image say.
---@param name string that it was found under
---@param labels table<string, string>
---@return kubernetes.ImageLabels
function image_labels.read(name, labels)
  return {
    is_generated = labels[TAG] == name, package = labels[PACKAGE], base = labels[BASE],
    base_digest = labels[BASE_DIGEST],
  }
end

return image_labels
