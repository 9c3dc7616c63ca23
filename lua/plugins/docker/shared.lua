--- A deployment in the shared server: a multi-model prediction server that receives its model packages over HTTP. The
--- deployment also has a small container of its own, which only carries the labels: the proxy follows them, and they
--- record what is deployed when the server is unreachable.
---
--- The server identifies a model by an id in its routes: the deployment's id. During a replacement the new model has a
--- second id next to the old one, and takes over the deployment's own once the old one is gone.

local given = require "bosun.deployment_info"
local http = require "bosun.http"
local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local probe = require "bosun.prediction_server.probe"
local public_path = require "bosun.prediction_server.public_path"
local record = require "bosun.prediction_server.record"
local tables = require "bosun.tables"
local text = require "bosun.text"

local address = require "docker.address"
local container = require "docker.container"
local health = require "docker.health"
local labels = require "docker.labels"
local limits = require "docker.limits"
local membership = require "docker.membership"
local model_image = require "docker.model_image"
local names = require "docker.names"
local proxy = require "docker.proxy"
local services = require "docker.services"
local wait = require "bosun.wait"

local shared = { role = labels.Role.ROUTE }

local ASK = { way = "server" } -- for which model is there, docker.proof asks
local IDLE = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"

--- A deployment's id in the shared server.
function shared.own_id(deployment_id)
  return names.segment(deployment_id)
end

--- The server's URL from here; or nil and a problem.
local function server_url(context)
  local inspected, err = context.engine:inspect_container(services.shared_server_name(context))
  if not inspected then return nil, err end
  if not inspected.State.Running then return nil, "the shared server is not running: " .. inspected.State.Status end
  local off = membership.service_problem(context, {
    role = "shared server", name = services.shared_server_name(context), networks = membership.of(context, inspected),
  })
  if off then return nil, off end
  local url = address.candidates(context, inspected, prediction_server.PORT)[1]
  if url then return url end
  return nil, "the shared server is not reachable from here: set sharedServerPort to a port of the engine's host"
end

local function model_url(base, server_id)
  return ("%s/deployments/%s"):format(base, server_id)
end

--- Why a request failed: there was no reply, or not a good one.
local function failure(response, err)
  if not response then return err end
  return ("the shared server replied %d: %s"):format(response.status, text.one_line(response.body, 300))
end

local function info_url(base, server_id)
  return model_url(base, server_id) .. "/info"
end

--- For bosun.prediction_server.probe: straight to the server.
local function send(requests)
  local own = {}
  for i, request in ipairs(requests) do own[i] = tables.copy(request, { proxy = false, connect_timeout = 2 }) end
  return http.all(own)
end

local function forget(context, base, server_id)
  local response, err = http.delete(model_url(base, server_id), { proxy = false, timeout = 60 })
  if response and (response.ok or response.status == 404) then return true end
  context.log:warn("cannot remove a model from the shared server", { id = server_id, error = failure(response, err) })
end

local function upload(context, base, server_id, deployment, artifact)
  forget(context, base, server_id)
  context.note("sending the model to the shared server", { id = server_id, bytes = artifact.size })
  local response, err = http.post(model_url(base, server_id), {
    source = artifact.path, headers = { ["Content-Type"] = "application/octet-stream" }, proxy = false, stall = 0,
  })
  if response and response.ok then return model_image.is_unchanged(deployment, artifact) end
  return nil, failure(response, err)
end

--- What the deployment's container should be. `current` is what serves it now, if anything does.
---@return table|nil plan
---@return string|nil problem
function shared.plan(context, deployment, current)
  local own = shared.own_id(deployment.id)
  local is_taken = current and current.role == shared.role and current.server_id == own
  local body = {
    Image = context.config.ppsBaseImage, Entrypoint = { "/bin/sh", "-c", IDLE },
    Healthcheck = { Test = { "NONE" } },
    HostConfig = container.host_config(context, {}),
  }
  local digest, unread = model_image.digest(context, deployment, current)
  if unread then return nil, unread end
  local values = given.key_values(deployment.info)
  for _, key in ipairs { "replaceStrategy", table.unpack(limits.KEYS) } do
    if values[key] ~= nil then
      context.log:warn(("ignoring %s: the shared server has no limits for single models"):format(key),
        { deployment = deployment.id })
    end
  end
  return {
    role = shared.role, body = body, package = digest,
    spec = container.spec_of(body, record.dependencies(deployment.info), digest or json.null,
      public_path.of(context.config.outfacingPredictionURLPrefix)),
    server_id = is_taken and names.next_segment(deployment.id, deployment.model) or own,
    name = names.container(context.config.containerNamePrefix, deployment.id, deployment.model),
  }
