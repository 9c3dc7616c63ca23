--- What the versions of traefik differ in, and whether the one at hand sees the engine's containers.
---
--- Source: traefik's release notes; tried with 2.3 to 3.7.

local labels = require "docker.labels"
local names = require "docker.names"

local traefik = {}

local VERSION_LABEL = "org.opencontainers.image.version"
local OLDEST = { [2] = { 2, 11, 31 }, [3] = { 3, 6, 1 } } -- the first that negotiate the engine's API

--- The proxy's container has a route like those of deployments. A proxy that does not have this one sees no containers.
function traefik.own_route(context)
  return names.host("bosun-" .. labels.Role.PROXY, context.config.containerNamePrefix)
end

local function label_of(found, name)
  local set = found and type(found.Config) == "table" and found.Config.Labels
  return type(set) == "table" and set[name] or nil
end

--- The parts of "v3.7.15"; nil: unknown, as for builds of a branch.
local function parts_of(version)
  local major, minor, patch = tostring(version):match("^v?(%d+)%.(%d+)%.(%d+)")
  return major and { tonumber(major), tonumber(minor), tonumber(patch) }
end

local function is_before(a, b)
  for i = 1, 3 do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return false
end

--- Older traefiks only speak API 1.24, which newer engines refuse: a warning about that, or nil. The tag of an image
--- says too little ("latest", "v3"): what counts is what the proxy says, or the label of its image.
---@param context table
---@param said? table its answer to /api/version
---@return string|nil
function traefik.version_problem(context, said)
  local lowest = tonumber((context.engine.min_api_version:gsub("^1%.", "")))
  if not lowest or lowest <= 24 then return nil end
  local image = context.config.traefikImage
  local version = parts_of(said and said.Version or label_of(context.engine:inspect_image(image), VERSION_LABEL))
  if not version or not is_before(version, OLDEST[version[1]] or OLDEST[3]) then return nil end
  return ("%s is traefik %s, which only speaks API 1.24, and this engine requires %s or newer: set traefikImage to "
    .. "3.6.1 or newer (or 2.11.31)"):format(image, table.concat(version, "."), context.engine.min_api_version)
end

--- What to say about a proxy that answers but sees no containers. A traefik that never saw any has no API, either.
---@param context table
---@param inspected table its container
---@return string
function traefik.blind_text(context, inspected)
  return ("the proxy does not see the engine's containers: it cannot talk to the engine (docker logs %s), or is not on "
    .. "the network %s"):format((inspected.Name:gsub("^/", "")), context.config.dockerNetwork)
end

--- Does the proxy lack its own route, though its container has the labels? One that an older version of this plugin
--- made has none.
---@param context table
---@param inspected table its container
---@param routers table<string, boolean> the names of its routers
---@return boolean
function traefik.is_blind(context, inspected, routers)
  local route = traefik.own_route(context)
  return not routers[route] and label_of(inspected, ("traefik.http.routers.%s.rule"):format(route)) ~= nil
end

return traefik
