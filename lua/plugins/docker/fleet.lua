--- The plugin's containers on the engine, from one request for the list of containers.

local labels = require "docker.labels"
local membership = require "docker.membership"

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

--- Reads all of the plugin's containers, or those of one deployment.
---@param context table
---@param deployment_id? string
---@return { deployments: table<string, docker.Instance[]>, services: table<string, docker.Instance> }|nil
---@return bosun.Error|nil err
function fleet.read(context, deployment_id)
  local list, err = context.engine:list_containers { labels = labels.filter(context, deployment_id) }
  if not list then return nil, err end
  local result = { deployments = {}, services = {} }
  for _, summary in ipairs(list) do
    if labels.is_ours(context, summary.Labels) then
      local instance = instance_of(context, summary)
      local id = instance.deployment
      if id then
        result.deployments[id] = result.deployments[id] or {}
        table.insert(result.deployments[id], instance)
      elseif labels.is_service(instance.role) then
        result.services[instance.role] = instance
      end
    end
  end
  for _, instances in pairs(result.deployments) do table.sort(instances, newest_first) end
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

--- The instances of one deployment, newest first.
---@return docker.Instance[]|nil
---@return bosun.Error|nil err
function fleet.instances(context, deployment_id)
  local found, err = fleet.read(context, deployment_id)
  if not found then return nil, err end
  local instances = found.deployments[deployment_id] or {}
  if context.engine.kind == "podman" and #instances > 1 then add_health(context, instances) end
  return instances
end

return fleet
