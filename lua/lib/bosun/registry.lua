--- Registries of images: manifests, layers, tags, and new images made of another one and a layer, over the registry's
--- API, without an engine and without a builder.
---
---     local registry = require "bosun.registry"
---     local client <close> = registry.client()
---     local manifest, config = assert(client:image("registry.example/pps:1.2"))
---     local archive = tar.new { { name = "opt/ml/model/model.mlpkg", path = package } }
---     local pushed = assert(client:append("registry.example/pps:1.2", "registry.example/models:m-1", archive))
---     log.info(pushed.reference)    -- registry.example/models@sha256:…
---
--- A name without a registry is one of Docker Hub. Credentials are those that `docker login` or `podman login` has left
--- behind, or given ones. What is read is checked against its digest.
---
--- A failure is `nil, err`. `err.code` is the registry's: "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN",
--- "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS", "DIGEST_INVALID", …; for the connection the codes of
--- bosun.http, such as "ECONNREFUSED" and "tls"; "wrong_digest" for bytes that are not what they should be, "invalid"
--- for a name or an image that cannot be used, "protocol" when the other side is not a registry.
---
--- Requests that can be repeated are, a few times: after a lost connection, and when the registry is busy. An upload
--- goes on where it broke off. Calls end with the action's deadline. In a dry run, calls that change something are
--- noted in the plan and return what success would have returned; questions are still asked.
---
--- API: OCI distribution-spec 1.1, and what Docker's registry has beside it.

local Client = require "bosun.registry.client"
require "bosun.registry.blobs"
require "bosun.registry.manifests"
require "bosun.registry.append"

local reference = require "bosun.registry.reference"

local registry = {}

--- Makes a client for any number of registries. Nothing is asked yet.
---@param options? bosun.registry.Options
---@return bosun.registry.Client
function registry.client(options)
  return Client._new(options)
end

--- Parses the name of an image.
---@param text string
---@return bosun.registry.Reference|nil ref
---@return string|nil problem
function registry.parse_reference(text)
  return reference.parse(text)
end

return registry
