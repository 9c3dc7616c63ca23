--- For plugins that run the Portable Prediction Server (PPS) in containers: its environment variables, its resource
--- limits, and the settings of the monitoring agent, made from the action config.
---
--- The names of the variables are those documented for the server and the MLOps library. They differ between versions
--- of the images, so plugins let their private config add to them and override them.

local errors = require "bosun.error"
local secret = require "bosun.secret"
local size = require "bosun.size"
local yaml = require "bosun.yaml"

local prediction_server = {}

--- The server's port, model folder and routes.
prediction_server.PORT = 8080
prediction_server.MODEL_FOLDER = "/opt/ml/model"
prediction_server.PREDICTIONS = "/predictions"
prediction_server.INFO = "/info"
prediction_server.PING = "/ping"

--- The queue through which predictions are reported.
local QUEUE_NAME = "bosun-monitoring"

---@class bosun.prediction_server.Monitoring where predictions are reported
---@field queue_url string "amqp://HOST:5672"
---@field queue_name string

--- The service that the monitoring agent reports to.
---@class bosun.prediction_server.Service
---@field url string
---@field token? string|bosun.Secret

local TRUE = { ["true"] = true, yes = true, on = true, ["1"] = true }

--- Is monitoring enabled for the prediction environment? The agent sends a boolean, or one as text.
---@param plugin_config table
---@return boolean
function prediction_server.is_monitored(plugin_config)
  return TRUE[tostring(plugin_config.MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING):lower()] or false
end

local function text_or_nil(value)
  return type(value) == "string" and value ~= "" and value or nil
end

--- Where the monitoring agent reports to.
---@param plugin_config table
---@return bosun.prediction_server.Service|nil service
---@return string|nil problem what is missing
function prediction_server.service(plugin_config)
  local url = text_or_nil(plugin_config.MLOPS_BOSUN_MONITORING_URL) or text_or_nil(plugin_config.mlopsUrl)
  if not url then
    return nil, errors.new { code = "config", op = "read the action config",
      message = "monitoring is enabled, but pluginConfig has neither MLOPS_BOSUN_MONITORING_URL nor mlopsUrl" }
  end
  return { url = url, token = plugin_config.mlopsApiToken }
end

--- The monitoring of an environment with its queue at this address.
---@param queue_url string "amqp://HOST:5672"
---@return bosun.prediction_server.Monitoring
function prediction_server.monitoring(queue_url)
  return { queue_url = queue_url, queue_name = QUEUE_NAME }
end

--- The monitoring agent's config file, which only says where its messages come from. The service's address and token
--- are in its environment.
---@param monitoring bosun.prediction_server.Monitoring
---@return string yaml
function prediction_server.agent_config(monitoring)
  return yaml.encode { channelConfigs = yaml.array { {
    type = "RABBITMQ_SPOOL",
    details = { name = "bosun", queueName = monitoring.queue_name, queueUrl = monitoring.queue_url },
  } } }
end

--- The monitoring agent's environment.
---@param service bosun.prediction_server.Service
---@param config_path string of the file with agent_config's text, inside the container
---@return table<string, string>
function prediction_server.agent_environment(service, config_path)
  local token = service.token
  if secret.is(token) then token = token:reveal() end
  return { MLOPS_AGENT_CONFIG_YAML = config_path, MLOPS_SERVICE_URL = service.url, MLOPS_API_TOKEN = token }
end

--- "name=value;name=value", the format of the server's variable.
local function settings_text(settings)
  local parts = {}
  for i, setting in ipairs(settings) do
    local name, value = setting[1], setting[2]
    if value:find("[;%c]") then
      return nil, ("%s %q cannot be monitored: contains a semicolon or a control character"):format(name, value)
    end
    parts[i] = name .. "=" .. value
  end
  return table.concat(parts, ";")
end

local function add_monitoring(environment, monitoring, deployment)
  local settings = {
    { "spooler_type", "rabbitmq" }, { "queue_url", monitoring.queue_url }, { "queue_name", monitoring.queue_name },
  }
  if deployment then
    settings[#settings + 1] = { "model_id", deployment.model }
    settings[#settings + 1] = { "deployment_id", deployment.id }
  end
  local text, problem = settings_text(settings)
  if not text then return nil, problem end
  environment.PORTABLE_PREDICTION_API_MONITORING_ACTIVE = "True"
  environment.PORTABLE_PREDICTION_API_MONITORING_SETTINGS = text
  environment.MLOPS_SPOOLER_TYPE = "RABBITMQ"
  environment.MLOPS_RABBITMQ_QUEUE_URL = monitoring.queue_url
  environment.MLOPS_RABBITMQ_QUEUE_NAME = monitoring.queue_name
  return environment
end

--- A prediction server's environment variables.
---@param deployment? { id: string, model: string } of a server with a single model
---@param monitoring? bosun.prediction_server.Monitoring when its predictions are monitored
---@param overrides? table<string, string> added, or in place of variables of the same name; "" removes a variable
---@return table<string, string>|nil environment
---@return string|nil problem
function prediction_server.environment(deployment, monitoring, overrides)
  local environment = {}
  if deployment then
    environment.MLOPS_DEPLOYMENT_ID, environment.MLOPS_MODEL_ID = deployment.id, deployment.model
  end
  if monitoring then
    local ok, problem = add_monitoring(environment, monitoring, deployment)
    if not ok then return nil, problem end
  end
  for name, value in pairs(overrides or {}) do environment[name] = value ~= "" and value or nil end
  return environment
end

--- A value in a message.
local function shown(value)
  return type(value) == "table" and "a list or mapping" or ("%q"):format(tostring(value))
end

--- Parses a memory limit as container engines do: "512m", "2g" and "512Mi", "2Gi" are all powers of 1024.
---@param value any text, or a number of bytes
---@return integer|nil bytes
---@return string|nil problem
function prediction_server.memory(value)
  local bytes = type(value) ~= "table" and size.parse_docker(tostring(value))
  if bytes and bytes > 0 then return bytes end
  return nil, ('expected a number of bytes, or a size such as "512m" or "2Gi", got %s'):format(shown(value))
end

--- Parses a limit of processors: a decimal number.
---@param value any text or number
---@return number|nil cpus
---@return string|nil problem
function prediction_server.cpus(value)
  local cpus = tostring(value):find("^%s*%d*%.?%d+%s*$") and tonumber(value)
  if cpus and cpus > 0 then return cpus end
  return nil, ('expected a number of processors such as "1.5", got %s'):format(shown(value))
end

local GPUS = 'expected a number of GPUs, "all", or a list of their ids, got %s'

--- Parses a request for GPUs: a number of them, "all", or a list of ids.
---@param value any
---@return { count?: integer, ids?: string[] }|nil gpus neither count nor ids: all
---@return string|nil problem
function prediction_server.gpus(value)
  if value == "all" then return {} end
  if type(value) == "table" then
    for _, id in ipairs(value) do
      if type(id) ~= "string" or not id:find "^[%w][%w_.:/-]*$" then return nil, GPUS:format "other items" end
    end
    if #value > 0 then return { ids = value } end
  end
  local count = (type(value) == "string" or type(value) == "number") and math.tointeger(tonumber(value))
  if count and count > 0 then return { count = count } end
  return nil, GPUS:format(shown(value))
end

return prediction_server
