--- The filesystem plugin: one directory for each deployment, for a prediction server that serves whatever a folder
--- contains. It is also the reference for plugins of your own: the private config's schema, then a method per action.
---
--- Where the contract leaves a choice:
--- * A start makes it so: where another model serves, or the artifact is another one, the new one is exchanged in.
--- * Replacing the model of a deployment that does not exist fails; replacing that of a broken one repairs it.
--- * A stop removes the deployment whatever model it serves, and reports when that is not the model it was given: the
---   agent wants the deployment gone, and its idea of the model may predate a replacement.
--- * A relaunch builds the deployment anew and swaps it in, so the deployment never disappears.
--- * A directory that is not provably ours (filesystem/record.lua says when it is) is never touched: the action fails.
--- * The status of pe_status describes the environment; that of each deployment is in data.deploymentsStatus.

local BosunPluginBase = require "bosun.plugin_base"
local Store = require "filesystem.store"
local artifact = require "bosun.artifact"
local effect = require "bosun.effect"
local errors = require "bosun.error"
local given = require "bosun.deployment_info"
local path = require "bosun.path"
local prediction = require "filesystem.prediction"
local probe = require "bosun.prediction_server.probe"
local proof = require "filesystem.proof"
local record = require "filesystem.record"
local status = require "bosun.action_status"

local ActionStatus, State = status.ActionStatus, status.DeploymentState
local passing, warning = status.ActionStatusInfo.passing, status.ActionStatusInfo.warning
local failing = status.ActionStatusInfo.failing
local about = given.about

local FilesystemPlugin = BosunPluginBase:extend("filesystem")

local CLEAN_UP_LOCK, CLEAN_UP_PROOF = 5, 5 -- seconds of the 20 that clean_up has

local function is_file_name(name)
  if name == record.MARK then return nil, name .. " is the name of the plugin's own file" end
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
    type = "url", check = prediction.is_base, description = "base of the prediction URLs",
  },
  deploymentPredictionPath = {
    type = "string", default = "{id}/predict", check = prediction.is_path,
    description = "what follows the base in a prediction URL: {id}, {directory} and {modelId} are filled in",
  },
  artifactDigest = {
    type = "boolean", default = true,
    description = "take the SHA-256 of models, to tell when one was altered",
  },
  deploymentKVFile = {
    type = "string", check = is_file_name, description = "the file to write the deployment's keyValueConfig to",
  },
}

proof.add_fields(FilesystemPlugin.config_schema)

function FilesystemPlugin:init()
  self.store = Store.new(self.config)
  self.proof = probe.settings(self)
end

--- The data of a successful start or replacement; nil when there is nothing to tell.
function FilesystemPlugin:serving_data(entry, model_id, sha256)
  local base, data = self.config.deploymentPredictionBaseUrl, { artifactSha256 = sha256 }
  if base then
    local parts = { id = entry.id, directory = entry.name, modelId = model_id }
    data.predictionUrl = prediction.url(base, self.config.deploymentPredictionPath, parts)
  end
  return next(data) and data
end

--- The environment's own health.
function FilesystemPlugin:environment()
  local usable, err = self.store:probe()
  if usable then return passing(("baseDir %s is writable"):format(self.config.baseDir)) end
  return failing(errors.wrap(err, "cannot use baseDir " .. self.config.baseDir))
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
  result.data = { deploymentsStatus = self:statuses(ids) }
  return result
end

--- What is wrong with what was found, as an error.
local function trouble(entry, now)
  if now.kind == "absent" then
    return errors.new { code = "not_deployed", message = "not deployed: no directory " .. entry.dir }
  elseif now.kind == "foreign" then
    return errors.new { code = "foreign",
      message = now.problem .. "; left untouched: move it away, or set another deploymentDirPrefix" }
  end
  return now.err or errors.new { code = "broken", message = now.problem }
end

--- The status of a deployment of which this was found.
local function verdict(entry, now)
  local info = now.info
  local sha256 = now.kind == "whole" and info.model_sha256 or nil
  local data = info and { currentModelId = info.model_id, artifactSha256 = sha256 }
  if now.kind == "whole" then
    return passing(about(entry, "serving model %s", now.info.model_id), State.READY, data)
  end
  local state = now.kind == "unknown" and State.UNKNOWN or State.ERRORED
  return given.failing(entry, trouble(entry, now), state, now.kind == "broken" and data or nil)
