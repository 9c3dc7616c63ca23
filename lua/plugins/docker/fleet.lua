--- The plugin's containers on the engine, from one request for the list of containers.

local labels = require "docker.labels"
local membership = require "docker.membership"
local names = require "docker.names"

local fleet = {}

---@class docker.Instance a container as the list has it
---@field id string
---@field name string
---@field image_id string
---@field role string
---@field state string "running", "restarting", "paused", "exited", "created", "removing" or "dead"
---@field health? string "healthy", "unhealthy" or "starting"; nil: no health check, or not in the engine's list
---@field status string as the engine puts it: "Up 3 minutes (healthy)"
---@field deployment? string id
---@field model? string id
---@field generation integer
---@field spec? string
---@field server_id? string
---@field package? string SHA-256 of the model package
---@field made_of? string id of the custom model's image
---@field info table
---@field networks table<string, string> IDs of the networks that it is connected to, by name
---@field network? string name of the network on which the proxy is to look for it

local function health_of(status)
  if status:find("(healthy)", 1, true) then return "healthy" end
  if status:find("(unhealthy)", 1, true) then return "unhealthy" end
  return status:find("starting", 1, true) and "starting" or nil
end

local function instance_of(context, summary)
  local instance = labels.read(summary.Labels)
  instance.id, instance.image_id, instance.state = summary.Id, summary.ImageID, tostring(summary.State):lower()
  instance.name = (summary.Names[1] or summary.Id):gsub("^/", "")
  instance.status = type(summary.Status) == "string" and summary.Status or ""
  instance.health = health_of(instance.status)
  instance.networks = membership.of(context, summary)
  instance.network = summary.Labels["traefik.docker.network"]
  return instance
end

local function newest_first(a, b)
  if a.generation ~= b.generation then return a.generation > b.generation end
  return a.id > b.id
end

--- Does it serve predictions, as far as the list says?
function fleet.serves(instance)
  return instance.state == "running" and (instance.health == nil or instance.health == "healthy")
end

local function rank(instance)
  if fleet.serves(instance) then return 3 end
  return instance.state == "running" and 2 or 1
end

--- The instance that counts: the newest that serves, else the newest that runs, else the newest.
---@param instances docker.Instance[] newest first
---@return docker.Instance|nil
function fleet.current(instances)
  local best
  for _, instance in ipairs(instances) do
    if not best or rank(instance) > rank(best) then best = instance end
  end
  return best
end

--- Does a container have its labels from its image? So it is with one that somebody made from an image of the plugin's
--- container (docker commit).
---@param context table
---@param image_id string
---@param role string
---@return boolean
function fleet.inherits(context, image_id, role)
  local image = context.engine:inspect_image(image_id)
  local found = image and type(image.Config) == "table" and image.Config.Labels
  return image == nil or labels.read(type(found) == "table" and found or {}).role == role
end

--- Is it the deployment's own, under its name or another that somebody gave it?
local function is_own(context, instance)
  return names.is_container(instance.name, context.config.containerNamePrefix, instance.deployment,
    instance.model or "") or not fleet.inherits(context, instance.image_id, instance.role)
end

--- A list per deployment, newest first. `strangers`: containers with the deployment's labels that are not its own.
local function by_deployment(context, all)
  local result = {}
  for _, instance in ipairs(all) do
    local id = instance.deployment
    result[id] = result[id] or { strangers = {} }
    table.insert(is_own(context, instance) and result[id] or result[id].strangers, instance)
  end
  for _, instances in pairs(result) do table.sort(instances, newest_first) end
  return result
end

--- Under which key fleet.read has a service's container that an interrupted exchange left beside its successor.
function fleet.former(role)
  return role .. " before"
end

--- Reads all of the plugin's containers, or those of one deployment.
---@param context table
---@param deployment_id? string
---@return { deployments: table<string, docker.Instance[]>, strangers: table<string, docker.Instance[]>,
---services: table<string, docker.Instance> }|nil found strangers: of deployments that only have such
---@return bosun.Error|nil err
function fleet.read(context, deployment_id)
  local list, err = context.engine:list_containers { labels = labels.filter(context, deployment_id) }
  if not list then return nil, err end
  local result, all = { deployments = {}, services = {} }, {}
  for _, summary in ipairs(list) do
    if labels.is_ours(context, summary.Labels) then
      local instance = instance_of(context, summary)
      if instance.deployment then
        all[#all + 1] = instance
      elseif labels.is_service(instance.role) then
        local key = names.is_former_service(instance.name) and fleet.former(instance.role) or instance.role
        result.services[key] = instance
      end
    end
  end
  result.strangers = {}
  for id, instances in pairs(by_deployment(context, all)) do
    local into = instances[1] and result.deployments or result.strangers
    into[id] = instances
  end
  return result
end

--- Podman's list says nothing about health, so this asks each running container.
local function add_health(context, instances)
  for _, instance in ipairs(instances) do
    local inspected = instance.state == "running" and context.engine:inspect_container(instance.id)
    local health = inspected and type(inspected.State.Health) == "table" and inspected.State.Health.Status
    if health and health ~= "" and health ~= "none" then instance.health = health end
  end
end

--- The newest generation of a deployment, of strangers too: the proxy knows those, and takes one name for one thing.
---@param instances docker.Instance[]
---@return integer
function fleet.newest_generation(instances)
  local newest = instances[1] and instances[1].generation or 0
  for _, stranger in ipairs(instances.strangers or {}) do newest = math.max(newest, stranger.generation) end
  return newest
end

--- The instances of one deployment, newest first.
---@return docker.Instance[]|nil
---@return bosun.Error|nil err
function fleet.instances(context, deployment_id)
  local found, err = fleet.read(context, deployment_id)
  if not found then return nil, err end
  local instances = found.deployments[deployment_id] or found.strangers[deployment_id] or { strangers = {} }
  if context.engine.kind == "podman" and #instances > 1 then add_health(context, instances) end
  return instances
end

return fleet
