--- The environment variables of prediction servers, and the Secret with those that are nobody's business.

local base64 = require "bosun.base64"
local crypto = require "bosun.crypto"
local json = require "bosun.json"
local prediction_server = require "bosun.prediction_server"
local secret = require "bosun.secret"
local tables = require "bosun.tables"

local monitoring = require "kubernetes.monitoring"
local pods = require "kubernetes.objects.pods"

local environment = {}

--- The variables of a list as the API has them, with those of `more` in place of those of the same name: two of one
--- name are refused.
local function merged(list, more)
  local result, is_taken = {}, {}
  for _, variable in ipairs(more) do is_taken[variable.name] = true end
  for _, variable in ipairs(list) do
    if not is_taken[variable.name] then result[#result + 1] = variable end
  end
  return json.array(table.move(more, 1, #more, #result + 1, result))
end

--- The data of a deployment's Secret; nil: it needs none.
---@param context table
---@return table<string, string>|nil data in base64
function environment.secret_data(context)
  local data = {}
  for name, value in pairs(context.config.secretEnvironment or {}) do
    data[name] = base64.encode(secret.is(value) and value:reveal() or value)
  end
  return next(data) and data or nil
end

--- A digest of a Secret's data, which says when pods have to be made anew.
---@param data table<string, string>
---@return string
function environment.secret_digest(data)
  return crypto.sha256(json.encode(data, { sort = true })):sub(1, 16)
end

--- A deployment's variables, as the API has them: those of the server; the plugin's, from a Secret; `env`, which has
--- the last word.
---@param context table
---@param deployment { id: string, model: string }
---@param secret_name string of the Secret with environment.secret_data
---@return table[]|nil list
---@return string|nil problem
function environment.of(context, deployment, secret_name)
  local values, problem = prediction_server.environment(deployment, monitoring.channel(context),
    context.config.ppsEnvironment)
  if not values then return nil, problem end
  local plain, secrets = {}, {}
  for _, name in ipairs(tables.sorted_keys(values)) do
    plain[#plain + 1] = { name = name, value = pods.literal(values[name]) }
  end
  for _, name in ipairs(tables.sorted_keys(context.config.secretEnvironment or {})) do
    secrets[#secrets + 1] = { name = name, valueFrom = { secretKeyRef = { name = secret_name, key = name } } }
  end
  return merged(merged(plain, secrets), context.config.env or {})
end

return environment
