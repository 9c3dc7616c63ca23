--- The parts of the kubernetes plugin that ask no cluster, run inside the host: a workspace in which code finds the
--- plugin's modules, a checked private config, and a context made of it.

local Workspace = require "runner"

local Parts = {}
Parts.__index = Parts

local SOURCE = os.getenv "BOSUN_SOURCE" or require("lfs").currentdir()

--- What every private config needs.
Parts.REQUIRED = [[
outfacingPredictionURLPrefix: "https://example.com/deployments/"
ppsBaseImage: "registry.example.com/pps:1"
generatedImageRepo: "registry.example.com/models"
]]

local HEAD = [[
P.config_schema = require("kubernetes.schema").fields
local IMAGE = { reference = "registry.example.com/models@sha256:" .. ("0"):rep(64), package = "abc" }
local objects, labels, names, routes = require "kubernetes.objects", require "kubernetes.labels",
  require "kubernetes.names", require "kubernetes.routes"
local function context_of(plugin, more)
  local context = {
    config = plugin.config, plugin_config = plugin.plugin_config, namespace = "ns", environment = "env-1",
    proof = { way = plugin.config.proof }, cluster = { server_version = "v1.35.4" },
    routing = { class = "nginx", controller = "ingress-nginx" },
    config_problem = function(key, problem) return plugin:action_config_problem(key, problem) end,
  }
  for key, value in pairs(more or {}) do context[key] = value end
  return context
end
local function deployment(id, model, values)
  return { id = id, model = model, info = { id = id, name = "n", keyValueConfig = values } }
end
local function find(list, kind, role)
  for _, object in ipairs(list) do
    if object.kind == kind and labels.read(object).role == (role or "server") then return object end
  end
end
]]

function Parts.new()
  local workspace = Workspace.new()
  assert(os.execute(("ln -s '%s/lua/plugins/kubernetes' '%s/kubernetes'"):format(SOURCE, workspace.root)))
  return setmetatable({ workspace = workspace }, Parts)
end

function Parts:remove()
  self.workspace:remove()
end

local function body(code)
  return HEAD .. "function P:pe_status()\nlocal function body()\n" .. code
    .. "\nend\nreturn ActionStatusInfo{ status = ActionStatus.OK, data = body() }\nend"
end

--- What the code returns. It has `self` (the plugin), context_of, deployment, find, IMAGE, and the plugin's parts.
---@param code string
---@param private? string further lines of the private config
function Parts:eval(code, private)
  local status = self:act(code, private)
  assert(status.status == "passing", status.msg)
  return status.data
end

--- What the code says of `list`, the objects of deployment d1 with model m1; of its Deployment `main`, the `pod` in
--- that and the `server`, its container. `more`: of the context, `values`: keyValueConfig, both in Lua.
function Parts:of_objects(code, private, more, values)
  return self:eval(([[
    local context = context_of(self, %s)
    local list = assert(objects.desired(context, deployment("d1", "m1", %s), IMAGE))
    local main = find(list, "Deployment")
    local pod = main.spec.template.spec
    local server = pod.containers[1]
    %s]]):format(more or "nil", values or "nil", code), private)
end

--- The status of the action that runs the code.
function Parts:act(code, private)
  local plugin = self.workspace:plugin_file("parts", body(code))
  return self.workspace:act("pe_status", nil, { plugin = plugin, private = Parts.REQUIRED .. (private or "") })
end

--- The problems of a private config, one a line, without the file's path: "5:3: key: problem".
---@param private string all of it
function Parts:problems(private)
  local plugin = self.workspace:plugin_file("parts", body "return nil")
  local status = self.workspace:act("pe_status", nil, { plugin = plugin, private = private })
  local text = (status.msg or "") .. "\n"
  return (text:gsub("[^\n]*config%-%d+%.yaml:", ""))
end

return Parts
