--- What a deployment's container may use: `memory`, `cpus`, `gpus` and `devices` of keyValueConfig, in the engine's
--- terms. Devices are the machine's: only those that the private config allows.

local given = require "bosun.deployment_info"
local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"

local limits = {}

local LEAST_MEMORY, LEAST_CPUS = 6 * 2 ^ 20, 0.01
local DEVICE = 'expected a path such as "/dev/dri/renderD128", or "HOST:CONTAINER:rw"'

--- A number with the least that the engine accepts, in the engine's unit.
local function amount(parse, unit, least, least_text)
  return function(value)
    local number, problem = parse(value)
    if not number then return nil, problem end
    if number < least then return nil, "the engine requires at least " .. least_text end
    local result = math.tointeger(math.floor(number * unit))
    if not result then return nil, "too large" end
    return result
  end
end

local function gpus(value)
  local wanted, problem = prediction_server.gpus(value)
  if not wanted then return nil, problem end
  return json.array { {
    Driver = "", Count = wanted.count or not wanted.ids and -1 or nil,
    DeviceIDs = wanted.ids and json.array(wanted.ids),
    Capabilities = json.array { json.array { "gpu" } },
  } }
end

--- Does the private config allow this device? A pattern may end in "*".
local function is_allowed(allowed, path)
  for _, pattern in ipairs(allowed or {}) do
    local start = pattern:match "^(.*)%*$"
    if pattern == path or start and path:sub(1, #start) == start and not path:find("/", #start + 1, true) then
      return true
    end
  end
  return false
end

--- "HOST[:CONTAINER[:PERMISSIONS]]" in the engine's terms.
local function device(text, allowed)
  local host, rest = tostring(text):match "^(/[^:%c]+)(.*)$"
  if type(text) ~= "string" or not host or (host .. "/"):find "/%.%.?/" then return nil, DEVICE end
  local inside, permissions = rest:match "^:(/[^:%c]+):?(.*)$"
  if rest ~= "" and not inside then return nil, DEVICE end
  if permissions == nil or permissions == "" then permissions = "rwm" end
  if not permissions:find "^[rwm]+$" then return nil, DEVICE end
  if not is_allowed(allowed, host) then
    return nil, ("the private config does not allow the device %s (allowedDevices)"):format(host)
  end
  return { PathOnHost = host, PathInContainer = inside or host, CgroupPermissions = permissions }
end

local function devices(value, config)
  local list, result = type(value) == "table" and value or { value }, {}
  if #list == 0 then return nil, "expected a list of devices" end
  for i, text in ipairs(list) do
    local one, problem = device(text, config.allowedDevices)
    if not one then return nil, problem end
    result[i] = one
  end
  return json.array(result)
end

local READERS = {
  memory = { field = "Memory", read = amount(prediction_server.memory, 1, LEAST_MEMORY, "6m") },
  cpus = { field = "NanoCpus", read = amount(prediction_server.cpus, 1e9, LEAST_CPUS, "0.01") },
  gpus = { field = "DeviceRequests", read = gpus },
  devices = { field = "Devices", read = devices },
}

--- The keys of keyValueConfig that are limits.
limits.KEYS = { "memory", "cpus", "gpus", "devices" }

--- The limits of a deployment, as fields of the engine's HostConfig.
---@param context table
---@param deployment { info: table }
---@return { Memory?: integer, NanoCpus?: integer, DeviceRequests?: table, Devices?: table }|nil
---@return string|nil problem
function limits.of(context, deployment)
  local values, result = given.key_values(deployment.info), {}
  for _, key in ipairs(limits.KEYS) do
    if values[key] ~= nil then
      local value, problem = READERS[key].read(values[key], context.config)
      if problem then return nil, context.config_problem({ "deploymentInfo", "keyValueConfig", key }, problem) end
      result[READERS[key].field] = value
    end
  end
  return result
end

return limits
