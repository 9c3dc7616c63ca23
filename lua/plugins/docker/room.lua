--- Is there room for the container that an action is about to start? Asked before its first effect, and only of what
--- can be known: the engine tells its machine's memory and processors, and some engines GPUs. What is free now is only
--- known of this machine, if the engine runs on it.

local errors = require "bosun.error"
local fs = require "bosun.fs"
local size = require "bosun.size"

local room = {}

--- While an engine builds an image, the package is there three times: in the context, the layer, and on its way.
local BUILD_FACTOR = 3

--- A value of /proc/meminfo in bytes.
local function meminfo(name)
  local text = fs.read("/proc/meminfo") or ""
  local kilobytes = tonumber(text:match("%f[%w]" .. name .. ":%s*(%d+) kB"))
  return kilobytes and kilobytes * 1024
end

--- Does the engine run here? In a virtual machine, or seen from a container, it has other memory, or another disk.
local function is_here(context, info)
  local total = meminfo "MemTotal"
  return context.engine.is_local and total == info.MemTotal and type(info.DockerRootDir) == "string"
    and fs.exists(info.DockerRootDir) or false
end

--- How many GPUs an engine says it has; nil: it does not say.
local function count_gpus(info)
  local count = 0
  for _, resource in ipairs(type(info.GenericResources) == "table" and info.GenericResources or {}) do
    local several, one = resource.DiscreteResourceSpec, resource.NamedResourceSpec
    if several and tostring(several.Kind):lower():find "gpu" then count = count + (tonumber(several.Value) or 0) end
    if one and tostring(one.Kind):lower():find "gpu" then count = count + 1 end
  end
  if count == 0 then
    for _, device in ipairs(type(info.DiscoveredDevices) == "table" and info.DiscoveredDevices or {}) do
      if tostring(device.ID):find "gpu=%d+$" then count = count + 1 end
    end
  end
  return count > 0 and count or nil
end

--- The memory that stopping an instance would free.
local function used_by(context, instance)
  local path = ("/containers/%s/stats"):format(instance.id)
  local stats = context.engine:call("GET", path, { query = { stream = false, ["one-shot"] = true } })
  local memory = type(stats) == "table" and type(stats.memory_stats) == "table" and stats.memory_stats or {}
  local more = type(memory.stats) == "table" and memory.stats or {}
  local cache = more.total_inactive_file or more.inactive_file or 0
  return math.max(0, (tonumber(memory.usage) or 0) - cache)
end

local function used_by_all(context, instances)
  local used = 0
  for _, instance in ipairs(instances) do
    if instance.state == "running" then used = used + used_by(context, instance) end
  end
  return math.floor(used)
end

local ADVICE = "; free some, lower the limit%s, or turn this check off (roomCheck: false)"

local function memory_problem(context, plan, info, here, instances)
  local needed = plan.body.HostConfig.Memory
  if not needed then return nil end
  local total = math.tointeger(info.MemTotal)
  if total and total > 0 and needed > total then
    return ("memory: it needs %s (keyValueConfig.memory), the engine's machine has %s"):format(size.show(needed),
      size.show(total))
  end
  local free = here and meminfo "MemAvailable"
  if not free or free >= needed then return nil end
  local freed = used_by_all(context, instances)
  if plan.stops_first and free + freed >= needed then return nil end
  local stops = plan.stops_first and freed > 0 and (", and the old container frees %s"):format(size.show(freed)) or ""
  local helps = not plan.stops_first and free + freed >= needed and ", set replaceStrategy: stopFirst" or ""
  return ("memory: it needs %s (keyValueConfig.memory), %s of %s are available%s%s"):format(size.show(needed),
    size.show(free), size.show(info.MemTotal), stops, ADVICE:format(helps))
end

local function cpus_problem(plan, info)
  local needed, has = plan.body.HostConfig.NanoCpus, math.tointeger(info.NCPU)
  if not needed or not has or has == 0 or needed <= has * 1e9 then return nil end
  return ("CPUs: it needs %.4g (keyValueConfig.cpus), the engine's machine has %d"):format(needed / 1e9, has)
end

local function disk_problem(plan, info, here)
  local needed = plan.bytes and plan.bytes * (plan.is_built and BUILD_FACTOR or 1)
  if not here or not needed then return nil end
  local free = fs.disk_free(info.DockerRootDir)
  if not free or free >= needed then return nil end
  return ("disk: it needs %s in %s (%s), %s are free"):format(size.show(needed), info.DockerRootDir,
    plan.is_built and ("%d times the model package, to build an image"):format(BUILD_FACTOR) or "the model package",
    size.show(free))
end

local function gpus_problem(plan, info)
  local request = (plan.body.HostConfig.DeviceRequests or {})[1]
  local has = request and count_gpus(info)
  local needed = has and (request.DeviceIDs and #request.DeviceIDs or request.Count)
  if not needed or needed <= has then return nil end
  return ("GPUs: it needs %d (keyValueConfig.gpus), the engine has %d"):format(needed, has)
end

local function devices_problem(plan, here)
  for _, device in ipairs(here and plan.body.HostConfig.Devices or {}) do
    if fs.exists(device.PathOnHost) == false then
      return ("devices: %s (keyValueConfig.devices) does not exist"):format(device.PathOnHost)
    end
  end
end

--- Is there anything to ask the engine for?
local function has_needs(plan)
  local host = plan.body.HostConfig
  return host.Memory or host.NanoCpus or host.DeviceRequests or host.Devices or plan.bytes
end

--- What is missing for a plan, with numbers; nil: nothing that can be known.
---@param context table
---@param plan table of a new container
---@param instances docker.Instance[] that the new container follows
---@return bosun.Error|nil problem
function room.problem(context, plan, instances)
  if not context.config.roomCheck or not has_needs(plan) then return nil end
  local info, err = context.engine:info()
  if not info then return err end
  local here, problems = is_here(context, info), {}
  local function add(problem) problems[#problems + 1] = problem end
  add(memory_problem(context, plan, info, here, instances))
  add(cpus_problem(plan, info))
  add(disk_problem(plan, info, here))
  add(gpus_problem(plan, info))
  add(devices_problem(plan, here))
  if not problems[1] then return nil end
  return errors.new { code = "no_room", op = "check the room", message = "no room: " .. table.concat(problems, "; ") }
end

return room
