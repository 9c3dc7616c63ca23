--- The labels of generated images, which say what an image was made of and for whom; and the tags.

local crypto = require "bosun.crypto"
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
local NAMESPACE = "bosun.namespace" -- kubeNamespace

local LONGEST_TAG = 128
local DIGITS = 10

--- The id of the model package in the name that the agent gives it; nil: it has another name.
local function package_id(info)
  local path = type(info.modelArtifact) == "string" and info.modelArtifact or ""
  return path:match "model_(%w+)%.mlpkg$"
end

--- A label's value. A line of a Dockerfile cannot hold control characters.
local function value_of(text)
  return text and text:gsub("%c", " ") or nil
end

--- What tells apart those who share a repository.
local function scope(context)
  local parts = { context.config.objectNamePrefix, context.environment or "", context.namespace }
  return crypto.sha256(table.concat(parts, "\0")):sub(1, DIGITS)
end

--- The image's name for a model package: "<repository>:m-<model package id>". Where the agent does not say the id, that
--- of the model stands in for it.
---@param context table
---@param deployment { model: string, info: table }
---@param is_own? boolean the name for this environment alone, where another one has built the image of the plain name
---@return string tag without the repository
---@return string name with it
function image_labels.tag(context, deployment, is_own)
  local id = package_id(deployment.info) or deployment.model
  local suffix = is_own and "-" .. scope(context) or ""
  local is_plain = #id + 2 + #suffix <= LONGEST_TAG and not id:find "[^%w_.-]"
  local tag = "m-" .. (is_plain and id or names.label(id)) .. suffix
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
    [MODEL] = value_of(made.model), [PREFIX] = context.config.objectNamePrefix,
    [ENVIRONMENT] = value_of(context.environment), [NAMESPACE] = context.namespace,
  }
end

--- Did this environment build an image with these labels? Whoever shares the repository may run it all the same.
---@param context table
---@param labels table<string, string>
---@return boolean
function image_labels.is_ours(context, labels)
  return labels[TAG] ~= nil and labels[PREFIX] == context.config.objectNamePrefix
    and owner.agrees(labels[ENVIRONMENT], value_of(context.environment))
    and owner.agrees(labels[NAMESPACE], context.namespace)
end

---@class kubernetes.ImageLabels
---@field is_generated boolean the plugin built it, for this name: nobody has derived another image from it
---@field is_others boolean it did so for another environment, which removes it when it needs it no longer
---@field package? string
---@field base? string
---@field base_digest? string

--- What the labels of an image say.
---@param context table
---@param name string that it was found under
---@param labels table<string, string>
---@return kubernetes.ImageLabels
function image_labels.read(context, name, labels)
  local is_generated = labels[TAG] == name
  return {
    is_generated = is_generated, is_others = is_generated and not image_labels.is_ours(context, labels),
    package = labels[PACKAGE],
    base = labels[BASE], base_digest = labels[BASE_DIGEST],
  }
end

return image_labels
