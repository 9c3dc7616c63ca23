--- What a deployment's pods may use: `resources` of the private config, and `memory`, `cpus`, `gpus` and `replicas` of
--- keyValueConfig.

local given = require "bosun.deployment_info"
local prediction_server = require "bosun.prediction_server"
local tables = require "bosun.tables"

local pods = require "kubernetes.objects.pods"
local quantity = require "kubernetes.quantity"

local limits = {}

local MOST_REPLICAS = 1000
local COUNT = ("expected a number of pods from 1 to %d, got %%s"):format(MOST_REPLICAS)

local function memory(value)
  local bytes, problem = prediction_server.memory(value)
  return bytes and tostring(bytes), problem
end

local function cpus(value)
  local count, problem = prediction_server.cpus(value)
  if not count then return nil, problem end
  if count < 0.001 then return nil, "Kubernetes requires at least 0.001" end
  return ("%dm"):format(math.ceil(count * 1000))
end

local function gpus(value)
  local wanted, problem = prediction_server.gpus(value)
  if not wanted then return nil, problem end
  if wanted.count then return tostring(wanted.count) end
  return nil, "Kubernetes chooses the GPUs: expected a number of them"
end

local function replicas(value)
  local count = (type(value) == "string" or type(value) == "number") and math.tointeger(tonumber(value))
  if count and count >= 1 and count <= MOST_REPLICAS then return count end
  return nil, COUNT:format(type(value) == "table" and "a list or mapping" or tostring(value))
end

local READERS = { memory = memory, cpus = cpus, gpus = gpus, replicas = replicas }

--- The value of a key of keyValueConfig; nil: there is none, or a problem.
local function read(context, deployment, key)
  local value = given.key_values(deployment.info)[key]
  if value == nil then return nil end
  local result, problem = READERS[key](value)
  if problem then return nil, context.config_problem({ "deploymentInfo", "keyValueConfig", key }, problem) end
  return result
end

--- Sets a limit, and with it a request that would be beyond it.
local function set(resources, name, amount)
  resources.limits[name] = amount
  local request = resources.requests[name]
  if request and quantity.parse(request) > quantity.parse(amount) then resources.requests[name] = amount end
end

---@class kubernetes.Limits
---@field resources? table of the container
---@field replicas? integer of this deployment alone

--- The limits of a deployment.
---@param context table
---@param deployment { info: table }
---@return kubernetes.Limits|nil
---@return bosun.Error|nil problem
function limits.of(context, deployment)
  local config = context.config
  local resources = tables.copy({ requests = {}, limits = {} }, pods.resources(config.resources))
  for key, name in pairs { memory = "memory", cpus = "cpu", gpus = config.gpuResource } do
    local amount, problem = read(context, deployment, key)
    if problem then return nil, problem end
    if amount then set(resources, name, amount) end
  end
  local count, problem = read(context, deployment, "replicas")
  if problem then return nil, problem end
  return { resources = pods.resources(resources), replicas = count }
end

return limits
