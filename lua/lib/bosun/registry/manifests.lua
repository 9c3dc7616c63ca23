--- Internal: manifests and indexes: what an image consists of, and for which platforms there are images.
---
--- Format: OCI image-spec (manifest, image-index), Docker's "Image Manifest V 2, Schema 2".

---@class bosun.registry.Client
local Client = require "bosun.registry.client"

local crypto = require "bosun.crypto"
local effect = require "bosun.effect"
local errors = require "bosun.registry.errors"
local json = require "bosun.json"
local options_of = require("bosun.options").check
local words = require "bosun.http.words"

local OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
local OCI_INDEX = "application/vnd.oci.image.index.v1+json"
local DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
local DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
local ACCEPT = table.concat({ OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST }, ", ")
local KINDS = { [OCI_MANIFEST] = "image", [DOCKER_MANIFEST] = "image", [OCI_INDEX] = "index", [DOCKER_LIST] = "index" }
local LARGEST = 4 * 1024 * 1024 -- what registries take
local DEFAULT_PLATFORM = "linux/amd64"

---@class bosun.registry.Manifest
---@field digest string "sha256:…" of its bytes
---@field media_type string
---@field kind "image"|"index"
---@field content table the object of the registry, as it is
---@field bytes string the same, as the registry has it
---@field platform? string of an image that an index named: "linux/arm64/v8"

local function path_of(at, name)
  return ("/v2/%s/manifests/%s"):format(at.repository, name)
end

--- The kind of a manifest; nil: not one that can be used.
local function media_type_of(content, resp)
  local header = (resp.headers["Content-Type"] or ""):match "^%s*([^%s;]+)"
  local media_type = type(content.mediaType) == "string" and content.mediaType or header or ""
  if KINDS[media_type] then return media_type end
  if content.schemaVersion ~= 2 then return nil, "it has the old format of Docker (schema 1)" end
  if type(content.manifests) == "table" then return OCI_INDEX end
  if type(content.layers) == "table" and type(content.config) == "table" then return OCI_MANIFEST end
  return nil, ('it has the type "%s"'):format(media_type)
end

--- A descriptor needs a digest and a size before it can be used.
local function is_descriptor(value)
  return type(value) == "table" and type(value.digest) == "string" and value.digest:find "^sha256:%x+$"
    and math.type(value.size) == "integer" and value.size >= 0
end

local function problem_of_content(content, kind)
  local list = kind == "index" and content.manifests or content.layers
  if type(list) ~= "table" then return "it has no list of " .. (kind == "index" and "images" or "layers") end
  for _, descriptor in ipairs(list) do
    if not is_descriptor(descriptor) then return "an entry has no digest or no size" end
  end
  if kind == "image" and not is_descriptor(content.config) then return "its config has no digest or no size" end
end

--- Checks the digest of a reply: the one asked for, and the one that the registry names.
local function check_digest(at, wanted, resp, what)
  local actual = "sha256:" .. crypto.sha256(resp.body)
  local named = resp.headers["Docker-Content-Digest"]
  for _, expected in ipairs { wanted or named, named } do
    if expected and expected:find "^sha256:" and expected ~= actual then
      return nil, errors.digest(what, "the registry %s sent a manifest with the digest %s, not %s", at.domain, actual,
        expected)
    end
  end
  return actual
end

--- The manifest of this name, a tag or a digest.
function Client:_manifest(at, name, what)
  local resp, err = self:_send(at, "GET", path_of(at, name), {
    what = what, unknown = "MANIFEST_UNKNOWN", headers = { Accept = ACCEPT }, max_bytes = LARGEST,
  })
  if not resp then return nil, err end
  local digest, wrong = check_digest(at, name:find ":" and name or nil, resp, what)
  if not digest then return nil, wrong end
  local content = json.decode(resp.body)
  if type(content) ~= "table" then
    return nil, errors.new { code = "protocol",
      message = ("%s: the manifest from %s is not JSON: %s"):format(what, at.domain, words.of_body(resp.body)) }
  end
  local media_type, other = media_type_of(content, resp)
  local kind = KINDS[media_type]
  local problem = other or problem_of_content(content, kind)
  if problem then return nil, errors.invalid(what, "the manifest from %s cannot be used: %s", at.domain, problem) end
  return { digest = digest, media_type = media_type, kind = kind, content = content, bytes = resp.body }
