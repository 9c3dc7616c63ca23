-- A complete plugin, as a starting point for your own. Run one of its actions from the folder above this one:
--
--     bosun-plugin-runner \
--         --plugin sample_plugin/sample_plugin \
--         --action pe_status \
--         --config sample_configs/action_config_pe_status_only.yaml \
--         --private-config sample_configs/sample_plugin_config.yaml \
--         --status-file /tmp/status.yaml \
--         --show-status
--
-- Its prediction environment is a folder. A deployment is two files in it: the model, and a record that says which
-- model that is. Replace what touches the folder with calls to your environment, and keep the rest.

local BosunPluginBase = require "bosun.plugin_base"
local fs = require "bosun.fs"
local path = require "bosun.path"
local yaml = require "bosun.yaml"
local status = require "bosun.action_status"

local ActionStatus, ActionStatusInfo, State = status.ActionStatus, status.ActionStatusInfo, status.DeploymentState

-- For editors, which complete bosun.* and the plugin's own methods: docs/how-to/set-up-an-editor.md.
---@class SamplePlugin: BosunPluginBase
local SamplePlugin = BosunPluginBase:extend("SamplePlugin")

-- What the private config holds. It is checked and read into self.config before an action runs; every problem is
-- reported with its line. `bosun describe` and `bosun validate` read this table, too.
SamplePlugin.config_schema = {
  environmentDir = { type = "path", required = true, description = "the folder that plays the environment" },
  largestModel = { type = "bytes", default = "1Gi", description = "the largest model to accept" },
  predictionUrlPrefix = { type = "url", description = "what prediction URLs begin with" },
}

-- Runs once, before the action. These are set already: self.config, self.plugin_config, self.pe_info, self.dry_run,
-- self.log.
function SamplePlugin:init()
  self.record_pattern = path.join(self.config.environmentDir, "*.yaml")
end

local function passing(msg, state, data)
  return ActionStatusInfo { status = ActionStatus.OK, msg = msg, state = state, data = data }
end

-- `err`: the error value that says why, if there is one. The agent gets its code in `data.error`.
local function failing(msg, state, data, err)
  return ActionStatusInfo { status = ActionStatus.ERROR, msg = msg, state = state, data = data, error = err }
end

-- Where a deployment's files are. Ids come from outside: check them before they become part of a path, command or URL.
function SamplePlugin:files(id)
  -- What can fail returns nil and an error. assert raises that error: the action fails, and the status file says why.
  assert(path.safe_component(id, 200, "the deployment id"))
  return {
    model = path.join(self.config.environmentDir, id .. ".model"),
    record = path.join(self.config.environmentDir, id .. ".yaml"),
  }
end

-- The record of a deployment, or nil if there is no such deployment.
function SamplePlugin:find(id)
  local files = self:files(id)
  return fs.exists(files.record) and assert(yaml.load(files.record)) or nil
end

-- Puts a model in place. Each file is complete before it gets its name: an action killed midway leaves the old file or
-- the new one.
function SamplePlugin:deploy(deployment_info, model_id)
  local files = self:files(deployment_info.id)
  local size = assert(fs.stat(deployment_info.modelArtifact)).size
  if size > self.config.largestModel then
    error(self:private_config_problem("largestModel", ("the model has %d bytes"):format(size)))
  end
  assert(fs.mkdir(self.config.environmentDir, { parents = true })) -- plugin_start may not have run
  local new_model = files.model .. ".new"
  assert(fs.remove(new_model))
  assert(fs.copy(deployment_info.modelArtifact, new_model, { sync = true }))
  assert(fs.move(new_model, files.model))
  assert(fs.write(files.record, yaml.encode {
    id = deployment_info.id,
    name = deployment_info.name,
    modelId = model_id,
    modelArtifact = files.model,
  }))
  self.log:info("model deployed", { deployment = deployment_info.id, model = model_id, bytes = size })
end

function SamplePlugin:prediction_data(id)
  local prefix = self.config.predictionUrlPrefix
  return prefix and { predictionUrl = ("%s/%s/predict"):format(prefix, id) } or nil
end

-- The status of one deployment, for deployment_status and pe_status.
function SamplePlugin:health(id)
  local record = self:find(id)
  if not record then return failing("not running", State.STOPPED) end
  local data = { currentModelId = record.modelId }
  if not fs.exists(self:files(id).model) then return failing("the model file is missing", State.ERRORED, data) end
  return passing("running model " .. record.modelId, State.READY, data)
end

function SamplePlugin:plugin_start()
  assert(fs.mkdir(self.config.environmentDir, { parents = true }))
  return passing("the environment is ready")
end

function SamplePlugin:plugin_stop()
  return passing("nothing to close")
end

function SamplePlugin:pe_status()
  -- Check here that your environment can be reached. This one need not be there: the first deployment makes it.
  local found = fs.stat(self.config.environmentDir)
  if found and found.type ~= "directory" then return failing(self.config.environmentDir .. " is not a folder") end
  local statuses = {}
  for _, id in ipairs(self:deployment_ids()) do statuses[id] = self:health(id) end
  return passing("the environment is fine", nil, { deploymentsStatus = statuses })
end

function SamplePlugin:deployment_list()
  local deployments = {}
  for _, file in ipairs(assert(fs.glob(self.record_pattern))) do
    local record = assert(yaml.load(file))
    deployments[record.id] = record
  end
  return passing(nil, nil, deployments)
end

function SamplePlugin:deployment_start(deployment_info)
  local running = self:find(deployment_info.id)
  if running and running.modelId ~= deployment_info.modelId then
    return failing("model " .. running.modelId .. " is running: use deployment_replace_model", State.READY)
  end
  self:deploy(deployment_info, deployment_info.modelId)
  return passing("model " .. deployment_info.modelId .. " is running", State.READY,
    self:prediction_data(deployment_info.id))
end

function SamplePlugin:deployment_stop(deployment_info)
  local files = self:files(deployment_info.id)
  assert(fs.remove(files.record)) -- succeeds if the file does not exist
  assert(fs.remove(files.model))
  return passing("stopped", State.STOPPED)
end

function SamplePlugin:deployment_replace_model(deployment_info)
  if not self:find(deployment_info.id) then return failing("there is no model to replace", State.STOPPED) end
  local ok, err = pcall(self.deploy, self, deployment_info, deployment_info.newModelId)
  if not ok then return failing(tostring(err), State.READY, { oldModelInUse = true }, err) end
  return passing("model " .. deployment_info.newModelId .. " is running", State.READY,
    self:prediction_data(deployment_info.id))
end

function SamplePlugin:deployment_status(deployment_info)
  return self:health(deployment_info.id)
end

-- The ninth action, deployment_relaunch, comes with the base class: deployment_stop, then deployment_start. Define it
-- here if your environment knows a better way.

return SamplePlugin
