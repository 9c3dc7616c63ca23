--- A place for tests of bosun.kubernetes: a namespace of its own in the cluster, and code that runs in the host with
--- `cluster` and makers of objects at hand.

local Workspace = require "runner"

local Bench = {}
Bench.__index = Bench

local HEAD = [[
local kubernetes, time = require "bosun.kubernetes", require "bosun.time"
local cluster <close> = assert(kubernetes.connect { config_file = %q, namespace = %q })
local REGISTRY = "10.244.0.1:5000"
local IMAGE = %q
local function failure(value, err)
  if value ~= nil then return { value = value } end
  return { code = err.code, message = tostring(err), status = err.status, op = err.op, causes = err.causes,
    log = err.log }
end
local function config_map(name, data)
  return { apiVersion = "v1", kind = "ConfigMap", metadata = { name = name }, data = data }
end
local function shell(script) return { "/bin/sh", "-c", script } end
local function pod_spec(command, more)
  local container = { name = "main", image = IMAGE, command = command, imagePullPolicy = "IfNotPresent" }
  for key, value in pairs(more or {}) do container[key] = value end
  return { terminationGracePeriodSeconds = 0, containers = { container } }
end
local function pod(name, command, more)
  return { apiVersion = "v1", kind = "Pod", metadata = { name = name, labels = { app = name } },
    spec = pod_spec(command, more) }
end
local function deployment(name, command, more)
  return { apiVersion = "apps/v1", kind = "Deployment", metadata = { name = name }, spec = {
    replicas = 1, selector = { matchLabels = { app = name } }, strategy = { rollingUpdate = { maxUnavailable = 0 } },
    template = { metadata = { labels = { app = name } }, spec = pod_spec(command, more) },
  } }
end
local function start_pod(object)
  assert(cluster:apply(object))
  assert(cluster:watch("Pod", function(_, found) return found.status.phase ~= "Running" end,
    { name = object.metadata.name, timeout = 60 }))
end
local function run_pod(name, command) start_pod(pod(name, command)) end
]]

--- A service account that may look at pods, deployments and logs, and no more.
local READER = [[
local rules = { { apiGroups = { "" }, resources = { "pods", "pods/log" }, verbs = { "get", "list", "watch" } },
  { apiGroups = { "apps" }, resources = { "deployments" }, verbs = { "get" } } }
local rbac = "rbac.authorization.k8s.io/v1"
assert(cluster:apply { apiVersion = "v1", kind = "ServiceAccount", metadata = { name = "reader" } })
assert(cluster:apply { apiVersion = rbac, kind = "Role", metadata = { name = "reader" }, rules = rules })
assert(cluster:apply { apiVersion = rbac, kind = "RoleBinding", metadata = { name = "reader" },
  roleRef = { apiGroup = "rbac.authorization.k8s.io", kind = "Role", name = "reader" },
  subjects = { { kind = "ServiceAccount", name = "reader", namespace = cluster.namespace } } })
return assert(cluster:call("POST", ("/api/v1/namespaces/%s/serviceaccounts/reader/token"):format(cluster.namespace),
  { json = { apiVersion = "authentication.k8s.io/v1", kind = "TokenRequest", spec = {} } })).status.token
]]

local function kubectl(bench, command)
  return assert(os.execute(("kubectl --kubeconfig '%s' %s >/dev/null"):format(bench.kubeconfig, command)))
end

local function write_kubeconfig(bench, name, token)
  local pipe = assert(io.popen(("kubectl --kubeconfig '%s' config view --raw --minify --flatten -o json")
    :format(bench.kubeconfig)))
  local config = require("cjson").decode(pipe:read "a")
  assert(pipe:close())
  config.users[1].user = { token = token }
  return bench.workspace:write(name .. ".kubeconfig", require("cjson").encode(config))
end

function Bench.new()
  local workspace = Workspace.new()
  local bench = setmetatable({
    workspace = workspace, kubeconfig = assert(os.getenv "BOSUN_TEST_KUBECONFIG", "BOSUN_TEST_KUBECONFIG is not set"),
    namespace = "bosun-" .. workspace.root:match("[^/]+$"):lower():gsub("[^%w]", "-"), tokens = {},
    image = os.getenv "BOSUN_TEST_IMAGE" or "10.244.0.1:5000/busybox:1",
  }, Bench)
  kubectl(bench, "create namespace " .. bench.namespace)
  return bench
end

--- The token of a service account.
function Bench:token(name)
  if not self.tokens[name] then
    -- a status never shows a secret: the file does
    local path = self.workspace:path(name .. ".token")
    local write = "local token = (function()\n%s\nend)()\nassert(require('bosun.fs').write(%q, token))"
    self:eval(write:format(READER, path))
    self.tokens[name] = self.workspace:read(name .. ".token")
  end
  return self.tokens[name]
end

--- The path of a kubeconfig for a service account ("reader").
function Bench:kubeconfig_of(name)
  return write_kubeconfig(self, name, self:token(name))
end

--- Runs code in the host. more: options of Workspace:eval, and `as`: the name of a service account ("reader").
function Bench:eval(code, more)
  more = more or {}
  local file, options = self.kubeconfig, {}
  if more.as then file = self:kubeconfig_of(more.as) end
  for key, value in pairs(more) do options[key] = key ~= "as" and value or nil end
  return self.workspace:eval(HEAD:format(file, self.namespace, self.image) .. code, options)
end

function Bench:close()
  kubectl(self, ("delete namespace %s --wait=false"):format(self.namespace))
  self.workspace:remove()
end

return Bench
