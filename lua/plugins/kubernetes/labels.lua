--- The labels and annotations that say what an object is for: the plugin's only state.
---
--- Labels select, and hold names; annotations hold the exact ids, which are compared when an object is read. The owner
--- is told by the prefix of names (objectNamePrefix) and the id of the prediction environment: whoever has another
--- prefix or another environment never touches the object.

local crypto = require "bosun.crypto"
local errors = require "bosun.error"
local json = require "bosun.json"
local owner = require "bosun.prediction_server.owner"
local record = require "bosun.prediction_server.record"
local tables = require "bosun.tables"

local names = require "kubernetes.names"

local labels = {}

local MANAGER = "app.kubernetes.io/managed-by"
local NAME = "app.kubernetes.io/name"
local INSTANCE = "app.kubernetes.io/instance"
local OWNER = "bosun/owner" -- the prefix, as a label's value
local SCOPE = "bosun/scope" -- digest of prefix and environment
local ROLE = "bosun/role"
local DEPLOYMENT = "bosun/deployment" -- the name of the deployment's objects
local MODEL = "bosun/model" -- the model's id, as a label's value

local PREFIX = "bosun/prefix" -- objectNamePrefix
local ENVIRONMENT = "bosun/environment" -- id of the prediction environment, if the agent sent it
local DEPLOYMENT_ID = "bosun/deployment-id"
local MODEL_ID = "bosun/model-id"
local INFO = "bosun/info" -- the rest of deploymentInfo, as JSON
local DIGEST = "bosun/digest" -- of everything that the deployment's objects were made from
local PACKAGE = "bosun/package" -- SHA-256 of the model package
local IMAGES = "bosun/images" -- references of the generated images that it has run, as JSON, the latest last
local STAMP = "bosun/stamp" -- of the pods: changes when they are to be made anew
local SECRETS = "bosun/secrets" -- of the pods: digest of the Secret that they read

--- Roles: a deployment's own objects, the route by a model's id, and what serves the whole environment.
labels.Role = { SERVER = "server", MODEL = "model", QUEUE = "queue", AGENT = "agent", BUILD = "build" }

--- The value of the owner's label.
---@param context table
---@return string
function labels.owner(context)
  return names.label(context.config.objectNamePrefix)
end

local function scope(context)
  return crypto.sha256(context.config.objectNamePrefix .. "\0" .. (context.environment or "")):sub(1, 10)
end

--- For lists: everything of this plugin, or of one deployment. Others' may be among it: see labels.is_ours.
---@param context table
---@param id? string of a deployment
---@return table<string, string>
function labels.selector(context, id)
  local prefix = context.config.objectNamePrefix
  return { [MANAGER] = "bosun", [OWNER] = labels.owner(context), [DEPLOYMENT] = id and names.object(prefix, id) or nil }
end

--- Selects the pods of a deployment.
---@param context table
---@param id string
---@return table<string, string>
function labels.pods(context, id)
  return { [DEPLOYMENT] = names.object(context.config.objectNamePrefix, id), [ROLE] = labels.Role.SERVER }
end

--- Selects the pods that serve a model, of whichever deployment.
---@param context table
---@param model string
---@return table<string, string>
function labels.model_pods(context, model)
  return { [SCOPE] = scope(context), [MODEL] = names.label(model), [ROLE] = labels.Role.SERVER }
end

--- The labels of any object of this plugin.
---@param context table
---@param role string
---@param instance string the object's name
---@return table<string, string>
function labels.common(context, role, instance)
  return {
    [MANAGER] = "bosun", [NAME] = role == labels.Role.SERVER and "prediction-server" or "bosun-" .. role,
    [INSTANCE] = instance, [OWNER] = labels.owner(context), [SCOPE] = scope(context), [ROLE] = role,
  }
end

--- Selects the pods of an object that serves the whole environment.
---@param name string
---@return table<string, string>
function labels.instance(name)
  return { [INSTANCE] = name, [MANAGER] = "bosun" }
end

--- The annotations of any object of this plugin.
---@param context table
---@return table<string, string>
function labels.notes(context)
  return { [PREFIX] = context.config.objectNamePrefix, [ENVIRONMENT] = context.environment }
end

--- The labels of a deployment's objects and pods.
---@param context table
---@param deployment { id: string, model: string }
---@return table<string, string>
function labels.deployment(context, deployment)
  local name = names.object(context.config.objectNamePrefix, deployment.id)
  return tables.copy(labels.common(context, labels.Role.SERVER, name), {
    [DEPLOYMENT] = name, [MODEL] = names.label(deployment.model),
  })
end

--- The labels of what builds a deployment's image.
---@param context table
---@param deployment { id: string, model: string }
---@return table<string, string>
function labels.build(context, deployment)
  local name = names.object(context.config.objectNamePrefix, deployment.id)
  return tables.copy(labels.common(context, labels.Role.BUILD, name), {
    [DEPLOYMENT] = name, [MODEL] = names.label(deployment.model),
  })
