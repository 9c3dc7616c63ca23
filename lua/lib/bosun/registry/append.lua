--- Internal: an image made of another one and a layer, without a builder and without an engine.
---
--- Format: OCI image-spec (config, layer), Docker's schema 2.

---@class bosun.registry.Client
local Client = require "bosun.registry.client"

local effect = require "bosun.effect"
local errors = require "bosun.registry.errors"
local json = require "bosun.json"
local options_of = require("bosun.options").check
local progress = require "bosun.registry.progress"
local tables = require "bosun.tables"
local time = require "bosun.time"

--- The type of a layer that is a plain tar archive, by the type of the manifest.
local LAYER_TYPES = {
  ["application/vnd.oci.image.manifest.v1+json"] = "application/vnd.oci.image.layer.v1.tar",
  ["application/vnd.docker.distribution.manifest.v2+json"] = "application/vnd.docker.image.rootfs.diff.tar",
}
local NO_DIGEST = "sha256:" .. ("0"):rep(64)

local APPEND = {
  labels = "table", env = "table", platform = "string", created_by = "string", created = "number", note = "string",
  confirm = "function",
}

---@class bosun.registry.AppendOptions
---@field labels? table<string, string> added to those of the base image
---@field env? table<string, string> environment variables, the same
---@field platform? string where the base image is one of several: "linux/arm64"; default "linux/amd64"
---@field created_by? string of the layer, for the image's history; default "bosun"
---@field created? number seconds since the epoch; default: now
---@field confirm? fun(): true|nil, any asked when the layer has been sent, before there is an image; nil, err: there
---will be none. A model that was altered while it was read must not get a name
---@field note? string for the plan of a dry run, such as "base alpine"

---@class bosun.registry.Pushed
---@field digest string of the manifest; in a dry run, of zeros
---@field reference string "registry.example/a@sha256:…": the image and no other
---@field config string digest of the image's config, which is its ID in a Docker Engine
---@field layer { digest: string, size: integer }
---@field base string digest of the manifest of the base image, that of the platform
---@field layers integer how many the image has

-- ---- base image -----------------------------------------------------------------------------------------------------

--- Layers that only their own servers may hand out stay there.
local function is_elsewhere(layer)
  return type(layer.mediaType) == "string"
    and (layer.mediaType:find("nondistributable", 1, true) or layer.mediaType:find("foreign", 1, true)) ~= nil
end

local function read_base(client, base, platform, what)
  local at, err = Client._parse(base, what)
  if not at then return nil, err end
  local reading = ("%s: read the base image %s"):format(what, at.familiar)
  local manifest, problem = client:_image(at, platform, reading)
  if not manifest then return nil, problem end
  local config, wrong = client:_config(at, manifest, reading)
  if not config then return nil, wrong end
  local diff_ids = type(config.rootfs) == "table" and config.rootfs.diff_ids
  if type(diff_ids) ~= "table" or #diff_ids ~= #manifest.content.layers then
    return nil, errors.invalid(what, "no layer can be added to %s: its config does not list its layers", at.familiar)
  end
  return { at = at, manifest = manifest, config = config }
end

--- Makes sure that the target's repository has the layers of the base image.
local function bring_layers(client, base, at, what)
  local write = progress.writer(client._on_progress)
  local counts = { there = 0, mounted = 0, copied = 0 }
  for i, layer in ipairs(base.manifest.content.layers) do
    if not is_elsewhere(layer) then
      local part = ("%s: layer %d of %s"):format(what, i, base.at.familiar)
      local how, err = client:_bring_blob(base.at, at, layer, part)
      if not how then return nil, err end
      counts[how] = counts[how] + 1
    end
  end
  write(("%s: layers of %s: %d there, %d mounted, %d copied"):format(what, base.at.familiar, counts.there,
    counts.mounted, counts.copied))
  return true
end

-- ---- layer ----------------------------------------------------------------------------------------------------------

--- `open` of an upload: the bytes of an archive.
local function opener(archive)
  return function(offset)
    local read, skip = archive:reader(), offset
    return function()
      while true do
        local piece, err = read()
        if not piece then return nil, err end
        if skip < #piece then
          local rest = skip > 0 and piece:sub(skip + 1) or piece
          skip = 0
          return rest
        end
        skip = skip - #piece
      end
    end
  end
end

local function push_layer(client, at, archive, size, what)
  local blob = { what = what .. ": the new layer", size = size, open = opener(archive) }
  return client:_push_blob(at, blob)
end

-- ---- config and manifest --------------------------------------------------------------------------------------------

local function object_of(value)
  return type(value) == "table" and value ~= json.null and value or {}
end

