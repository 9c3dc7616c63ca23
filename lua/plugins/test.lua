--- The test plugin stands for a real environment while an agent is tested: each action leaves a file, sleeps as long as
--- the private config says, and returns. A deployment is a file in `tmp_dir` that holds its id and its model's id;
--- everything the plugin answers comes from those files.

local BosunPluginBase = require "bosun.plugin_base"
local crypto = require "bosun.crypto"
local fs = require "bosun.fs"
local path = require "bosun.path"
local status = require "bosun.action_status"
local time = require "bosun.time"
local yaml = require "bosun.yaml"

local ActionStatus, ActionStatusInfo, State = status.ActionStatus, status.ActionStatusInfo, status.DeploymentState

local DEPLOYMENT_FILE = "bosun_test_deployment_"
local ACTION_FILE = "bosun_test_action_"

local TestPlugin = BosunPluginBase:extend("test")

local function seconds(action)
  return { type = "seconds", default = 1, description = "how long " .. action .. " sleeps" }
end

TestPlugin.config_schema = {
  tmp_dir = { type = "path", default = "/tmp", description = "where the plugin's files lie" },
  launch_time_sec = seconds "deployment_start",
  stop_time_sec = seconds "deployment_stop",
  replace_model_time_sec = seconds "deployment_replace_model",
  pe_status_time_sec = seconds "pe_status",
  deployment_status_time_sec = seconds "deployment_status",
  deployment_list_time_sec = seconds "deployment_list",
  plugin_start_time = seconds "plugin_start",
  plugin_stop_time = seconds "plugin_stop",
  raise_exception = { type = "boolean", default = false, description = "every action raises an error instead" },
}

--- The file of a deployment. Its name is a digest, because an id may be any text.
function TestPlugin:file_of(id)
  return path.join(self.config.tmp_dir, DEPLOYMENT_FILE .. crypto.sha256(tostring(id)):sub(1, 32) .. ".yaml")
end

local function write(file, content)
  assert(fs.write(file, yaml.encode(content), { sync = false }))
end

--- What the file of a deployment says, or nil when there is none.
function TestPlugin:find(id)
  local file = self:file_of(id)
  return fs.exists(file) and assert(yaml.load(file)) or nil
end

function TestPlugin:remember(deployment_info, model_id)
  write(self:file_of(deployment_info.id), {
    id = deployment_info.id,
    name = deployment_info.name,
    modelId = model_id,
    modelArtifact = deployment_info.modelArtifact,
  })
end

--- What every action has in common: raising where it was asked for, the file that the action leaves, the sleep.
function TestPlugin:act(action, sleep_key, deployment_info)
  if self.config.raise_exception then
    error(("%s: raise_exception is set in the private config"):format(action), 0)
  end
  write(path.join(self.config.tmp_dir, ACTION_FILE .. action .. ".yaml"), {
    action = action,
    deploymentInfo = deployment_info,
    time = time.format(time.now()),
  })
  self.log:debug("sleeping", { action = action, seconds = self.config[sleep_key] })
  assert(time.sleep(self.config[sleep_key]))
end

local function passing(msg, state, data)
  return ActionStatusInfo { status = ActionStatus.OK, msg = msg, state = state, data = data }
end

local function failing(msg, state)
  return ActionStatusInfo { status = ActionStatus.ERROR, msg = msg, state = state }
end

function TestPlugin:plugin_start()
  self:act("plugin_start", "plugin_start_time")
  return passing("the test plugin is started")
end

function TestPlugin:plugin_stop()
  self:act("plugin_stop", "plugin_stop_time")
  return passing("the test plugin is stopped")
end

function TestPlugin:deployment_start(deployment_info)
  if not self.config.raise_exception then self:remember(deployment_info, deployment_info.modelId) end
  self:act("deployment_start", "launch_time_sec", deployment_info)
  return passing(("deployment %s is started"):format(deployment_info.id), State.READY)
end

function TestPlugin:deployment_stop(deployment_info)
  self:act("deployment_stop", "stop_time_sec", deployment_info)
  assert(fs.remove(self:file_of(deployment_info.id)))
  return passing(("deployment %s is stopped"):format(deployment_info.id), State.STOPPED)
end

function TestPlugin:deployment_replace_model(deployment_info)
  self:act("deployment_replace_model", "replace_model_time_sec", deployment_info)
  if not self:find(deployment_info.id) then
    return failing(("deployment %s is not there: start it first"):format(deployment_info.id), State.STOPPED)
  end
  local model_id = deployment_info.newModelId or deployment_info.modelId
  if not model_id then return failing("deploymentInfo.newModelId is missing", State.READY) end
  self:remember(deployment_info, model_id)
  return passing(("deployment %s has model %s"):format(deployment_info.id, model_id), State.READY)
end

--- How a deployment is, as its file has it.
function TestPlugin:health(id)
  local deployment = self:find(id)
  if not deployment then return failing(("deployment %s is not there"):format(id), State.STOPPED) end
  return passing(("deployment %s is there"):format(id), State.READY, { currentModelId = deployment.modelId })
end

function TestPlugin:deployment_status(deployment_info)
  self:act("deployment_status", "deployment_status_time_sec", deployment_info)
  return self:health(deployment_info.id)
end

function TestPlugin:pe_status()
  self:act("pe_status", "pe_status_time_sec")
  local ids = self:deployment_ids()
  if #ids == 0 then return passing "the test environment is fine" end
  local statuses = {}
  for _, id in ipairs(ids) do statuses[id] = self:health(id) end
  return passing("the test environment is fine", nil, { deploymentsStatus = statuses })
end

function TestPlugin:deployment_list()
  self:act("deployment_list", "deployment_list_time_sec")
  local deployments, count = {}, 0
  for _, name in ipairs(assert(fs.list(self.config.tmp_dir))) do
    if name:sub(1, #DEPLOYMENT_FILE) == DEPLOYMENT_FILE then
      local deployment = yaml.load(path.join(self.config.tmp_dir, name))
      if type(deployment) == "table" and deployment.id ~= nil then
        deployments[deployment.id], count = deployment, count + 1
      end
    end
  end
  return passing(("deployments in %s: %d"):format(self.config.tmp_dir, count), nil, deployments)
end

return TestPlugin
