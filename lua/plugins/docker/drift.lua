--- What somebody changed by hand (docker update) on a deployment's container. It serves on as it is, but not as
--- deploymentInfo has it.

local dedicated = require "docker.dedicated"
local health = require "docker.health"
local limits = require "docker.limits"

local drift = {}

local RESTART_POLICY = "always"

local function memory(bytes)
  return bytes == 0 and "none" or ("%.4g MiB"):format(bytes / 2 ^ 20)
end

local function cpus(nanos)
  return nanos == 0 and "none" or ("%.4g"):format(nanos / 1e9)
end

local LIMITS = {
  { field = "Memory", name = "memory limit", text = memory }, { field = "NanoCpus", name = "cpus limit", text = cpus },
}

--- What is different, in words; nil: nothing.
---@param context table
---@param instance docker.Instance
---@param inspected table
---@return string|nil
function drift.of(context, instance, inspected)
  local changes, host = {}, inspected.HostConfig or {}
  local policy = health.restart_policy(inspected)
  if policy ~= RESTART_POLICY then
    changes[1] = ("its restart policy was changed to %s, so it may not come back after a crash"):format(policy)
  end
  local wanted = instance.role == dedicated.role and limits.of(context, instance)
  for _, limit in ipairs(wanted and LIMITS or {}) do
    local is, was = math.tointeger(host[limit.field]) or 0, wanted[limit.field] or 0
    if is ~= was then
      changes[#changes + 1] = ("its %s was changed to %s (keyValueConfig: %s)"):format(limit.name, limit.text(is),
        limit.text(was))
    end
  end
  return changes[1] and ("%s; deployment_relaunch undoes that"):format(table.concat(changes, "; "))
end

return drift
