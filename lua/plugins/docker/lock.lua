--- Locks between actions of the plugin on one engine.

local common = require "bosun.prediction_server.lock"

local lock = {}

--- Waits for the lock of something on this engine.
---@param context table
---@param what string "image mlops_a"
---@param seconds number
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another action holds it
function lock.take(context, what, seconds)
  return common.take("docker", { context.engine.host, context.config.containerNamePrefix, what }, seconds)
end

return lock