end

--- For lists: what builds images, those of one deployment or of all.
---@param context table
---@param id? string of a deployment
---@return table<string, string>
function labels.builds(context, id)
  return tables.copy(labels.selector(context, id), { [ROLE] = labels.Role.BUILD })
end

--- The annotations of a deployment's objects.
---@param context table
---@param deployment { id: string, model: string }
---@return table<string, string>
function labels.deployment_notes(context, deployment)
  return tables.copy(labels.notes(context), { [DEPLOYMENT_ID] = deployment.id, [MODEL_ID] = deployment.model })
end

--- The labels of the objects that route by a model's id.
---@param context table
---@param model string
---@param name string
---@return table<string, string>
function labels.model(context, model, name)
  return tables.copy(labels.common(context, labels.Role.MODEL, name), { [MODEL] = names.label(model) })
end

--- The annotations of the objects that route by a model's id.
---@param context table
---@param model string
---@return table<string, string>
function labels.model_notes(context, model)
  return tables.copy(labels.notes(context), { [MODEL_ID] = model })
end

--- Adds to the annotations of a Deployment what is kept beside it.
---@param notes table<string, string>
---@param kept { info: table, digest: string, package?: string, images?: string[] }
---@return table<string, string> notes
function labels.keep(notes, kept)
  notes[INFO], notes[DIGEST], notes[PACKAGE] = record.encode(kept.info), kept.digest, kept.package
  notes[IMAGES] = kept.images and kept.images[1] and json.encode(json.array(kept.images)) or nil
  return notes
end

--- The annotations of a deployment's pods.
---@param context table
---@param deployment { id: string, model: string }
---@param made { stamp?: string, secrets?: string }
---@return table<string, string>
function labels.pod_notes(context, deployment, made)
  return tables.copy(labels.deployment_notes(context, deployment), { [STAMP] = made.stamp, [SECRETS] = made.secrets })
end

local function table_of(value, key)
  local found = type(value) == "table" and value[key]
  return type(found) == "table" and found or {}
end

local function images_of(text)
  local list = type(text) == "string" and json.decode(text)
  return type(list) == "table" and list or {}
end

--- Does an object belong to this plugin and environment?
---@param context table
---@param object table
---@return boolean
function labels.is_ours(context, object)
  local metadata = table_of(object, "metadata")
  local notes = table_of(metadata, "annotations")
  if table_of(metadata, "labels")[MANAGER] ~= "bosun" then return false end
  if notes[PREFIX] ~= context.config.objectNamePrefix then return false end
  return owner.agrees(notes[ENVIRONMENT], context.environment)
end

--- The owner of an object, for messages.
---@param object table
---@return string
function labels.owner_words(object)
  local notes = table_of(table_of(object, "metadata"), "annotations")
  return owner.words(notes[ENVIRONMENT], "objectNamePrefix", notes[PREFIX])
end

--- Is an object for the same deployment as another one, or for the same model? Their names do not tell: ids can be
--- made up whose stand-ins are the same.
---@param object table
---@param other table
---@return boolean
function labels.is_for_the_same(object, other)
  local first, second = labels.read(object), labels.read(other)
  return first.id == second.id and (first.id ~= nil or first.model == second.model)
end

--- The error of a name that is needed and not free.
---@param context table
---@param found table the object that has it
---@return bosun.Error
function labels.taken(context, found)
  local kind, name, id = found.kind, found.metadata.name, labels.read(found).id
  local whose = labels.owner_words(found)
  if id and labels.is_ours(context, found) then whose = ("the deployment %s"):format(id) end
  return errors.new { code = "AlreadyExists", op = "kubernetes",
    message = ("the %s %s in namespace %s belongs to %s; use another objectNamePrefix"):format(kind, name,
      context.namespace, whose) }
end

---@class kubernetes.Read what labels and annotations say of an object
---@field role? string
---@field name? string of the deployment's objects
---@field id? string of the deployment
---@field model? string id
---@field info table the rest of deploymentInfo
---@field digest? string
---@field package? string
---@field stamp? string of the pods of a Deployment
---@field images string[] references of the generated images that the deployment has run, the latest last

---@param object table
---@return kubernetes.Read
function labels.read(object)
  local metadata = table_of(object, "metadata")
  local found, notes = table_of(metadata, "labels"), table_of(metadata, "annotations")
  local template = table_of(table_of(object, "spec"), "template")
  return {
    role = found[ROLE], name = found[DEPLOYMENT], id = notes[DEPLOYMENT_ID], model = notes[MODEL_ID],
    info = record.decode(notes[INFO]), digest = notes[DIGEST], package = notes[PACKAGE],
    stamp = table_of(table_of(template, "metadata"), "annotations")[STAMP], images = images_of(notes[IMAGES]),
  }
end

return labels
