--- The filesystem plugin: one directory for each deployment, for a prediction server that serves what lies in a folder.
--- It is also the reference for plugins of your own: the private config's schema, then a method for each action.
---
--- Where the contract leaves a choice:
--- * Starting a deployment that serves another model fails and names deployment_replace_model; it never swaps.
--- * Replacing the model of a deployment that is not there fails; a broken deployment is repaired by it.
--- * A stop removes the deployment whatever model it has, and says so when that is not the model it was given: the
---   agent wants the deployment gone, and its word on the model may be older than a replacement.
--- * A relaunch builds the deployment anew from what it is given and exchanges it, so that it is never gone.
--- * A directory of the right name that has no info file of ours is nobody's deployment and is never touched.
--- * pe_status itself stands for the environment; how each deployment is stands in data.deploymentsStatus.

local BosunPluginBase = require "bosun.plugin_base"
local Store = require "filesystem.store"
local fs = require "bosun.fs"
local path = require "bosun.path"
local status = require "bosun.action_status"

local ActionStatus, ActionStatusInfo, State = status.ActionStatus, status.ActionStatusInfo, status.DeploymentState

local FilesystemPlugin = BosunPluginBase:extend("filesystem")

local function is_file_name(name)
  local ok, err = path.safe_component(name)
  return ok and true, err and err.message
end

local function is_prefix(prefix)
  if prefix == "" then return true end
  if prefix:sub(1, 1) == "." then return nil, "it begins with a dot: hidden directories are for work in progress" end
  return is_file_name(prefix)
end

FilesystemPlugin.config_schema = {
  baseDir = { type = "path", default = ".", description = "the folder that holds the deployment directories" },
  deploymentDirPrefix = {
    type = "string", default = "deployment_", check = is_prefix,
    description = "what the name of a deployment's directory begins with",
  },
  deploymentInfoFile = {
    type = "string", default = "config.yml", check = is_file_name, description = "the file the prediction server reads",
  },
  deploymentPredictionBaseUrl = { type = "url", description = "the prediction URL, up to the deployment's id" },
  deploymentKVFile = {
    type = "string", check = is_file_name, description = "the file that gets the deployment's keyValueConfig",
  },
}

function FilesystemPlugin:init()
  self.store = Store.new(self.config)
end

local function passing(msg, state, data)
  return ActionStatusInfo { status = ActionStatus.OK, msg = msg, state = state, data = data }
end

local function failing(msg, state, data)
  return ActionStatusInfo { status = ActionStatus.ERROR, msg = msg, state = state, data = data }
end

--- "deployment-1: …"
local function about(entry, message, ...)
  return ("%s: %s"):format(entry.id, message:format(...))
end

