--- Does a deployment's model answer, as its clients ask? bosun.prediction_server.probe has the questions. This file
--- says where they go. With `proof: url` to the published URL. With `proof: server` to the pods themselves: directly
--- from inside the cluster, where every pod has an address; through the API server's port-forward from outside. A pod
--- that is not reachable although its kubelet finds it ready is behind a network policy: that is a remark, no failure.

local http = require "bosun.http"
local prediction_server = require "bosun.prediction_server"
local probe = require "bosun.prediction_server.probe"
local tables = require "bosun.tables"
local wait = require "bosun.wait"

local fleet = require "kubernetes.fleet"
local rights = require "kubernetes.rights"
local routes = require "kubernetes.routes"
local tunnel = require "kubernetes.tunnel"

local proof = {}

local MOST_PODS = 3 -- of a deployment are asked
local PATIENCE, MOST_SECONDS = 5, 10 -- for one request of pe_status, and before its last ones
local BLOCKED = { connect = true, dns = true, ECONNREFUSED = true, EHOSTUNREACH = true, ENETUNREACH = true }

--- Is anything proved?
function proof.is_on(context)
  return context.proof.way ~= "off" and not context.dry_run
end

--- Can many deployments be asked without a request of each to the API server?
function proof.is_cheap(context)
  return proof.is_on(context) and (context.proof.way == "url" or rights.is_in_cluster(context.config))
end

--- The server says of itself what its environment tells it.
local function told_model(context, model)
  local own = (context.config.ppsEnvironment or {}).MLOPS_MODEL_ID
  return own and own ~= "" and own or model
end

local function public_target(context, id, model)
  local predictions = routes.prediction_url(context, id)
  return {
    model = told_model(context, model), predictions = predictions, info = predictions:gsub("/predict$", "/info"),
  }
end

local function authority(pod)
  return pod.ip:find(":", 1, true) and "[" .. pod.ip .. "]" or pod.ip
end

--- What a pod is asked. Only probeRequest makes its route for predictions worth a question: the kubelet has asked
--- /ping.
local function pod_target(context, pod, model)
  local base = ("http://%s:%d"):format(authority(pod), prediction_server.PORT)
  return {
    model = told_model(context, model), info = base .. prediction_server.INFO,
    predictions = base .. prediction_server.PREDICTIONS, through = (" of pod %s"):format(pod.name),
  }
end

local function send_directly(requests)
  local own = {}
  for i, request in ipairs(requests) do own[i] = tables.copy(request, { proxy = false }) end
  local results = http.all(own, { concurrency = #own })
  for i, result in ipairs(results) do
    local code = result.err and result.err.code
    if BLOCKED[code] then
      results[i] = { skip = ("%s; does a NetworkPolicy forbid it?"):format(result.err.message) }
    end
  end
  return results
end

--- Sends requests through the API server, to the pods that have these addresses.
local function tunnel_to(context, pods)
  local by_address = {}
  for _, pod in ipairs(pods) do by_address[authority(pod)] = pod.name end
  return function(requests)
    local results = {}
    for i, request in ipairs(requests) do
      local address, path = request.url:match "^http://(.-):%d+(/.*)$"
      results[i] = tunnel.send(context, by_address[address], prediction_server.PORT, path, request)
    end
    return results
  end
end

local function sender(context, pods)
  if context.proof.way == "url" then return nil end
  return rights.is_in_cluster(context.config) and send_directly or tunnel_to(context, pods)
end

--- The pods of a deployment that are asked, and what they are asked.
local function questions(context, deployed, model)
  if context.proof.way == "url" then return { public_target(context, deployed.id, model) }, {} end
  local targets, pods = {}, {}
  for _, pod in ipairs(fleet.ready_pods(deployed)) do
    if #pods < MOST_PODS and pod.ip and pod.model == model then
      pods[#pods + 1], targets[#targets + 1] = pod, pod_target(context, pod, model)
    end
  end
  return targets, pods
end

---@class kubernetes.Proved a deployment that is ready, and what was found
---@field deployed kubernetes.Deployed
---@field finding? bosun.prediction_server.Finding

--- Asks one pod of each of these deployments once.
---@param context table
---@param asked kubernetes.Proved[] gets the findings
function proof.ask(context, asked)
  local targets, places, pods = {}, {}, {}
  for _, one in ipairs(asked) do
    local own, of = questions(context, one.deployed, (fleet.served(one.deployed)))
    if own[1] then targets[#targets + 1], places[#places + 1], pods[#pods + 1] = own[1], one, of[1] end
  end
  if not targets[1] then return end
  local findings = probe.all(targets, context.proof, {
    send = sender(context, pods), patience = PATIENCE, timeout = MOST_SECONDS,
  })
  for i, finding in ipairs(findings) do places[i].finding = finding end
end

--- Waits until a deployment's pods answer with its model, which they are ready for.
---@param context table
---@param deployed kubernetes.Deployed with its pods
---@param model string
---@param longest number seconds
---@param patience? number seconds for one request
---@return bosun.prediction_server.Finding
function proof.wait(context, deployed, model, longest, patience)
  if not proof.is_on(context) then return { answers = true } end
  local targets, pods = questions(context, deployed, model)
  if not targets[1] then
    return { answers = false, problem = ("no pod is ready that serves model %s"):format(model) }
  end
  local finding
  for _, target in ipairs(targets) do
    finding = probe.wait(target, context.proof, {
      send = sender(context, pods), timeout = wait.budget(longest), patience = patience,
      until_it_answers = context.proof.way == "url", -- the ingress controller may not have seen the route yet
    })
    if not finding.answers then return finding end
  end
  return finding
end

return proof
