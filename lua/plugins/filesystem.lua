--- The filesystem plugin: one directory for each deployment, for a prediction server that serves whatever a folder
--- contains. It is also the reference for plugins of your own: the private config's schema, then a method per action.
---
--- Where the contract leaves a choice:
--- * Starting a deployment that serves another model fails and points to deployment_replace_model; it never swaps.
--- * Replacing the model of a deployment that does not exist fails; replacing that of a broken one repairs it.
--- * A stop removes the deployment whatever model it serves, and reports when that is not the model it was given: the
---   agent wants the deployment gone, and its idea of the model may predate a replacement.
--- * A relaunch builds the deployment anew and swaps it in, so the deployment never disappears.
--- * A directory of the right name without our info file belongs to someone else and is never touched.
--- * The status of pe_status describes the environment; that of each deployment is in data.deploymentsStatus.

local BosunPluginBase = require "bosun.plugin_base"
local Store = require "filesystem.store"
local given = require "bosun.deployment_info"
local path = require "bosun.path"
local status = require "bosun.action_status"

local ActionStatus, State = status.ActionStatus, status.DeploymentState
local passing, warning = status.ActionStatusInfo.passing, status.ActionStatusInfo.warning
local failing = status.ActionStatusInfo.failing
local about = given.about

local FilesystemPlugin = BosunPluginBase:extend("filesystem")

local function is_file_name(name)
  local ok, err = path.safe_component(name)
  return ok and true, err and err.message
end

local function is_prefix(prefix)
  if prefix == "" then return true end
  if prefix:sub(1, 1) == "." then
    return nil, "must not begin with a dot: hidden directories are for work in progress"
  end
  return is_file_name(prefix)
end

FilesystemPlugin.config_schema = {
  baseDir = { type = "path", default = ".", description = "the folder with the deployment directories" },
  deploymentDirPrefix = {
    type = "string", default = "deployment_", check = is_prefix,
    description = "prefix of the names of deployment directories",
  },
  deploymentInfoFile = {
    type = "string", default = "config.yml", check = is_file_name, description = "the file the prediction server reads",
  },
  deploymentPredictionBaseUrl = {
    type = "url", description = "base of the prediction URLs; the deployment's id is appended",
  },
  deploymentKVFile = {
    type = "string", check = is_file_name, description = "the file to write the deployment's keyValueConfig to",
  },
}

function FilesystemPlugin:init()
  self.store = Store.new(self.config)
end