--- The environment of a config with more variables, which take the place of those of the same name.
local function environment(list, more)
  local result = json.array {}
  for _, assignment in ipairs(list) do
    if more[tostring(assignment):match "^[^=]*"] == nil then result[#result + 1] = assignment end
  end
  for _, name in ipairs(tables.sorted_keys(more)) do result[#result + 1] = ("%s=%s"):format(name, more[name]) end
  return result
end

local function with(list, item)
  local longer = json.array {}
  for i, one in ipairs(object_of(list)) do longer[i] = one end
  longer[#longer + 1] = item
  return longer
end

--- The config of the new image. A history tells of each layer, or is left as it is.
local function new_config(base, layer, options)
  local created = time.format(options.created or time.now())
  local config = tables.copy(base.config, { created = created })
  local inner = tables.copy(object_of(base.config.config))
  if options.labels then inner.Labels = tables.copy(object_of(inner.Labels), options.labels) end
  if options.env then inner.Env = environment(object_of(inner.Env), options.env) end
  config.config = inner
  config.rootfs = { type = "layers", diff_ids = with(base.config.rootfs.diff_ids, layer.digest) }
  config.history = with(base.config.history, { created = created, created_by = options.created_by or "bosun" })
  return json.encode(config, { sort = true })
end

local function new_manifest(base, layer, config_digest, config_size)
  local manifest = tables.copy(base.manifest.content)
  manifest.mediaType = base.manifest.media_type
  manifest.subject = nil
  manifest.config = tables.copy(manifest.config, { digest = config_digest, size = config_size })
  manifest.layers = with(manifest.layers, {
    mediaType = LAYER_TYPES[base.manifest.media_type], digest = layer.digest, size = layer.size,
  })
  return json.encode(manifest, { sort = true })
end

local function push_rest(client, at, base, layer, options, what)
  if options.confirm then
    local ok, problem = options.confirm()
    if not ok then return nil, errors.wrap(problem, what) end
  end
  local config = new_config(base, layer, options)
  local config_digest, err = client:_push_text(at, config, what .. ": the config")
  if not config_digest then return nil, err end
  local text = new_manifest(base, layer, config_digest, #config)
  local digest, problem = client:_put_manifest(at, base.manifest.media_type, text, what)
  if not digest then return nil, problem end
  return {
    digest = digest, reference = at.familiar_name .. "@" .. digest, config = config_digest, layer = layer,
    base = base.manifest.digest, layers = #base.manifest.content.layers + 1,
  }
end

-- ---- for everyone ---------------------------------------------------------------------------------------------------

local function check_texts(map, option)
  for name, value in pairs(map or {}) do
    if type(name) ~= "string" or type(value) ~= "string" or name:find "[=%z]" and option == "env" then
      error(("client:append: option %s: expected names and texts"):format(option), 3)
    end
  end
end

local function planned(at, base, size)
  return {
    digest = NO_DIGEST, reference = at.familiar_name .. "@" .. NO_DIGEST, config = NO_DIGEST,
    layer = { digest = NO_DIGEST, size = size }, base = base.manifest.digest,
    layers = #base.manifest.content.layers + 1,
  }
end

--- Adds a layer to an image and pushes the result: no engine, no builder. The layers of the base image are mounted
--- where the registry has them, or else copied. The new one is sent as it is, uncompressed, and never as a whole in
--- memory.
---
---     local archive = tar.new { { name = "opt/ml/model/model.mlpkg", path = package } }
---     local image = assert(client:append("registry.example/pps:1", "registry.example/models:m-1", archive))
---     log.info(image.reference)
---
---@param base string name of the base image
---@param target string name of the new one, with its tag
---@param archive bosun.tar.Archive files of the layer, by their paths in the image
---@param options? bosun.registry.AppendOptions
---@return bosun.registry.Pushed|nil pushed
---@return bosun.registry.Error|nil err
function Client:append(base, target, archive, options)
  options = options_of("client:append", options, APPEND)
  check_texts(options.labels, "labels")
  check_texts(options.env, "env")
  local what = "push " .. tostring(target)
  local at, err = Client._parse(target, what)
  if not at then return nil, err end
  if at.digest then return nil, errors.invalid(what, "an image is pushed by tag, not by digest") end
  local size, unreadable = archive:size()
  if not size then return nil, errors.wrap(unreadable, what) end
  local from, problem = read_base(self, base, options.platform, what)
  if not from then return nil, problem end
  local note = ("%s (%s%s MB)"):format(at.familiar, options.note and options.note .. ", " or "",
    progress.megabytes(size))
  if not effect.begin("registry.push", note) then return planned(at, from, size) end
  local ok, wrong = bring_layers(self, from, at, what)
  if not ok then return nil, wrong end
  local digest, failed = push_layer(self, at, archive, size, what)
  if not digest then return nil, failed end
  return push_rest(self, at, from, { digest = digest, size = size }, options, what)
end

return Client