local function url_encoded(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- What start and replace hand on, or nil.
function FilesystemPlugin:prediction_data(entry)
  local base = self.config.deploymentPredictionBaseUrl
  if not base then return nil end
  return { predictionUrl = ("%s/%s/predict"):format(base:gsub("/+$", ""), url_encoded(entry.id)) }
end

--- The environment's own health.
function FilesystemPlugin:environment()
  local usable, err = self.store:probe()
  if usable then return passing(("baseDir %s can be written"):format(self.config.baseDir)) end
  return failing(("baseDir %s cannot be used: %s"):format(self.config.baseDir, err.message))
end

function FilesystemPlugin:plugin_start()
  local environment = self:environment()
  if environment.status ~= ActionStatus.OK then return environment end
  local swept, err = self.store:sweep()
  if not swept then self.log:warn("cannot clear what an interrupted run left", { error = err }) end
  return environment
end

function FilesystemPlugin:plugin_stop()
  return passing("nothing to close; the deployments stay")
end

function FilesystemPlugin:pe_status()
  local result = self:environment()
  local ids = self:deployment_ids()
  if #ids == 0 then return result end
  local statuses = {}
  for _, id in ipairs(ids) do statuses[id] = self:health(id) end
  result.data = { deploymentsStatus = statuses }
  return result
end

--- How the deployment with this id is.
function FilesystemPlugin:health(id)
  local entry, problem = self.store:entry(id)
  if not entry then return failing(problem, State.UNKNOWN) end
  local now = self.store:look(entry)
  local data = now.info and { currentModelId = now.info.model_id }
  if now.kind == "whole" then
    return passing(about(entry, "it serves model %s", now.info.model_id), State.READY, data)
  end
  if now.kind == "absent" then return failing(about(entry, "it is not there: no %s", entry.dir), State.STOPPED) end
  return failing(about(entry, "%s", now.problem), now.kind == "broken" and State.ERRORED or State.UNKNOWN, data)
end

function FilesystemPlugin:deployment_status(deployment_info)
  return self:health(deployment_info.id)
end

--- A deployment as deployment_list hands it on.
function FilesystemPlugin:describe(entry, info)
  return {
    id = entry.id,
    name = info.deployment_name,
    modelId = info.model_id,
    modelArtifact = path.join(entry.dir, info.model_file),
    keyValueConfig = self.store:key_values(entry, info),
  }
end

function FilesystemPlugin:deployment_list()
  local entries, err = self.store:entries()
  if not entries then return failing(("cannot list the deployments: %s"):format(err.message)) end
  local deployments, count = {}, 0
  for entry in entries do
    local now = self.store:look(entry)
    if now.info then
      deployments[entry.id], count = self:describe(entry, now.info), count + 1
    elseif now.kind ~= "absent" then
      self.log:warn("not listed", { directory = entry.dir, reason = now.problem })
    end
  end
  return passing(("deployments in %s: %d"):format(self.config.baseDir, count), nil, deployments)
end

--- Runs body(entry, what is there now) while nobody else changes this deployment.
function FilesystemPlugin:change(deployment_info, body)
  local entry, problem = self.store:entry(deployment_info.id)
  if not entry then return failing(problem) end
  local lock <close>, err = self.store:lock(entry)
  if not lock then return failing(about(entry, "%s", err.message)) end
  local cleared, why = self.store:clear(entry)
  if not cleared and why then return failing(about(entry, "cannot clear leftovers: %s", why.message)) end
  local now = self.store:look(entry)
  if now.kind == "foreign" then
    return failing(about(entry, "%s; it was not touched: move it away, or set another deploymentDirPrefix",
      now.problem))
  end
  return body(entry, now)
end

--- The model that an action is given, checked.
function FilesystemPlugin:model(id, artifact)
  if type(artifact) ~= "string" or artifact == "" then return nil, "deploymentInfo.modelArtifact is missing" end
  if artifact:find("\0", 1, true) then return nil, "deploymentInfo.modelArtifact is no path: it holds a NUL" end
  local stat, err = fs.stat(artifact)
  if not stat then return nil, ("the model cannot be had: %s"):format(err.message) end
  if stat.type ~= "file" then return nil, ("modelArtifact %s is a %s; expected a file"):format(artifact, stat.type) end
  local file = path.basename(artifact)
  local safe, problem = path.safe_component(file, nil, "the model's file name")
  if not safe then return nil, problem.message end
  if file == self.config.deploymentInfoFile or file == self.config.deploymentKVFile then
    return nil, ("the model's file name %s is that of a file which the plugin writes beside it"):format(file)
  end
  return { id = id, artifact = artifact, file = file, size = stat.size }
end

--- Puts the deployment with this model in place. Only the answer of a failure has no state yet.
function FilesystemPlugin:install(entry, model_id, deployment_info)
  local model, problem = self:model(model_id, deployment_info.modelArtifact)
  if not model then return failing(about(entry, "%s", problem)) end
  local deployment = {
    id = entry.id,
    name = deployment_info.name,
    model = model,
    key_values = deployment_info.keyValueConfig,
  }
  local installed, err = self.store:install(entry, deployment, function(key)
    self.log:warn("a key of keyValueConfig is left out: the plugin writes it", { deployment = entry.id, key = key })
  end)
  if not installed then return failing(about(entry, "%s", tostring(err))) end
  if err then self.log:warn("the previous directory is not removed yet", { deployment = entry.id, error = err }) end
  return passing(about(entry, "it serves model %s from %s", model_id, entry.dir), State.READY,
    self:prediction_data(entry))
end

--- The answer when there is nothing to do.
function FilesystemPlugin:already(entry, model_id)
  return passing(about(entry, "it serves model %s already", model_id), State.READY, self:prediction_data(entry))
end

--- An id as text, or nil and what to say.
local function model_id_of(deployment_info, key)
  local id = deployment_info[key]
  if type(id) == "string" and id ~= "" then return id end
  return nil, ("deploymentInfo.%s is missing"):format(key)
end

--- Puts the deployment in place, whatever is there, with the model that the action names.
function FilesystemPlugin:launch(entry, now, deployment_info)
  local model_id, problem = model_id_of(deployment_info, "modelId")
  if not model_id then return failing(about(entry, "%s", problem)) end
  local result = self:install(entry, model_id, deployment_info)
  result.state = result.state or (now.kind == "whole" and State.READY or State.ERRORED)
  return result
end

--- The answer of a start when a whole deployment is there.
function FilesystemPlugin:running(entry, info, deployment_info)
  local model_id = model_id_of(deployment_info, "modelId")
  if info.model_id == model_id then
    return self:already(entry, model_id)
  end
  return failing(about(entry, "it serves model %s: use deployment_replace_model to serve another one",
    info.model_id), State.READY)
end

function FilesystemPlugin:deployment_start(deployment_info)
  return self:change(deployment_info, function(entry, now)
    if now.kind == "whole" then return self:running(entry, now.info, deployment_info) end
    return self:launch(entry, now, deployment_info)
  end)
end

function FilesystemPlugin:deployment_relaunch(deployment_info)
  return self:change(deployment_info, function(entry, now)
    return self:launch(entry, now, deployment_info)
  end)
end

function FilesystemPlugin:replace(entry, now, deployment_info)
  local model_id, problem = model_id_of(deployment_info, "newModelId")
  if not model_id then return failing(about(entry, "%s", problem)) end
  if now.kind == "absent" then
    return failing(about(entry, "there is no model to replace: use deployment_start"), State.STOPPED)
  elseif now.kind == "whole" and now.info.model_id == model_id then
    return self:already(entry, model_id)
  end
  return self:install(entry, model_id, deployment_info)
end

--- Adds to the answer of a replacement that failed what is served now, as the disk has it.
function FilesystemPlugin:add_what_is_served(result, deployment_info)
  local entry = self.store:entry(deployment_info.id)
  local now = entry and self.store:look(entry)
  if not now or now.kind == "absent" then return end
  if now.kind ~= "whole" then
    result.state = now.kind == "broken" and State.ERRORED or State.UNKNOWN
    return
  end
  result.state = State.READY
  result.msg = ("%s; model %s is still served"):format(result.msg, now.info.model_id)
  if now.info.model_id ~= deployment_info.newModelId then result.data = { oldModelInUse = true } end
end

function FilesystemPlugin:deployment_replace_model(deployment_info)
  local result = self:change(deployment_info, function(entry, now)
    return self:replace(entry, now, deployment_info)
  end)
  if result.status == ActionStatus.ERROR then self:add_what_is_served(result, deployment_info) end
  return result
end

--- What the answer of a stop adds when the model was not the one it was given.
local function other_model(now, deployment_info)
  local wanted = model_id_of(deployment_info, "modelId")
  if not now.info or not wanted or now.info.model_id == wanted then return "" end
  return (" (it served model %s, not %s)"):format(now.info.model_id, wanted)
end

function FilesystemPlugin:deployment_stop(deployment_info)
  return self:change(deployment_info, function(entry, now)
    if now.kind == "absent" then return passing(about(entry, "it is not there"), State.STOPPED) end
    local removed, err = self.store:remove(entry)
    if not removed then return failing(about(entry, "it was not stopped: %s", tostring(err))) end
    if not err then
      return passing(about(entry, "%s is removed%s", entry.dir, other_model(now, deployment_info)), State.STOPPED)
    end
    return ActionStatusInfo {
      status = ActionStatus.WARN,
      msg = about(entry, "it is stopped, but its files are not all removed: %s", tostring(err)),
      state = State.STOPPED,
    }
  end)
end

return FilesystemPlugin