local function url_encoded(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The data of a successful start or replacement; nil without a base URL.
function FilesystemPlugin:prediction_data(entry)
  local base = self.config.deploymentPredictionBaseUrl
  if not base then return nil end
  return { predictionUrl = given.prediction_url(base, url_encoded(entry.id)) }
end

--- The environment's own health.
function FilesystemPlugin:environment()
  local usable, err = self.store:probe()
  if usable then return passing(("baseDir %s is writable"):format(self.config.baseDir)) end
  return failing(("cannot use baseDir %s: %s"):format(self.config.baseDir, err.message))
end

function FilesystemPlugin:plugin_start()
  local environment = self:environment()
  if environment.status ~= ActionStatus.OK then return environment end
  local swept, err = self.store:sweep()
  if not swept then self.log:warn("cannot remove what an interrupted run left behind", { error = err }) end
  return environment
end

function FilesystemPlugin:plugin_stop()
  return passing("nothing to shut down; deployments are kept")
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

--- The status of the deployment with this id.
function FilesystemPlugin:health(id)
  local entry, problem = self.store:entry(id)
  if not entry then return failing(problem, State.UNKNOWN) end
  local now = self.store:look(entry)
  local data = now.info and { currentModelId = now.info.model_id }
  if now.kind == "whole" then
    return passing(about(entry, "serving model %s", now.info.model_id), State.READY, data)
  end
  if now.kind == "absent" then
    return failing(about(entry, "not deployed: no directory %s", entry.dir), State.STOPPED)
  end
  return failing(about(entry, "%s", now.problem), now.kind == "broken" and State.ERRORED or State.UNKNOWN, data)
end

function FilesystemPlugin:deployment_status(deployment_info)
  return self:health(deployment_info.id)
end

--- A deployment's entry in deployment_list.
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

--- Runs body(entry, what is there now) while no other action changes this deployment.
function FilesystemPlugin:change(deployment_info, body)
  local entry, problem = self.store:entry(deployment_info.id)
  if not entry then return failing(problem) end
  local lock <close>, err = self.store:lock(entry)
  if not lock then return failing(about(entry, "%s", err.message)) end
  local cleared, why = self.store:clear(entry)
  if not cleared and why then
    return failing(about(entry, "cannot remove what an interrupted run left behind: %s", why.message))
  end
  local now = self.store:look(entry)
  if now.kind == "foreign" then
    return failing(about(entry, "%s; left untouched: move it away, or set another deploymentDirPrefix",
      now.problem))
  end
  return body(entry, now)
end

--- The model named by the action, checked.
function FilesystemPlugin:model(id, deployment_info)
  local artifact, problem = given.artifact(deployment_info)
  if not artifact then return nil, problem end
  if artifact.file == self.config.deploymentInfoFile or artifact.file == self.config.deploymentKVFile then
    return nil, ("the model's file name %s is reserved: the plugin writes a file of that name next to the model")
      :format(artifact.file)
  end
  return { id = id, artifact = artifact.path, file = artifact.file, size = artifact.size }
end

--- Puts the deployment with this model in place. A failure has no state yet.
function FilesystemPlugin:install(entry, model_id, deployment_info)
  local model, problem = self:model(model_id, deployment_info)
  if not model then return failing(about(entry, "%s", problem)) end
  local deployment = {
    id = entry.id,
    name = deployment_info.name,
    model = model,
    key_values = deployment_info.keyValueConfig,
  }
  local installed, err = self.store:install(entry, deployment, function(key)
    self.log:warn("ignoring a reserved key of keyValueConfig", { deployment = entry.id, key = key })
  end)
  if not installed then return failing(about(entry, "%s", tostring(err))) end
  if err then self.log:warn("cannot remove the previous directory", { deployment = entry.id, error = err }) end
  return passing(about(entry, "serving model %s from %s", model_id, entry.dir), State.READY,
    self:prediction_data(entry))
end

--- The result when there is nothing to do.
function FilesystemPlugin:already(entry, model_id)
  return passing(about(entry, "already serving model %s", model_id), State.READY, self:prediction_data(entry))
end

--- Puts the deployment in place with the model that the action names, whatever is there now.
function FilesystemPlugin:launch(entry, now, deployment_info)
  local model_id, problem = given.id(deployment_info, "modelId")
  if not model_id then return failing(about(entry, "%s", problem)) end
  local result = self:install(entry, model_id, deployment_info)
  result.state = result.state or (now.kind == "whole" and State.READY or State.ERRORED)
  return result
end

--- The result of a start when an intact deployment exists.
function FilesystemPlugin:running(entry, info, deployment_info)
  local model_id = given.id(deployment_info, "modelId")
  if info.model_id == model_id then
    return self:already(entry, model_id)
  end
  return failing(about(entry, "serving model %s; use deployment_replace_model to switch models",
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
  local model_id, problem = given.id(deployment_info, "newModelId")
  if not model_id then return failing(about(entry, "%s", problem)) end
  if now.kind == "absent" then
    return failing(about(entry, "no model to replace; use deployment_start"), State.STOPPED)
  elseif now.kind == "whole" and now.info.model_id == model_id then
    return self:already(entry, model_id)
  end
  return self:install(entry, model_id, deployment_info)
end

--- Adds to a failed replacement what is on disk, and so is served, now.
function FilesystemPlugin:add_what_is_served(result, deployment_info)
  local entry = self.store:entry(deployment_info.id)
  local now = entry and self.store:look(entry)
  if not now or now.kind == "absent" then return end
  if now.kind ~= "whole" then
    result.state = now.kind == "broken" and State.ERRORED or State.UNKNOWN
    return
  end
  result.state = State.READY
  result.msg = ("%s; still serving model %s"):format(result.msg, now.info.model_id)
  if now.info.model_id ~= deployment_info.newModelId then result.data = { oldModelInUse = true } end
end

function FilesystemPlugin:deployment_replace_model(deployment_info)
  local result = self:change(deployment_info, function(entry, now)
    return self:replace(entry, now, deployment_info)
  end)
  if result.status == ActionStatus.ERROR then self:add_what_is_served(result, deployment_info) end
  return result
end

function FilesystemPlugin:deployment_stop(deployment_info)
  return self:change(deployment_info, function(entry, now)
    if now.kind == "absent" then return passing(about(entry, "not deployed"), State.STOPPED) end
    local removed, err = self.store:remove(entry)
    if not removed then return failing(about(entry, "not stopped: %s", tostring(err))) end
    if err then
      return warning(about(entry, "stopped, but some files could not be removed: %s", tostring(err)), State.STOPPED)
    end
    local other = given.other_model(deployment_info, now.info and now.info.model_id)
    return passing(about(entry, "removed %s%s", entry.dir, other), State.STOPPED)
  end)
end

return FilesystemPlugin
