--- Locks between actions on one deployment. A file lock keeps apart those of one machine. Those of several machines
--- meet at the Deployment: it is only changed in the version that was read (kubernetes.versions), and whoever comes
--- second fails with "Conflict" instead of mixing two models. No Lease is needed, nor the right to one.

local common = require "bosun.prediction_server.lock"

local lock = {}

--- Waits for the lock of something in this namespace.
---@param context table
---@param what string "deployment d1"
---@param seconds number
---@return bosun.fs.Lock|nil
---@return bosun.Error|nil err code "timeout": another action holds it
function lock.take(context, what, seconds)
  return common.take("kubernetes", { context.cluster.server, context.namespace, what }, seconds)
end

return lock
