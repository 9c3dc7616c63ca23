--- The autoscaler of a deployment, and the budget for its pods while nodes are drained.

local labels = require "kubernetes.labels"

local scaling = {}

--- The HorizontalPodAutoscaler.
---@param context table
---@param metadata table
---@param name string of the Deployment
---@return table
function scaling.autoscaler(context, metadata, name)
  local wanted = context.config.autoscaler
  return {
    apiVersion = "autoscaling/v2", kind = "HorizontalPodAutoscaler", metadata = metadata,
    spec = {
      scaleTargetRef = { apiVersion = "apps/v1", kind = "Deployment", name = name },
      minReplicas = wanted.minimum, maxReplicas = wanted.maximum,
      metrics = { {
        type = "Resource",
        resource = { name = "cpu", target = { type = "Utilization", averageUtilization = wanted.cpu } },
      } },
    },
  }
end

--- The PodDisruptionBudget.
---@param context table
---@param metadata table
---@param id string of the deployment
---@return table
function scaling.budget(context, metadata, id)
  local wanted = context.config.podDisruptionBudget
  return {
    apiVersion = "policy/v1", kind = "PodDisruptionBudget", metadata = metadata,
    spec = {
      minAvailable = wanted.minAvailable, maxUnavailable = wanted.maxUnavailable,
      selector = { matchLabels = labels.pods(context, id) },
    },
  }
end

return scaling
