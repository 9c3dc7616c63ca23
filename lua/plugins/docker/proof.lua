--- Does a deployment's model answer, as its clients ask? bosun.prediction_server.probe has the questions. This file
--- says where they go: to the routes of the deployment at the proxy, or to its published URL.

local given = require "bosun.deployment_info"
local probe = require "bosun.prediction_server.probe"

local names = require "docker.names"
local proxy_api = require "docker.proxy_api"
local proxy_web = require "docker.proxy_web"
local wait = require "bosun.wait"

local proof = {}

local PATIENCE, MOST_SECONDS = 5, 10 -- for one request of pe_status, and before its last ones
local OLD_CONTAINER = "its container is from before there was a route to /info; deployment_relaunch adds it"

--- Is anything proved?
function proof.is_on(context)
  return context.proof.way ~= "off"
end

--- The router of the route that tells an instance's model.
local function info_router(context, id, instance)
  return proxy_api.info_router(names.router(context.config.containerNamePrefix, id, instance.model,
    instance.generation))
end

--- The server says of itself what its environment tells it.
local function told_model(context, model)
  local own = (context.config.ppsEnvironment or {}).MLOPS_MODEL_ID
  return own and own ~= "" and own or model
end

local function target_of(context, id, model)
  local segment = names.segment(id)
  local base, through = "", " through the proxy"
  if context.proof.way == "url" then
    base, through = context.config.outfacingPredictionURLPrefix, nil
  end
  local predictions = base ~= "" and given.prediction_url(base, segment) or ("/%s/predict"):format(segment)
  return {
    model = told_model(context, model), predictions = predictions, info = predictions:gsub("/predict$", "/info"),
    through = through,
  }
end

--- How requests get to the targets; nil: as they are. `inspected`: the proxy's container, if it is known.
local function sender(context, inspected)
  if context.proof.way == "url" then return nil end
  return proxy_web.sender(context, inspected)
end

---@class docker.Proved a deployment's instance that is healthy, and what was found
---@field id string
---@field instance docker.Instance
---@field finding? bosun.prediction_server.Finding

--- Asks instances that are healthy and routed to, each once.
---@param context table
---@param asked docker.Proved[] gets the findings
---@param seen docker.ProxyState
function proof.ask(context, asked, seen)
  local targets, places = {}, {}
  for _, one in ipairs(asked) do
    if seen.routers and not seen.routers[info_router(context, one.id, one.instance)] then
      one.finding = { problem = OLD_CONTAINER }
    else
      targets[#targets + 1], places[#places + 1] = target_of(context, one.id, one.instance.model), one
    end
  end
  if not targets[1] then return end
  local findings = probe.all(targets, context.proof, {
    send = sender(context, seen.container), patience = PATIENCE, timeout = MOST_SECONDS,
  })
  for i, finding in ipairs(findings) do places[i].finding = finding end
end

--- Does the proxy know that the container has no route to /info?
local function is_old(context, deployment, running)
  if running.created then return false end
  local path = ("/api/http/routers/%s@docker"):format(info_router(context, deployment.id, running))
  local answer, why = proxy_api.ask(context, path)
  return answer == nil and why == "absent"
end

--- Waits until the model answers, which the proxy already routes predictions to.
---@param context table
---@param deployment { id: string, model: string }
---@param running docker.Instance
---@param longest number seconds
---@param patience? number seconds for one request
---@return bosun.prediction_server.Finding
function proof.wait(context, deployment, running, longest, patience)
  if context.dry_run or not proof.is_on(context) then return { answers = true } end
  if is_old(context, deployment, running) then return { problem = OLD_CONTAINER } end
  local inspected, problem = proxy_api.inspect(context)
  if not inspected then return { answers = false, problem = proxy_api.words(problem) } end
  return probe.wait(target_of(context, deployment.id, deployment.model), context.proof, {
    send = sender(context, inspected), timeout = wait.budget(longest), patience = patience,
  })
end

return proof
