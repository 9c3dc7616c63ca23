--- Monitoring: predictions are reported to a queue, from which the monitoring agent sends them to the service. Both
--- run once for the environment, in its namespace.

local prediction_server = require "bosun.prediction_server"

local names = require "kubernetes.names"

local monitoring = {}

local QUEUE_PORT = 5672

--- The name of the queue's objects.
local function queue_name(context)
  return names.derived(context.config.objectNamePrefix, "queue", context.environment or "")
end

--- Where servers and the monitoring agent find the queue; nil when monitoring is off.
---@param context table
---@return bosun.prediction_server.Monitoring|nil
function monitoring.channel(context)
  if not context.monitored then return nil end
  local host = ("%s.%s.svc"):format(queue_name(context), context.namespace)
  return prediction_server.monitoring(("amqp://%s:%d"):format(host, QUEUE_PORT))
end

return monitoring
