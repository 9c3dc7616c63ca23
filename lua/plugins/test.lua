--- The test plugin replaces a real environment while an agent is tested: each action writes a file, sleeps as long as
--- the private config says, and returns. A deployment is a file in `tmp_dir` with its id and its model's id, and so is
--- an endpoint; all results come from those files.

local BosunPluginBase = require "bosun.plugin_base"
local crypto = require "bosun.crypto"
local effect = require "bosun.effect"
local errors = require "bosun.error"
local fs = require "bosun.fs"
local path = require "bosun.path"
local status = require "bosun.action_status"
local time = require "bosun.time"
local yaml = require "bosun.yaml"

local State = status.DeploymentState
local passing, failing = status.ActionStatusInfo.passing, status.ActionStatusInfo.failing

local DEPLOYMENT_FILE = "bosun_test_deployment_"
local ENDPOINT_FILE = "bosun_test_endpoint_"
local ACTION_FILE = "bosun_test_action_"

local TestPlugin = BosunPluginBase:extend("test")

local function seconds(action)
  return { type = "seconds", default = 1, description = "how long " .. action .. " sleeps" }
end

TestPlugin.config_schema = {
  tmp_dir = { type = "path", default = "/tmp", description = "the folder for the plugin's files" },
  launch_time_sec = seconds "deployment_start",
  stop_time_sec = seconds "deployment_stop",
  replace_model_time_sec = seconds "deployment_replace_model",
  pe_status_time_sec = seconds "pe_status",
  deployment_status_time_sec = seconds "deployment_status",
  deployment_list_time_sec = seconds "deployment_list",
  endpoint_update_time_sec = seconds "endpoint_update",
  endpoint_status_time_sec = seconds "endpoint_status",
  plugin_start_time = seconds "plugin_start",
  plugin_stop_time = seconds "plugin_stop",
  raise_exception = { type = "boolean", default = false, description = "every action raises an error" },
}

--- The file of a deployment or an endpoint. Its name is a digest, because an id may be any text.
function TestPlugin:file_of(kind, id)
  return path.join(self.config.tmp_dir, kind .. crypto.sha256(tostring(id)):sub(1, 32) .. ".yaml")
end

local function missing(format, id)
  return errors.new { code = "not_deployed", op = "find", message = format:format(id) }
end

local function write(file, content)
  assert(fs.write(file, yaml.encode(content), { sync = false }))
end

--- The content of a file of a deployment or an endpoint; nil when there is none.
function TestPlugin:find(kind, id)
  local file = self:file_of(kind, id)
  return fs.exists(file) and assert(yaml.load(file)) or nil
end

function TestPlugin:remember(deployment_info, model_id)
  local now = self:find(DEPLOYMENT_FILE, deployment_info.id)
  local _ <close> = effect.because(not now and "file absent"
    or now.modelId ~= model_id and ("model id differs: %s, not %s"):format(now.modelId, model_id)
    or "the deployment's facts differ")
  write(self:file_of(DEPLOYMENT_FILE, deployment_info.id), {
    id = deployment_info.id,
    name = deployment_info.name,
    modelId = model_id,
    modelArtifact = deployment_info.modelArtifact,
  })
end

--- What all actions have in common: the error, if one is configured, the file that the action writes, the sleep.
function TestPlugin:act(action, sleep_key, deployment_info, endpoint_info)
  if self.config.raise_exception then
    error(("%s: raise_exception is set in the private config"):format(action), 0)
  end
  if not self.dry_run then -- the file tells of a run, and is no part of the environment
    write(path.join(self.config.tmp_dir, ACTION_FILE .. action .. ".yaml"), {
      action = action,
      deploymentInfo = deployment_info,
      endpointInfo = endpoint_info,
      time = time.format(time.now()),
    })
  end
  self.log:debug("sleeping", { action = action, seconds = self.config[sleep_key] })
  assert(time.sleep(self.config[sleep_key]))
end

function TestPlugin:plugin_start()
  self:act("plugin_start", "plugin_start_time")
  return passing("test plugin started")
end

function TestPlugin:plugin_stop()
  self:act("plugin_stop", "plugin_stop_time")
  return passing("test plugin stopped")
end

function TestPlugin:deployment_start(deployment_info)
  if not self.config.raise_exception then self:remember(deployment_info, deployment_info.modelId) end
  self:act("deployment_start", "launch_time_sec", deployment_info)
  return passing(("deployment %s started"):format(deployment_info.id), State.READY)
end

function TestPlugin:deployment_stop(deployment_info)
  self:act("deployment_stop", "stop_time_sec", deployment_info)
  local _ <close> = effect.because "the deployment is to be stopped"
  assert(fs.remove(self:file_of(DEPLOYMENT_FILE, deployment_info.id)))
  return passing(("deployment %s stopped"):format(deployment_info.id), State.STOPPED)
end

function TestPlugin:deployment_replace_model(deployment_info)
  self:act("deployment_replace_model", "replace_model_time_sec", deployment_info)
  if not self:find(DEPLOYMENT_FILE, deployment_info.id) then
    return failing(missing("deployment %s does not exist; use deployment_start", deployment_info.id), State.ERRORED)
  end
  local model_id = deployment_info.newModelId
  if not model_id then
    return failing(errors.new { code = "config", op = "read the action config",
      message = "deploymentInfo.newModelId is missing, and so is modelId" }, State.READY)
  end
  self:remember(deployment_info, model_id)
  return passing(("deployment %s serves model %s"):format(deployment_info.id, model_id), State.READY)
end

--- A deployment's status, from its file.
function TestPlugin:health(id)
  local deployment = self:find(DEPLOYMENT_FILE, id)
  if not deployment then return failing(missing("deployment %s does not exist", id), State.ERRORED) end
  return passing(("deployment %s is running"):format(id), State.READY, { currentModelId = deployment.modelId })
end

function TestPlugin:deployment_status(deployment_info)
  self:act("deployment_status", "deployment_status_time_sec", deployment_info)
  return self:health(deployment_info.id)
end

function TestPlugin:pe_status()
  self:act("pe_status", "pe_status_time_sec")
  local statuses = {}
  for _, id in ipairs(self:deployment_ids()) do statuses[id] = self:health(id) end
  return passing("test environment is healthy", nil, { deploymentsStatus = statuses })
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

function TestPlugin:endpoint_update(endpoint_info)
  self:act("endpoint_update", "endpoint_update_time_sec", nil, endpoint_info)
  write(self:file_of(ENDPOINT_FILE, endpoint_info.id), endpoint_info)
  return passing(("endpoint %s updated"):format(endpoint_info.id))
end

function TestPlugin:endpoint_status(endpoint_info)
  self:act("endpoint_status", "endpoint_status_time_sec", nil, endpoint_info)
  local endpoint = self:find(ENDPOINT_FILE, endpoint_info.id)
  if not endpoint then return failing(missing("endpoint %s does not exist", endpoint_info.id)) end
  return passing(("endpoint %s is running"):format(endpoint_info.id), nil, { trafficSplit = endpoint.trafficSplit })
end

return TestPlugin
