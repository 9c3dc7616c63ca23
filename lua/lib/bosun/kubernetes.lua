--- Kubernetes: objects, watches, rollouts, logs, and commands in pods, over the API, without kubectl.
---
---     local kubernetes = require "bosun.kubernetes"
---     local cluster <close> = assert(kubernetes.connect())
---     assert(cluster:apply { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "x" }, data = { key = "y" } })
---     for _, pod in ipairs(assert(cluster:list("Pod", { labels = { app = "x" } }))) do
---       log.info(pod.metadata.name, { phase = pod.status.phase })
---     end
---
--- The cluster and who the client is come from a kubeconfig (all of it, but for the auth providers that Kubernetes has
--- removed), or from the service account of the pod. Kubernetes 1.25 or later.
---
--- A failure is `nil, err`. `err.code` is the API's reason: "NotFound", "AlreadyExists", "Conflict", "Invalid",
--- "Forbidden", "Unauthorized", "TooManyRequests", "NamespaceTerminating", …, and for pods theirs ("ImagePullBackOff");
--- for the connection the codes of bosun.http, such as "ECONNREFUSED" and "tls"; "invalid" for a kubeconfig or a name
--- that is wrong, "helper" for a credential program that fails, "protocol" when the other side is not an API server.
---
--- Requests that can be repeated are, a few times: after a lost connection, and when the server is busy and says so.
--- Credentials that are refused are read or asked for anew, once. Calls end with the action's deadline. In a dry run,
--- calls that change something are noted in the plan and return what success would have returned; questions are still
--- asked.

local Cluster = require "bosun.kubernetes.cluster"
require "bosun.kubernetes.objects"
require "bosun.kubernetes.lists"
require "bosun.kubernetes.watch"
require "bosun.kubernetes.rollout"
require "bosun.kubernetes.streams"

local pods = require "bosun.kubernetes.pods"

local kubernetes = {}

--- Connects to a cluster, and asks for its version.
---@param options? bosun.kubernetes.Options
---@return bosun.kubernetes.Cluster|nil cluster
---@return bosun.kubernetes.Error|nil err
function kubernetes.connect(options)
  return Cluster._connect(options)
end

--- What keeps a pod from running: a container that cannot start or keeps ending, no room on a node, an end without
--- success. nil: nothing, as far as can be seen.
---@param pod table an object of the API
---@return bosun.kubernetes.PodProblem|nil
function kubernetes.pod_problem(pod)
  return pods.problem(pod)
end

return kubernetes
