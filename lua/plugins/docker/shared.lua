--- A deployment in the shared server: a multi-model prediction server that gets its model packages over HTTP. Such a
--- deployment has a small container of its own, too, which does nothing but bear the labels: the proxy follows them,
--- and they remember what is deployed when the server is not to be asked.
---
--- The server knows a model by an id in its routes. That is the deployment's id; during a replacement the new model is
--- beside the old one under another id, and gets the deployment's own when the old one is gone.

local http = require "bosun.http"
local prediction_server = require "bosun.prediction_server"
local wait = require "bosun.wait"

local address = require "docker.address"
local container = require "docker.container"
local health = require "docker.health"
local labels = require "docker.labels"
local model_image = require "docker.model_image"
local names = require "docker.names"
local proxy = require "docker.proxy"
local services = require "docker.services"

local shared = { role = labels.Role.ROUTE }

local IDLE = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"

--- The id that the shared server has for a deployment.
function shared.own_id(deployment_id)
  return names.segment(deployment_id)
end

--- The server's URL from here; or nil and in words why it cannot be had.
local function server_url(context)
  local inspected, err = context.engine:inspect_container(services.shared_server_name(context))
  if not inspected then return nil, err.message end
  if not inspected.State.Running then return nil, "the shared server does not run: " .. inspected.State.Status end
  local url = address.candidates(context, inspected, prediction_server.PORT)[1]
  if url then return url end
  return nil, "the shared server cannot be reached from here: set sharedServerPort to a port of the engine's host"
end

local function model_url(base, server_id)
  return ("%s/deployments/%s"):format(base, server_id)
end

--- A failure of a request: no answer, or one that is none of the good ones.
local function failure(response, err)
  if not response then return err.message end
  return ("the shared server answers %d: %s"):format(response.status, response.body:sub(1, 300))
end

local function info_request(base, server_id)
  return { url = model_url(base, server_id) .. "/info", timeout = 10, connect_timeout = 2, proxy = false }
end

local function forget(context, base, server_id)
  local response, err = http.delete(model_url(base, server_id), { proxy = false, timeout = 60 })
  if response and (response.ok or response.status == 404) then return true end
  context.log:warn("the shared server still has a model", { id = server_id, error = failure(response, err) })
end

local function upload(context, base, server_id, artifact)
  forget(context, base, server_id)
  context.note("sending the model to the shared server", { id = server_id, bytes = artifact.size })
  local response, err = http.post(model_url(base, server_id), {
    source = artifact.path, headers = { ["Content-Type"] = "application/octet-stream" }, proxy = false, stall = 0,
  })
  if response and response.ok then return true end
  return nil, failure(response, err)
end

--- What the deployment's container is to be. `current` is what serves it now, if anything does.
---@return table|nil plan
---@return string|nil problem
function shared.plan(context, deployment, current)
  local own = shared.own_id(deployment.id)
  local is_taken = current and current.role == shared.role and current.server_id == own
  local body = {
    Image = context.config.ppsBaseImage, Entrypoint = { "/bin/sh", "-c", IDLE },
    Healthcheck = { Test = { "NONE" } },
    HostConfig = { RestartPolicy = { Name = "always" }, NetworkMode = context.config.dockerNetwork },
  }
  local values = type(deployment.info.keyValueConfig) == "table" and deployment.info.keyValueConfig or {}
  if values.memory or values.cpus then
    context.log:warn("memory and cpus are for dedicated deployments: the shared server has no limits for one model",
      { deployment = deployment.id })
  end
  return {
    role = shared.role, body = body, spec = container.spec_of(body),
    server_id = is_taken and names.next_segment(deployment.id, deployment.model) or own,
    name = names.container(context.config.containerNamePrefix, deployment.id, deployment.model),
  }
end

--- Sees to it that the server runs and has the model.
---@return true|nil ok
---@return string|nil problem
function shared.prepare(context, deployment, plan)
  local artifact, problem = model_image.check_artifact(deployment.info.modelArtifact)
  if not artifact then return nil, problem end
  local id, why = services.ensure(context, labels.Role.SHARED_SERVER, { adopt = true })
  if not id then return nil, why end
  if context.dry_run then return true end
  local base, unreachable = server_url(context)
  if not base then return nil, unreachable end
  return upload(context, base, plan.server_id, artifact)
end

--- Sees to it that an instance which is there works again: the server may be gone, or have lost the model.
---@return true|nil ok
---@return string|nil problem
function shared.mend(context, deployment, instance)
  local id, why = services.ensure(context, labels.Role.SHARED_SERVER, { adopt = true })
  if not id then return nil, why end
  if context.dry_run then return true end
  local base, unreachable = server_url(context)
  if not base then return nil, unreachable end
  local response, err = http.request(info_request(base, instance.server_id))
  if not response then return nil, err.message end
  if response.status ~= 404 then return true end
  local artifact, problem = model_image.check_artifact(deployment.info.modelArtifact)
  if not artifact then return nil, problem end
  return upload(context, base, instance.server_id, artifact)
end

--- The labels of a generation of it.
function shared.labels(context, deployment, plan, generation)
  local result = labels.deployment(context, shared.role, deployment, generation, plan.spec)
  labels.add_server_id(result, plan.server_id)
  return proxy.add_route(context, result, {
    deployment = deployment.id, model = deployment.model, generation = generation,
    service = services.shared_route(context), path = ("/deployments/%s/predictions"):format(plan.server_id),
  })
end

--- Waits until the server answers for the model.
---@return true|nil ok
---@return string|nil problem
function shared.wait(context, id)
  local ok, problem = health.wait(context, id)
  if not ok or context.dry_run then return ok, problem end
  local inspected, err = context.engine:inspect_container(id)
  if not inspected then return nil, err.message end
  local server_id = labels.read(inspected.Config.Labels).server_id
  local base, unreachable = server_url(context)
  if not base then return nil, unreachable end
  local loaded, why = wait.poll(function()
    local response, failed = http.request(info_request(base, server_id))
    return response and response.ok, not (response and response.ok) and failure(response, failed) or nil
  end, { interval = 0.3, timeout = health.budget(context.config.startTimeout), what = "the shared server" })
  return loaded, why and why.message
end

--- What the shared server says of these instances: id of the container → what is wrong, absent when nothing is.
---@param context table
---@param instances docker.Instance[]
---@return table<string, string>
function shared.problems(context, instances)
  local problems, requests = {}, {}
  if #instances == 0 then return problems end
  local base, unreachable = server_url(context)
  for i, instance in ipairs(instances) do
    problems[instance.id] = unreachable
    if base then requests[i] = info_request(base, instance.server_id) end
  end
  for i, result in ipairs(base and http.all(requests) or {}) do
    if not (result.response and result.response.ok) then
      problems[instances[i].id] = ("the shared server does not have its model; relaunch it: %s"):format(
        failure(result.response, result.err))
    end
  end
  return problems
end

--- Removes what belongs to a container that is gone.
function shared.clean(context, instance, others)
  for _, other in ipairs(others) do
    if other.server_id == instance.server_id then return end
  end
  if context.dry_run then return end
  local base = server_url(context)
  if base and instance.server_id then forget(context, base, instance.server_id) end
end

return shared
