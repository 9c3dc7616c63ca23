--- The labels that tell what a container or image is: the plugin's only memory.

local json = require "bosun.json"

local labels = {}

local PREFIX = "bosun.prefix" -- the plugin's containerNamePrefix: whose it is
local ENVIRONMENT = "bosun.environment" -- id of the prediction environment, where the agent said it
local ROLE = "bosun.role"
local SPEC = "bosun.spec" -- digest of what it was made from
local DEPLOYMENT = "bosun.deployment"
local MODEL = "bosun.model"
local GENERATION = "bosun.generation" -- counts a deployment's replacements
local SERVER_ID = "bosun.server.id" -- under which the shared server has the model
local IMAGE = "bosun.image" -- the name that a generated image was built for
local RECIPE = "bosun.recipe" -- digest of what it was built from
local INFO = "bosun.info" -- the rest of deploymentInfo, as JSON

--- Roles: a deployment's own server, the route to its model in the shared server; what serves all deployments.
labels.Role = {
  SERVER = "server", ROUTE = "route", SHARED_SERVER = "shared-server", PROXY = "proxy", QUEUE = "queue",
  AGENT = "agent", MODEL = "model",
}

local SERVICES = { proxy = true, queue = true, agent = true, ["shared-server"] = true }

local KEPT_INFO = { "name", "description", "modelArtifact", "modelExecutionType", "keyValueConfig" }

--- Is this the role of a container that serves all deployments?
function labels.is_service(role)
  return SERVICES[role] or false
end

--- What is on everything of this plugin's.
function labels.common(context, role)
  return { [PREFIX] = context.config.containerNamePrefix, [ENVIRONMENT] = context.environment, [ROLE] = role }
end

--- For the engine's filter: everything of this plugin's, or of one deployment.
function labels.filter(context, deployment_id)
  return { [PREFIX] = context.config.containerNamePrefix, [DEPLOYMENT] = deployment_id }
end

--- The proxy looks at nothing else. Traefik's expression (providers.docker.constraints).
function labels.constraint(context)
  return ("Label(`%s`,`%s`)"):format(PREFIX, context.config.containerNamePrefix)
end

--- Of a container with a role for all deployments.
function labels.service(context, role, spec)
  local result = labels.common(context, role)
  result[SPEC] = spec
  return result
end

local function info_of(deployment_info)
  local kept = {}
  for _, key in ipairs(KEPT_INFO) do kept[key] = deployment_info[key] end
  return json.encode(kept)
end

--- Can the labels hold this deploymentInfo? Infinities and keys that are no text cannot be written as JSON.
---@return true|nil ok
---@return string|nil problem
function labels.check_info(deployment_info)
  local ok, problem = pcall(info_of, deployment_info)
  return ok or nil, not ok and tostring(problem):gsub("^.-json%.encode: ", "") or nil
end

--- Of a deployment's container.
function labels.deployment(context, role, deployment, generation, spec)
  local result = labels.service(context, role, spec)
  result[DEPLOYMENT], result[MODEL] = deployment.id, deployment.model
  result[GENERATION], result[INFO] = tostring(generation), info_of(deployment.info)
  return result
end

--- Adds the id under which the shared server has the model.
function labels.add_server_id(result, server_id)
  result[SERVER_ID] = server_id
  return result
end

--- Of a generated image, with its name and a digest of what it is made from. They stand in a Dockerfile, too: no text
--- that people type.
function labels.image(context, name, recipe)
  local result = labels.image_filter(context, name)
  result[RECIPE] = recipe
  return result
end

--- For the engine's filter: generated images, or those of one name.
function labels.image_filter(context, name)
  return { [PREFIX] = context.config.containerNamePrefix, [ROLE] = labels.Role.MODEL, [IMAGE] = name }
end

--- Do these labels say that it is this plugin's? Where one side has no environment, the prefix decides.
function labels.is_ours(context, found)
  if type(found) ~= "table" or found[PREFIX] ~= context.config.containerNamePrefix then return false end
  local theirs = found[ENVIRONMENT]
  return theirs == nil or context.environment == nil or theirs == context.environment
end

--- Whose it is, for messages.
function labels.owner(found)
  local environment, prefix = found and found[ENVIRONMENT], found and found[PREFIX]
  if environment then return ("prediction environment %s"):format(environment) end
  return prefix and ("a plugin with the containerNamePrefix %q"):format(prefix) or "somebody else"
end

--- The fields that an instance has from its labels.
function labels.read(found)
  local info = found[INFO] and json.decode(found[INFO])
  return {
    role = found[ROLE], spec = found[SPEC], deployment = found[DEPLOYMENT], model = found[MODEL],
    generation = math.tointeger(tonumber(found[GENERATION])) or 0, server_id = found[SERVER_ID],
    info = type(info) == "table" and info or {},
  }
end

--- The name that a generated image was built for.
function labels.image_name(found)
  return found[IMAGE]
end

--- A generated image's digest of what it was made from.
function labels.recipe(found)
  return found[RECIPE]
end

return labels