end

--- Makes sure that the server runs. Its URL, or false in a dry run; or nil and a problem.
local function need_server(context)
  local id, problem = services.ensure(context, labels.Role.SHARED_SERVER, { adopt = true })
  if not id then return nil, problem end
  if context.dry_run then return false end
  local url, unreachable = server_url(context)
  if url or not context.config.sharedServerPort then return url, unreachable end
  -- One that was made before sharedServerPort was set.
  id, problem = services.ensure(context, labels.Role.SHARED_SERVER)
  if not id then return nil, problem end
  return server_url(context)
end

--- Makes sure that the server runs and has the model.
---@return true|nil ok
---@return string|nil problem
function shared.prepare(context, deployment, plan)
  local artifact, problem = model_image.artifact(deployment.info)
  if not artifact then return nil, problem end
  local base, why = need_server(context)
  if not base then return base == false or nil, why end
  plan.made = { uploaded = true }
  return upload(context, base, plan.server_id, deployment, artifact)
end

--- Makes sure that an existing instance works again: the server may be gone, or have lost the model.
---@return true|nil ok
---@return string|nil problem
function shared.mend(context, deployment, instance)
  local base, why = need_server(context)
  if not base then return base == false or nil, why end
  local response, err = http.get(info_url(base, instance.server_id), { timeout = 10, proxy = false })
  if not response then return nil, err end
  if response.status ~= 404 then return true end
  local artifact, problem = model_image.artifact(deployment.info)
  if not artifact then return nil, problem end
  return upload(context, base, instance.server_id, deployment, artifact)
end

--- The labels of one generation.
function shared.labels(context, deployment, plan, generation)
  local result = labels.deployment(context, deployment, plan, generation)
  labels.add_server_id(result, plan.server_id)
  return proxy.add_route(context, result, {
    deployment = deployment.id, model = deployment.model, generation = generation,
    service = services.shared_route(context), path = ("/deployments/%s/predictions"):format(plan.server_id),
    info = ("/deployments/%s/info"):format(plan.server_id),
  })
end

--- Waits until the server has loaded the model.
---@return true|nil ok
---@return string|nil problem
function shared.wait(context, id)
  local ok, problem = health.wait(context, id)
  if not ok or context.dry_run then return ok, problem end
  local inspected, err = context.engine:inspect_container(id)
  if not inspected then return nil, err end
  local server_id = labels.read(inspected.Config.Labels).server_id
  local base, unreachable = server_url(context)
  if not base then return nil, unreachable end
  local finding = probe.wait({ info = info_url(base, server_id), has_info = true, is_loading = true }, ASK, {
    send = send, timeout = wait.budget(context.config.startTimeout),
  })
  return finding.answers, finding.problem
end

--- The problems of these instances in the shared server, by container id.
---@param context table
---@param instances docker.Instance[]
---@return table<string, string>
function shared.problems(context, instances)
  local problems, targets = {}, {}
  if #instances == 0 then return problems end
  local base, unreachable = server_url(context)
  for i, instance in ipairs(instances) do
    problems[instance.id] = unreachable
    if base then targets[i] = { info = info_url(base, instance.server_id), has_info = true } end
  end
  for i, finding in ipairs(probe.all(targets, ASK, { send = send })) do
    if finding.answers == false then
      problems[instances[i].id] = ("the shared server does not have its model; relaunch the deployment: %s"):format(
        finding.problem)
    end
  end
  return problems
end

--- Removes what belonged to a removed container. Of one that this action made (`instance.made`): what it made for it.
function shared.clean(context, instance, others)
  if instance.made and not instance.made.uploaded then return end
  for _, other in ipairs(others) do
    if other.server_id == instance.server_id then return end
  end
  if context.dry_run then return end
  local base = server_url(context)
  if base and instance.server_id then forget(context, base, instance.server_id) end
end

return shared
