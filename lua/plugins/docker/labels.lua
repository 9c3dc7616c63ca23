--- The labels that say what a container or image is for: the plugin's only state.

local owner = require "bosun.prediction_server.owner"
local record = require "bosun.prediction_server.record"

local labels = {}

local PREFIX = "bosun.prefix" -- the plugin's containerNamePrefix: the owner
local ENVIRONMENT = "bosun.environment" -- id of the prediction environment, if the agent sent it
local ROLE = "bosun.role"
local SPEC = "bosun.spec" -- digest of what a container was made from
local DEPLOYMENT = "bosun.deployment"
local MODEL = "bosun.model"
local GENERATION = "bosun.generation" -- counts a deployment's replacements
local SERVER_ID = "bosun.server.id" -- the id of the model in the shared server
local IMAGE = "bosun.image" -- the name a generated image was built for
local PACKAGE = "bosun.package" -- digest of the model package
local MADE_OF = "bosun.image.id" -- of the custom model's image that a container was made from
local BASE = "bosun.base" -- name of the base image of a generated image
local BASE_ID = "bosun.base.id"
local LAYERS = "bosun.layers" -- how many layers a generated image has; one derived from it has more
local INFO = "bosun.info" -- the rest of deploymentInfo, as JSON

--- Roles: a deployment's own server, the route to its model in the shared server, and what serves all deployments.
labels.Role = {
  SERVER = "server", ROUTE = "route", SHARED_SERVER = "shared-server", PROXY = "proxy", QUEUE = "queue",
  AGENT = "agent", MODEL = "model",
}

local SERVICES = { proxy = true, queue = true, agent = true, ["shared-server"] = true }

--- Does a container with this role serve all deployments?
function labels.is_service(role)
  return SERVICES[role] or false
end

--- The labels on everything of this plugin.
function labels.common(context, role)
  return { [PREFIX] = context.config.containerNamePrefix, [ENVIRONMENT] = context.environment, [ROLE] = role }
end

--- For the engine's filter: everything of this plugin, or of one deployment.
function labels.filter(context, deployment_id)
  return { [PREFIX] = context.config.containerNamePrefix, [DEPLOYMENT] = deployment_id }
end

--- For the engine's filter: the containers with this model in an image of their own.
function labels.model_filter(context, model)
  return { [PREFIX] = context.config.containerNamePrefix, [ROLE] = labels.Role.SERVER, [MODEL] = model }
end

--- For the engine's filter: the containers of one role.
function labels.role_filter(context, role)
  return { [PREFIX] = context.config.containerNamePrefix, [ROLE] = role }
end

--- Limits the proxy to this plugin's containers: a Traefik expression (providers.docker.constraints).
function labels.constraint(context)
  return ("Label(`%s`,`%s`)"):format(PREFIX, context.config.containerNamePrefix)
end

--- The labels of a container that serves all deployments.
function labels.service(context, role, spec)
  local result = labels.common(context, role)
  result[SPEC] = spec
  return result
end

--- The labels of a deployment's container.
---@param context table
---@param deployment { id: string, model: string, info: table }
---@param plan { role: string, spec: string, package?: string, image_id?: string } package: digest of the model package;
---image_id: of a custom model's image
---@param generation integer
---@return table<string, string>
function labels.deployment(context, deployment, plan, generation)
  local result = labels.service(context, plan.role, plan.spec)
  result[DEPLOYMENT], result[MODEL], result[PACKAGE] = deployment.id, deployment.model, plan.package
  result[GENERATION], result[INFO] = tostring(generation), record.encode(deployment.info)
  result[MADE_OF] = plan.image_id
  return result
end

--- Adds the model's id in the shared server.
function labels.add_server_id(result, server_id)
  result[SERVER_ID] = server_id
  return result
end

--- The labels of a generated image, with its name and what it is made from. They are also written to a Dockerfile, so
--- none of them is text that people type.
---@param context table
---@param name string
---@param made { package: string, base: string, base_id: string, layers?: integer }
---@return table<string, string>
function labels.image(context, name, made)
  local result = labels.image_filter(context, name)
  result[PACKAGE], result[BASE], result[BASE_ID] = made.package, made.base, made.base_id
  result[LAYERS] = made.layers and tostring(made.layers)
  return result
end

--- For the engine's filter: generated images, or those of one name.
function labels.image_filter(context, name)
  return { [PREFIX] = context.config.containerNamePrefix, [ROLE] = labels.Role.MODEL, [IMAGE] = name }
end

--- Do these labels mark something of this plugin? Where one side has no environment, the prefix decides.
function labels.is_ours(context, found)
  if type(found) ~= "table" or found[PREFIX] ~= context.config.containerNamePrefix then return false end
  return owner.agrees(found[ENVIRONMENT], context.environment)
end

--- The owner, for messages.
function labels.owner(found)
  found = found or {}
  return owner.words(found[ENVIRONMENT], "containerNamePrefix", found[PREFIX])
end

--- The fields of an instance that come from its labels.
function labels.read(found)
  return {
    role = found[ROLE], spec = found[SPEC], deployment = found[DEPLOYMENT], model = found[MODEL],
    generation = math.tointeger(tonumber(found[GENERATION])) or 0, server_id = found[SERVER_ID],
    package = found[PACKAGE], made_of = found[MADE_OF],
    info = record.decode(found[INFO]),
  }
end

--- The name a generated image was built for.
function labels.image_name(found)
  return found[IMAGE]
end

--- What a generated image was built from.
---@return { package?: string, base?: string, base_id?: string }
function labels.read_image(found)
  return { package = found[PACKAGE], base = found[BASE], base_id = found[BASE_ID] }
end

--- The most layers that a generated image has; nil: not known.
function labels.layers(found)
  return math.tointeger(tonumber(found[LAYERS]))
end

return labels
