--- Images without a builder: the plugin adds a layer with the model package to the base image, over the registries'
--- API. No pod, no privilege; the package goes from the agent's machine to the registry.

local errors = require "bosun.error"
local files = require "bosun.artifact"
local model_package = require "bosun.prediction_server.model_package"
local tar = require "bosun.tar"
local time = require "bosun.time"

local registries = require "kubernetes.registries"

local ARCHITECTURE = "kubernetes.io/arch" -- label of nodes

--- The platform of the nodes that the servers are for, where the config names it.
local function platform_of(context)
  local architecture = (context.config.nodeSelector or {})[ARCHITECTURE]
  return architecture and "linux/" .. architecture or nil
end

local function failed(request, err)
  return nil, errors.wrap(err, ("cannot build the image %s:%s"):format(request.repository, request.tag))
end

--- Is the package still the one that was looked at, and whose digest was taken? Asked before the image gets its name.
local function confirm(request, before)
  local now = files.look(request.artifact.path)
  if before and now and now.size == before.size and now.version == before.version then
    return model_package.is_unchanged(request.deployment, request.artifact)
  end
  return nil, errors.new { code = "invalid", op = "read the model",
    message = ("%s changed while it was read"):format(request.artifact.path) }
end

--- Builds the image of a request: { deployment, repository, tag, base, artifact, file (name inside the image), folder,
--- labels }.
---@param context table
---@param request table
---@return string|nil digest of the image; in a dry run, of zeros
---@return bosun.Error|nil err
local function build(context, request)
  local limit <close> = time.limit(context.config.buildTimeout) -- luacheck: ignore
  local client <close>, err = registries.client(context) -- luacheck: ignore
  if not client then return failed(request, err) end
  local package = request.artifact.path
  local before = files.look(package)
  local archive = tar.new {
    { name = ("%s/%s"):format(request.folder:gsub("^/+", ""), request.file), path = package },
  }
  context.note("building the model's image", { image = request.repository .. ":" .. request.tag, package = package,
    bytes = request.artifact.size })
  local pushed, problem = client:append(request.base, request.repository .. ":" .. request.tag, archive, {
    labels = request.labels, platform = platform_of(context), note = "base " .. request.base,
    created_by = "bosun: the model package " .. request.file,
    confirm = function() return confirm(request, before) end,
  })
  if pushed then return pushed.digest end
  return failed(request, problem)
end

return build
