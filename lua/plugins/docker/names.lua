--- Names of engine objects and routes, made from ids, which are hostile text. An id that is valid in a name is used as
--- it is; any other is reduced to its valid characters plus a digest of the whole, so two ids never share a name.

local docker = require "bosun.docker"
local stand_in = require "bosun.prediction_server.stand_in"

local names = {}

local LONGEST_PART = 64
local LONGEST_ROUTE = 24

local function part(id)
  if #id <= LONGEST_PART and not id:find("[^%w_.-]") and not stand_in.is_one(id) then return id end
  return stand_in.of(stand_in.reduced(id, "%w_.-", LONGEST_PART - 16), id)
end

--- "<prefix>deployment_<deployment id>_<model id>"
function names.container(prefix, deployment_id, model_id)
  return ("%sdeployment_%s_%s"):format(prefix, part(deployment_id), part(model_id))
end

--- Is this the name of a deployment's container? It has another one while its successor takes its name.
function names.is_container(name, prefix, deployment_id, model_id)
  local own = names.container(prefix, deployment_id, model_id)
  return name == own or name:sub(1, #own) == own and name:find("^%.g%d+$", #own + 1) ~= nil
end

--- What the container of a generation is called while its successor takes its name.
function names.former_container(name, generation)
  return ("%s.g%d"):format(name, generation)
end

local FORMER = ".former"

--- What a service's container is called while its successor takes its name.
function names.former_service(name)
  return name .. FORMER
end

--- Is this the name of a service's container that has, or had, a successor?
function names.is_former_service(name)
  return name:sub(-#FORMER) == FORMER
end

--- The image generated for a model: "<prefix><model id>", without capital letters, as names of images require.
function names.image(prefix, model_id)
  local name = prefix .. model_id
  local is_plain = #model_id <= LONGEST_PART and model_id:find("^[a-z0-9]") and not model_id:find("[:@/]")
  if is_plain and not stand_in.is_one(model_id) and docker.parse_reference(name) then return name end
  return prefix .. stand_in.of(stand_in.reduced(model_id:lower(), "a-z0-9", LONGEST_PART - 16), model_id)
end

--- An id as a segment of a URL's path.
names.segment = stand_in.segment

--- A second segment for a deployment, while its own is still in use for another model. No id has it as its own.
function names.next_segment(id, model_id)
  return "next-h" .. stand_in.digest(id .. "\0" .. model_id)
end

--- The name of a deployment's router: lower case, without the separators of labels. `scope` distinguishes plugins that
--- share an engine; the model distinguishes two actions at the same time.
function names.router(scope, deployment_id, model_id, generation)
  local kept = stand_in.reduced(deployment_id:lower(), "a-z0-9", LONGEST_ROUTE)
  local whole = stand_in.digest(table.concat({ scope, deployment_id, model_id }, "\0"))
  return ("bosun-%s-%s-g%d"):format(kept, whole, generation)
end

--- A host name on the network, without "_", which is not valid in the host of a URL.
function names.host(role, scope)
  return ("%s-%s"):format(role, stand_in.digest(scope):sub(1, 8))
end

return names