end

-- ---- platforms ------------------------------------------------------------------------------------------------------

--- "linux/arm64/v8"
local function platform_of(descriptor)
  local platform = type(descriptor.platform) == "table" and descriptor.platform or {}
  local parts = {}
  for _, name in ipairs { "os", "architecture", "variant" } do
    if type(platform[name]) == "string" and platform[name] ~= "" then parts[#parts + 1] = platform[name] end
  end
  return table.concat(parts, "/")
end

--- Is the platform the wanted one? Without a variant, any will do.
local function matches(platform, wanted)
  return platform == wanted or platform:sub(1, #wanted + 1) == wanted .. "/"
end

--- The entry of an index for a platform.
local function choose(index, wanted, what)
  local names = {}
  for _, descriptor in ipairs(index.content.manifests) do
    local platform = platform_of(descriptor)
    if matches(platform, wanted) then return descriptor, platform end
    if platform ~= "" and platform ~= "unknown/unknown" then names[#names + 1] = platform end
  end
  local others = #names > 0 and "there are those for " .. table.concat(names, ", ") or "the index names no platform"
  return nil, errors.new { code = "MANIFEST_UNKNOWN",
    message = ("%s: there is no image for the platform %s; %s"):format(what, wanted, others) }
end

--- The manifest of an image: of the platform, where the name is that of an index.
function Client:_image(at, platform, what)
  local found, err = self:_manifest(at, at.digest or at.tag, what)
  if not found or found.kind == "image" then return found, err end
  local descriptor, chosen = choose(found, platform or DEFAULT_PLATFORM, what)
  if not descriptor then return nil, chosen end
  local image, problem = self:_manifest(at, descriptor.digest, what)
  if not image then return nil, problem end
  if image.kind ~= "image" then return nil, errors.invalid(what, "an index of indexes is not supported") end
  image.platform = chosen
  return image
end

-- ---- for everyone ---------------------------------------------------------------------------------------------------

--- Reads the manifest that a name has: that of an image, or an index.
---@param ref string
---@return bosun.registry.Manifest|nil manifest
---@return bosun.registry.Error|nil err code "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "UNAUTHORIZED", "DENIED";
---"wrong_digest": the registry sends something else
function Client:manifest(ref)
  local what = "read the manifest of " .. tostring(ref)
  local at, err = Client._parse(ref, what)
  if not at then return nil, err end
  return self:_manifest(at, at.digest or at.tag, what)
end

--- Reads the manifest of an image for a platform, and its config.
---@param ref string
---@param options? { platform?: string } where the name is that of an index: "linux/arm64"; default "linux/amd64"
---@return bosun.registry.Manifest|nil manifest
---@return table|bosun.registry.Error|nil config the object of the registry; or the error
function Client:image(ref, options)
  options = options_of("client:image", options, { platform = "string" })
  local what = "read the image " .. tostring(ref)
  local at, err = Client._parse(ref, what)
  if not at then return nil, err end
  local found, problem = self:_image(at, options.platform, what)
  if not found then return nil, problem end
  local config, wrong = self:_config(at, found, what)
  if not config then return nil, wrong end
  return found, config
end

--- The config of an image, decoded.
function Client:_config(at, manifest, what)
  local text, err = self:_small_blob(at, manifest.content.config, what)
  if not text then return nil, err end
  local config = json.decode(text)
  if type(config) == "table" then return config end
  return nil, errors.invalid(what, "the config of the image is not a JSON object")
end

--- The digest that a name has, without its manifest. nil without an error: there is no such image.
---@param ref string
---@return string|nil digest
---@return bosun.registry.Error|nil err
function Client:digest(ref)
  local what = "look for " .. tostring(ref)
  local at, err = Client._parse(ref, what)
  if not at then return nil, err end
  local resp, problem = self:_send(at, "HEAD", path_of(at, at.digest or at.tag), {
    what = what, unknown = "MANIFEST_UNKNOWN", headers = { Accept = ACCEPT },
  })
  if not resp and problem.status == 404 then return nil end
  if not resp then return nil, problem end
  local digest = resp.headers["Docker-Content-Digest"]
  if digest and digest:find "^sha256:%x+$" then return digest end
  local found, wrong = self:_manifest(at, at.digest or at.tag, what)
  return found and found.digest, wrong
end

--- Puts a manifest under the tag of the reference.
function Client:_put_manifest(at, media_type, text, what)
  local digest = "sha256:" .. crypto.sha256(text)
  local resp, err = self:_send(at, "PUT", path_of(at, at.tag or digest), {
    what = what, actions = "pull,push", body = text, headers = { ["Content-Type"] = media_type },
    unknown = "NAME_UNKNOWN",
  })
  if not resp then return nil, err end
  local named = resp.headers["Docker-Content-Digest"]
  if not named or named == digest then return digest end
  return nil, errors.digest(what, "the registry %s has taken the manifest as %s, not as %s", at.domain, named, digest)
end

--- The tags of a repository, sorted.
---@param ref string its name; a tag or digest in it does not count
---@return string[]|nil tags
---@return bosun.registry.Error|nil err code "NAME_UNKNOWN": there is no such repository
function Client:tags(ref)
  local what = "list the tags of " .. tostring(ref)
  local at, err = Client._parse(ref, what)
  if not at then return nil, err end
  local tags, path = json.array {}, ("/v2/%s/tags/list"):format(at.repository)
  while path do
    local resp, problem = self:_send(at, "GET", path, { what = what, unknown = "NAME_UNKNOWN" })
    if not resp then return nil, problem end
    local answer = resp:json()
    for _, tag in ipairs(type(answer) == "table" and type(answer.tags) == "table" and answer.tags or {}) do
      tags[#tags + 1] = tag
    end
    local next_path = (resp.headers.Link or ""):match '<([^>]*)>%s*;%s*rel="?next"?'
    path = next_path ~= path and next_path or nil
  end
  table.sort(tags)
  return tags
end

--- May an image be pushed to a repository? Begins an upload there, and ends it. In a dry run nothing is asked: true.
---@param ref string
---@return true|nil ok
---@return bosun.registry.Error|nil err code "UNAUTHORIZED", "DENIED", …
function Client:can_push(ref)
  local what = "ask whether images can be pushed to " .. tostring(ref)
  local at, err = Client._parse(ref, what)
  if not at then return nil, err end
  if effect.dry_run() then return true end
  local resp, location = self:_send(at, "POST", ("/v2/%s/blobs/uploads/"):format(at.repository), {
    what = what, actions = "pull,push", body = "", unknown = "NAME_UNKNOWN",
  })
  if not resp then return nil, location end
  if location then self:_send(at, "DELETE", location, { what = what, actions = "pull,push", once = true }) end
  return true
end

--- Deletes a tag, or with a digest the manifest and all its tags. Success if it does not exist.
---@param ref string
---@return true|nil ok
---@return bosun.registry.Error|nil err code "UNSUPPORTED": the registry deletes nothing, or no single tags
function Client:delete(ref)
  local what = "delete " .. tostring(ref)
  local at, err = Client._parse(ref, what)
  if not at then return nil, err end
  if not effect.begin("registry.delete", at.familiar, { before = "image" }) then return true end
  local resp, problem = self:_send(at, "DELETE", path_of(at, at.digest or at.tag), {
    what = what, actions = "pull,push,delete", unknown = "MANIFEST_UNKNOWN",
  })
  if resp or problem.code == "MANIFEST_UNKNOWN" or problem.code == "NAME_UNKNOWN" then return true end
  if not at.digest and (problem.status == 400 or problem.status == 405) then
    problem.code = "UNSUPPORTED"
    problem.message = problem.message .. "; it deletes no single tags, but perhaps manifests, by their digest"
  end
  return nil, problem
end

return Client