end

--- The status of the deployment with this id.
function FilesystemPlugin:health(id)
  local entry, problem = self.store:entry(id)
  if not entry then return failing(problem, State.ERRORED) end
  return verdict(entry, self.store:observe(entry))
end

--- Corrects the status of a deployment whose model was asked.
local function with_finding(result, one)
  local finding = one.finding
  if not finding then return result end
  if finding.answers == false then
    return failing(about(one.entry, "%s", finding.problem), State.ERRORED, result.data)
  end
  local remark = probe.remark(finding)
  if remark then result.msg = ("%s; %s"):format(result.msg, remark) end
  return result
end

--- The statuses of these deployments: of their files, then of what the server answers.
function FilesystemPlugin:statuses(ids)
  local statuses, asked = {}, {}
  for _, id in ipairs(ids) do
    local result = self:health(id)
    statuses[id] = result
    if result.status == ActionStatus.OK then
      asked[#asked + 1] = { id = id, entry = self.store:entry(id), model = result.data.currentModelId }
    end
  end
  proof.ask(self, asked)
  for _, one in ipairs(asked) do statuses[one.id] = with_finding(statuses[one.id], one) end
  return statuses
end

function FilesystemPlugin:deployment_status(deployment_info)
  return self:statuses({ deployment_info.id })[deployment_info.id]
end

--- A deployment's entry in deployment_list: its status, which the host completes, and its facts.
function FilesystemPlugin:describe(entry, now)
  local health, info = verdict(entry, now), now.info
  return {
    status = health.status, msg = health.msg, state = health.state, data = health.data, error = health.error,
    id = entry.id,
    name = info.deployment_name,
    modelId = info.model_id,
    modelArtifact = info.model_file and path.join(entry.dir, info.model_file),
    keyValueConfig = self.store:key_values(entry, info),
  }
end

function FilesystemPlugin:deployment_list()
  local entries, err = self.store:entries()
  if not entries then return failing(errors.wrap(err, "cannot list the deployments")) end
  local deployments, count = {}, 0
  for _, entry in ipairs(entries) do
    local now = self.store:observe(entry)
    if now.info then
      deployments[entry.id], count = self:describe(entry, now), count + 1
    elseif now.kind ~= "absent" then
      self.log:warn("not listed", { directory = entry.dir, reason = now.problem or tostring(now.err) })
    end
  end
  return passing(("deployments in %s: %d"):format(self.config.baseDir, count), nil, deployments)
end

--- Runs body(entry, what is there now) while no other action changes this deployment. A failure has no state yet.
function FilesystemPlugin:change(deployment_info, body)
  local entry, problem = self.store:entry(deployment_info.id)
  if not entry then return failing(problem) end
  local lock <close>, err = entry.place:lock()
  if not lock then return given.failing(entry, err) end
  local settled, why = entry.place:settle()
  if not settled then
    return given.failing(entry, errors.wrap(why, "cannot clear up after an interrupted run"))
  end
  local now = self.store:look(entry)
  if now.kind == "foreign" or now.kind == "unknown" then return given.failing(entry, trouble(entry, now)) end
  return body(entry, now)
end

--- Does a folder contain another one, or what will be one? Symlinks are not followed.
local function contains(outer, inner)
  outer, inner = path.abs(outer), path.abs(inner)
  return outer and inner and path.is_within(outer, inner)
end

local function wrong(format, ...)
  return nil, errors.new { code = "config", op = "read the action config", message = format:format(...) }
end

--- Is a model what deploymentInfo says it is? Reads it if there is a SHA-256 to compare with.
local function check_digest(package, deployment_info)
  local expected, problem = given.sha256(deployment_info)
  if problem then return nil, problem end
  if not expected then return true end
  local sha256, err = artifact.sha256(package.path)
  if not sha256 then return nil, errors.wrap(err, "cannot read the model") end
  package.sha256 = sha256
  return given.check_sha256(deployment_info, sha256)
end

--- The model's files as the action names them, with the SHA-256 that they are to have. Or nil, a problem,
--- and whether they are there, but not what deploymentInfo says.
function FilesystemPlugin:package(deployment_info)
  local package, problem = given.artifact(deployment_info, { folder = true })
  if not package then return nil, problem end
  local right, why = check_digest(package, deployment_info)
  if not right then return nil, why, true end
  return package
end

--- What to install, checked.
function FilesystemPlugin:model(entry, id, package)
  if package.type == "directory" and contains(package.path, entry.dir) then
    return wrong("modelArtifact %s contains the deployment's directory %s; expected a directory elsewhere",
      package.path, entry.dir)
  end
  if not self.store:takes_model(package.file) then
    return wrong("the model's file name %s is reserved: the plugin writes a file of that name next to the model",
      package.file)
  end
  return { id = id, artifact = package.path, file = package.file, sha256 = package.sha256 }
end

--- What a message adds about the model that was there before.
local function instead_of(now, model_id)
  local before = now.info and now.info.model_id
  if not before then return "" end
  if before ~= model_id then return (", instead of model %s"):format(before) end
  return now.kind == "whole" and ", installed anew" or ", repaired"
end

--- Why the deployment does not serve the model as the action wants it, for the plan of a dry run.
local function why_not(entry, now, model_id)
  local served = now.info and now.info.model_id
  if now.kind == "absent" then return ("folder absent: no directory %s"):format(entry.dir) end
  if now.kind ~= "whole" then return now.problem or "deployment damaged" end
  if served ~= model_id then return ("model id differs: %s is served, not %s"):format(served, model_id) end
  return "the model's content or the settings differ"
end

--- Puts the deployment with this model in place, whatever is there now. A failure has no state yet.
function FilesystemPlugin:install(entry, now, model_id, package, deployment_info)
  local model, problem = self:model(entry, model_id, package)
  if not model then return given.failing(entry, problem) end
  local deployment = {
    id = entry.id,
    name = deployment_info.name,
    model = model,
    key_values = deployment_info.keyValueConfig,
  }
  local remark
  self.installing = { entry = entry, model_id = model_id } -- for clean_up
  local installed, err = self.store:install(entry, deployment, function(key)
    self.log:warn("ignoring a reserved key of keyValueConfig", { deployment = entry.id, key = key })
  end, function()
    local finding = proof.wait(self, entry, model_id)
    remark = probe.remark(finding)
    return finding.answers ~= false, proof.problem(finding)
  end)
  if not installed then return given.failing(entry, err) end
  if err then self.log:warn("cannot remove the previous directory", { deployment = entry.id, error = err }) end
  return passing(about(entry, "serving model %s from %s%s%s", model_id, entry.dir, instead_of(now, model_id),
    remark and "; " .. remark or ""), State.READY, self:serving_data(entry, model_id, model.sha256))
end

--- Is this model served, with the content and settings that the action names? A package that is gone is taken for the
--- one that was installed.
function FilesystemPlugin:is_serving(entry, now, model_id, package, deployment_info)
  local info = now.info
  if now.kind ~= "whole" or info.model_id ~= model_id then return false end
  if not package then
    local expected, noted = given.sha256(deployment_info), info.model_sha256
    return not expected or not noted or expected == noted, noted
  end
  local wanted = { artifact = package.path, sha256 = package.sha256 }
  local is_same = self.store:has_settings(entry, info, deployment_info.keyValueConfig)
    and self.store:has_model(entry, info, wanted)
  package.sha256 = wanted.sha256
  return is_same, wanted.sha256
end

--- Makes it so that the deployment serves the model; does nothing if it does.
function FilesystemPlugin:serve(entry, now, model_id, deployment_info)
  local package, problem, is_wrong = self:package(deployment_info)
  if is_wrong then return given.failing(entry, problem) end
  local is_serving, sha256 = self:is_serving(entry, now, model_id, package, deployment_info)
  if is_serving then
    local finding = proof.wait(self, entry, model_id)
    if finding.answers == false then return given.failing(entry, proof.problem(finding)) end
    local remark = probe.remark(finding)
    return passing(about(entry, "already serving model %s%s", model_id, remark and "; " .. remark or ""), State.READY,
      self:serving_data(entry, model_id, sha256))
  end
  if not package then return given.failing(entry, problem) end
  local _ <close> = effect.because(why_not(entry, now, model_id))
  return self:install(entry, now, model_id, package, deployment_info)
end

--- Adds to the result of an action that failed what is served now: what is on disk, if the server answers with it.
--- Returns the result, and the id of the model that is served. `longest`: how many seconds the server may be asked.
function FilesystemPlugin:with_what_is_served(result, deployment_info, longest)
  if result.status ~= ActionStatus.ERROR then return result end
  local entry = self.store:entry(deployment_info.id)
  local now = entry and self.store:look(entry) or { kind = "absent" }
  result.state = now.kind == "unknown" and State.UNKNOWN or State.ERRORED
  if now.kind ~= "whole" then return result end
  local model_id = now.info.model_id
  local finding = proof.wait(self, entry, model_id, longest)
  if finding.answers == false then
    result.msg = ("%s; model %s is still there, but does not answer: %s"):format(result.msg, model_id, finding.problem)
    return result
  end
  local remark = probe.remark(finding)
  result.state, result.msg = State.READY, ("%s; still serving model %s%s"):format(result.msg, model_id,
    remark and "; " .. remark or "")
  return result, model_id
end

function FilesystemPlugin:deployment_start(deployment_info)
  local result = self:change(deployment_info, function(entry, now)
    local model_id, problem = given.id(deployment_info, "modelId")
    if not model_id then return given.failing(entry, problem) end
    return self:serve(entry, now, model_id, deployment_info)
  end)
  return (self:with_what_is_served(result, deployment_info))
end

function FilesystemPlugin:deployment_relaunch(deployment_info)
  local result = self:change(deployment_info, function(entry, now)
    local model_id, problem = given.id(deployment_info, "modelId")
    if not model_id then return given.failing(entry, problem) end
    local package, why = self:package(deployment_info)
    if not package then return given.failing(entry, why) end
    local _ <close> = effect.because "a relaunch builds the deployment anew"
    return self:install(entry, now, model_id, package, deployment_info)
  end)
  return (self:with_what_is_served(result, deployment_info))
end

function FilesystemPlugin:deployment_replace_model(deployment_info)
  local result, served = self:with_what_is_served(self:change(deployment_info, function(entry, now)
    local model_id, problem = given.id(deployment_info, "newModelId")
    if not model_id then return given.failing(entry, problem) end
    if now.kind == "absent" then
      return given.failing(entry, errors.new { code = "not_deployed",
        message = "no model to replace; use deployment_start" })
    end
    return self:serve(entry, now, model_id, deployment_info)
  end), deployment_info)
  if served and served ~= deployment_info.newModelId then result.data = { oldModelInUse = true } end
  return result
end

function FilesystemPlugin:deployment_stop(deployment_info)
  local result = self:change(deployment_info, function(entry, now)
    if now.kind == "absent" then return passing(about(entry, "not deployed"), State.STOPPED) end
    local _ <close> = effect.because "the deployment is to be stopped"
    local removed, err = entry.place:remove()
    if not removed then return given.failing(entry, errors.wrap(err, "not stopped")) end
    if err then
      return warning(about(entry, "stopped, but some files could not be removed: %s", tostring(err)), State.STOPPED)
    end
    local other = given.other_model(deployment_info, now.info and now.info.model_id)
    return passing(about(entry, "removed %s%s", entry.dir, other), State.STOPPED)
  end)
  return (self:with_what_is_served(result, deployment_info))
end

--- Takes out again what an action that was stopped has put in place and not proved. nil: there is nothing of that.
function FilesystemPlugin:undo_unproved(reason)
  local entry, model_id = self.installing.entry, self.installing.model_id
  local lock <close>, refused = entry.place:lock { timeout = CLEAN_UP_LOCK }
  local undone, err = nil, refused
  if lock then undone, err = entry.place:undo() end
  if undone then
    return failing(about(entry, "%s; model %s, which was not proved, was taken out again", reason, model_id))
  end
  return failing(about(entry, "%s; model %s was not proved, and what was there before cannot be brought back: %s",
    reason, model_id, tostring(err)))
end

--- Called when an action was cancelled or ran out of time.
function FilesystemPlugin:clean_up(action, deployment_info, reason)
  if not self.installing or not self.installing.entry.place:is_unconfirmed() then return nil end
  local result, served = self:with_what_is_served(self:undo_unproved(reason), deployment_info, CLEAN_UP_PROOF)
  if action == "deployment_replace_model" and served and served ~= deployment_info.newModelId then
    result.data = { oldModelInUse = true }
  end
  return result
end

return FilesystemPlugin
