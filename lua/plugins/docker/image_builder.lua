--- How the image of a model package is made: the engine builds it, or the plugin adds the package to the base image in
--- the registry, from where the engine pulls the result. Either way the engine then has it under its name.

local docker = require "bosun.docker"
local errors = require "bosun.error"
local prediction_server = require "bosun.prediction_server"
local registry = require "bosun.registry"
local tables = require "bosun.tables"
local tar = require "bosun.tar"

local labels = require "docker.labels"
local services = require "docker.services"

local image_builder = {}

--- What an image is built on: its id in the engine, and how many layers it has, nil: not known.
---@class docker.Base
---@field id string
---@field layers? integer

-- ---- the engine -----------------------------------------------------------------------------------------------------

local engine = {}

local function base_of(found)
  local layers = type(found.RootFS) == "table" and type(found.RootFS.Layers) == "table" and #found.RootFS.Layers or nil
  return { id = found.Id, layers = layers }
end

function engine.base(context)
  local name = context.config.ppsBaseImage
  local got, err = services.need_image(context, name)
  if not got then return nil, err end
  local found, problem = context.engine:inspect_image(name)
  if found then return base_of(found) end
  if context.dry_run then return { id = name } end -- it would have been pulled
  return nil, problem
end

--- A base image that the engine lacks is not pulled to find its id out.
function engine.base_id(context)
  local found = context.engine:inspect_image(context.config.ppsBaseImage)
  return found and found.Id
end

local function dockerfile(context, given)
  local set = {}
  for i, key in ipairs(tables.sorted_keys(given)) do set[i] = ('"%s"="%s"'):format(key, given[key]) end
  return ("FROM %s\nLABEL %s\nCOPY model/ %s/\n"):format(context.config.ppsBaseImage, table.concat(set, " "),
    prediction_server.MODEL_FOLDER)
end

function engine.build(context, request)
  local archive = tar.new {
    { name = "Dockerfile", content = dockerfile(context, request.labels) },
    { name = "model/" .. request.file, path = request.path },
  }
  return context.engine:build(archive, { tag = request.name })
end

-- ---- a registry -----------------------------------------------------------------------------------------------------

local in_registry = {}

--- The registries that the engine itself asks without TLS, or whatever their certificate.
local function insecure_of(info)
  local config = type(info.RegistryConfig) == "table" and info.RegistryConfig.IndexConfigs
  local list = {}
  for domain, index in pairs(type(config) == "table" and config or {}) do
    if type(index) == "table" and index.Secure == false then list[#list + 1] = domain end
  end
  table.sort(list)
  return list
end

local function client_of(context)
  local info, err = context.engine:info()
  if not info then return nil, err end
  return registry.client { config_file = context.config.dockerConfigFile, insecure = insecure_of(info) }
end

--- The platform of the engine: "linux/amd64".
local function platform_of(context)
  local version, err = context.engine:call("GET", "/version", { what = "ask for the engine's platform" })
  if not version then return nil, err end
  return ("%s/%s"):format(version.Os, version.Arch)
end

local function read_base(context)
  local client <close>, err = client_of(context) -- luacheck: ignore
  if not client then return nil, err end
  local platform, problem = platform_of(context)
  if not platform then return nil, problem end
  local manifest, why = client:image(context.config.ppsBaseImage, { platform = platform })
  if not manifest then return nil, why end
  return { id = manifest.content.config.digest, layers = #manifest.content.layers, platform = platform }
end

--- Asks the registry once for each action.
function in_registry.base(context)
  if context.base_in_registry then return context.base_in_registry end
  local base, err = read_base(context)
  context.base_in_registry = base
  return base, err
end

function in_registry.base_id(context)
  local base, err = in_registry.base(context)
  if base then return base.id end
  context.log:warn("cannot see whether the base image is a newer one now", { error = err })
end

--- Has the engine fetch exactly what was pushed, under its name. The name with the digest goes again: otherwise an
--- image that has lost its name to a newer one would never count as one without a name.
local function fetch(context, pushed, name)
  local pulled, err = context.engine:pull(pushed.reference)
  if not pulled then return nil, err end
  local tagged, problem = context.engine:tag_image(pushed.reference, name)
  if not tagged then return nil, problem end
  if context.dry_run then return pushed.config end
  local removed, why = context.engine:remove_image(pushed.reference)
  if not removed then context.log:info("an image keeps a second name", { name = pushed.reference, error = why }) end
  local found, missing = context.engine:inspect_image(name)
  return found and found.Id, missing
end

--- Why an image cannot be pushed: its name is taken. nil: it can.
local function problem_of_name(context, client, name)
  local found, config = client:image(name)
  if not found then
    local err = config
    return err.code ~= "MANIFEST_UNKNOWN" and err.code ~= "NAME_UNKNOWN" and err or nil
  end
  local of_image = type(config.config) == "table" and config.config.Labels or nil
  if labels.is_ours(context, of_image) then return nil end
  return errors.new { code = "conflict", op = "build an image",
    message = ("the registry has an image %s that this plugin has not made: docker pull it, to use it as a custom "
      .. "model's image, or delete it there"):format(name) }
end

function in_registry.build(context, request)
  local client <close>, err = client_of(context) -- luacheck: ignore
  if not client then return nil, err end
  local taken = problem_of_name(context, client, request.name)
  if taken then return nil, taken end
  local folder = prediction_server.MODEL_FOLDER:gsub("^/", "")
  local archive = tar.new { { name = folder .. "/" .. request.file, path = request.path } }
  local pushed, problem = client:append(context.config.ppsBaseImage, request.name, archive, {
    labels = request.labels, platform = request.base.platform, note = "base " .. context.config.ppsBaseImage,
    created_by = "bosun: the model package " .. request.file, confirm = request.confirm,
  })
  if not pushed then return nil, problem end
  return fetch(context, pushed, request.name)
end

-- ---- the choice -----------------------------------------------------------------------------------------------------

local BUILDERS = { engine = engine, registry = in_registry }

image_builder.NAMES = tables.sorted_keys(BUILDERS)

local function chosen(context)
  return BUILDERS[context.config.imageBuilder]
end

--- The base image, which is pulled if the engine needs it for the build.
---@param context table
---@return docker.Base|nil base
---@return bosun.Error|nil err
function image_builder.base(context)
  return chosen(context).base(context)
end

--- The id of the base image that a new image would get; nil: not known.
---@param context table
---@return string|nil
function image_builder.base_id(context)
  return chosen(context).base_id(context)
end

--- Makes the image of a model package: { name, labels, file (name in the image), path, base, confirm (is the package
--- the same as before? asked before an image gets a name in a registry) }. Its id in the engine.
---@param context table
---@param request table
---@return string|nil id
---@return bosun.Error|nil err
function image_builder.build(context, request)
  return chosen(context).build(context, request)
end

--- What is wrong with a prefix of image names for this builder: a registry has to be in it, which the images go to.
---@param builder string
---@param prefix string
---@return string|nil problem
function image_builder.prefix_problem(builder, prefix)
  local first = prefix:match "^([^/]+)/"
  local names_one = first and (first:find "[.:]" or first == "localhost")
  if builder ~= "registry" or names_one and docker.parse_reference(prefix .. "x") then return nil end
  return "names no registry, to which imageBuilder: registry pushes; expected a prefix such as "
    .. "registry.example.com/models/mlops_"
end

return image_builder
