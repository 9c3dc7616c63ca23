--- Does the prediction server that reads the folder of the deployments answer with a deployment's model?
--- bosun.prediction_server.probe has the questions. This file says where they go: to the published URL, or to the
--- server itself.

local errors = require "bosun.error"
local prediction = require "filesystem.prediction"
local probe = require "bosun.prediction_server.probe"
local wait = require "bosun.wait"

local proof = {}

local SERVER_PATH = "deployments/{directory}/predictions" -- the prediction server's own
local PATIENCE, MOST_SECONDS = 5, 10 -- for one request of pe_status, and before its last ones

--- What a way of proof needs to know where to ask.
local NEEDED = { url = "deploymentPredictionBaseUrl", server = "predictionServerUrl" }

--- Adds the keys of the private config.
---@param fields table<string, bosun.config.Spec>
---@return table<string, bosun.config.Spec> fields
function proof.add_fields(fields)
  fields.predictionServerUrl = {
    type = "url", check = prediction.is_base, description = "where the server is asked with proof: server",
  }
  fields.proofTimeout = {
    type = "seconds", default = 60, description = "how long the server may take to answer with a model",
  }
  return probe.add_fields(fields, "off", NEEDED)
end

local function target_of(config, way, entry, model_id)
  local base, path = config.deploymentPredictionBaseUrl, config.deploymentPredictionPath
  if way == "server" then base, path = config.predictionServerUrl, SERVER_PATH end
  local url = prediction.url(base, path, { id = entry.id, directory = entry.name, modelId = model_id })
  return {
    model = model_id, predictions = url, info = url:gsub("[^/]*$", "info"),
    has_info = path:find("deployments/[^/]+/predictions$") ~= nil,
  }
end

--- Waits until the server answers with the model, but leaves time before the action's deadline to undo what is not
--- proved. In a dry run nothing is asked.
---@param plugin table
---@param entry filesystem.Entry
---@param model_id string
---@param longest? number seconds, where the proof may not take proofTimeout
---@return bosun.prediction_server.Finding finding with the code "deadline" if that made the wait shorter
function proof.wait(plugin, entry, model_id, longest)
  if plugin.proof.way == "off" or plugin.dry_run then return { answers = true } end
  local wanted = math.min(longest or math.huge, plugin.config.proofTimeout)
  local timeout = wait.budget(wanted)
  local finding = probe.wait(target_of(plugin.config, plugin.proof.way, entry, model_id), plugin.proof, {
    timeout = timeout, until_it_answers = true,
  })
  if finding.answers == false and timeout < wanted then finding.code = "deadline" end
  return finding
end

--- Why a finding is no proof.
---@param finding bosun.prediction_server.Finding
---@return string|bosun.Error|nil
function proof.problem(finding)
  if finding.code ~= "deadline" then return finding.problem end
  return errors.new { code = "deadline", op = "prove",
    message = finding.problem .. "; the action's time limit leaves no time to wait longer" }
end

--- Asks for the models of deployments that are whole, each once.
---@param plugin table
---@param asked { entry: filesystem.Entry, model: string, finding?: table }[] gets the findings
function proof.ask(plugin, asked)
  if plugin.proof.way == "off" or not asked[1] then return end
  local targets = {}
  for i, one in ipairs(asked) do
    targets[i] = target_of(plugin.config, plugin.proof.way, one.entry, one.model)
  end
  for i, finding in ipairs(probe.all(targets, plugin.proof, { patience = PATIENCE, timeout = MOST_SECONDS })) do
    asked[i].finding = finding
  end
end

return proof
