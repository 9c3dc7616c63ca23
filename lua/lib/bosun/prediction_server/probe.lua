--- Asks a prediction server as its clients do: does it answer, and with this model?
---
---     local probe = require "bosun.prediction_server.probe"
---     MyPlugin.config_schema = probe.add_fields({ … }, "server")
---     function MyPlugin:init() self.proof = probe.settings(self) end
---     …
---     local finding = probe.wait({ model = "m1", info = base .. "/info", predictions = base .. "/predictions" },
---       self.proof, { timeout = 60 })
---     if not finding.answers then return ActionStatusInfo.failing(finding.problem) end
---
--- Two requests at most. `GET …/info` names the model, as the Portable Prediction Server does: `modelId` or `model_id`
--- in a JSON object, or `id` in its `model`. Then, if the private config has a `probeRequest`, a prediction, whose
--- reply has to be the one of `probeExpect`. A server that does not tell its model is believed, unless its prediction
--- route is not there either (OPTIONS is answered with 404).

local effect = require "bosun.effect"
local expect = require "bosun.prediction_server.expect"
local http = require "bosun.http"
local json = require "bosun.json"
local tables = require "bosun.tables"
local text = require "bosun.text"
local time = require "bosun.time"
local url = require "bosun.url"
local wait = require "bosun.wait"

local probe = {}

local UNTOLD = "the server does not tell its model, and is believed"
local AT_ONCE = 32 -- requests
local TIMEOUT, CONNECT_TIMEOUT = 10, 3 -- seconds for a request
local PREDICTION_TIMEOUT = 60
local MOST_BYTES = 1024 * 1024 -- of a reply
local SHOWN = 200 -- bytes of a reply in a message

--- Replies of a server, or of a proxy before it, that may be others in a moment.
local PASSING = { [429] = true, [502] = true, [503] = true, [504] = true }
--- Replies that say that there is no such route.
local NO_ROUTE = { [404] = true, [405] = true, [410] = true, [501] = true }

-- ---- the private config ---------------------------------------------------------------------------------------------

local WAYS = { url = true, server = true, off = true }

--- "off" without quotes is false in YAML.
local function is_way_with(needed)
  return function(value, beside)
    if value ~= false and not WAYS[value] then return nil, "expected url, server or off" end
    local key = needed[value]
    return key == nil or beside[key] ~= nil or nil, key and ("%s needs %s"):format(value, key)
  end
end

local function is_request(value)
  if (value.body ~= nil) == (value.json ~= nil) then return nil, "expected one of body and json" end
  if value.json == nil then return true end
  local ok, err = pcall(json.encode, value.json)
  if not ok then return nil, "json: " .. tostring(err) end
  return true
end

local function is_header_name(name)
  if name:find "^[%w!#$%%&'*+.^_`|~-]+$" then return true end
  return nil, "expected the name of a header, such as Content-Type"
end

--- Adds the keys `proof`, `probeRequest` and `probeExpect` to a schema.
---@param fields table<string, bosun.config.Spec>
---@param proof "url"|"server"|"off" the default of `proof`
---@param needed? table<string, string> a way of proof → the key that it needs
---@return table<string, bosun.config.Spec> fields the same
function probe.add_fields(fields, proof, needed)
  fields.proof = {
    type = "any", default = proof, check = is_way_with(needed or {}),
    description = "how it is proved that the model answers: through the published url, at the server, or off",
  }
  fields.probeRequest = {
    type = "map", check = is_request,
    description = "a prediction that every model answers; without it none is asked for",
    fields = {
      body = { type = "string", description = "what is sent" },
      json = { type = "any", description = "what is sent, as JSON" },
      headers = {
        type = "map", keys = { type = "string", check = is_header_name }, values = { type = "string", secret = true },
        description = "headers such as Content-Type",
      },
    },
  }
  fields.probeExpect = {
    type = "map", check = expect.check, fields = expect.fields,
    description = "the reply that proves the prediction of probeRequest",
  }
  return fields
end

---@class bosun.prediction_server.Proof
---@field way "url"|"server"|"off"
---@field request? { body?: string, json?: any, headers?: table<string, string|bosun.Secret> }
---@field expect? bosun.prediction_server.Expected

--- Reads the keys of `probe.add_fields`.
---@param plugin BosunPluginBase
---@return bosun.prediction_server.Proof
function probe.settings(plugin)
  local config = plugin.config
  return { way = config.proof or "off", request = config.probeRequest, expect = config.probeExpect }
end

-- ---- one question ---------------------------------------------------------------------------------------------------

---@class bosun.prediction_server.Target what is asked
---@field model? string the id of the model that should answer; nil: any
---@field info string URL of the route that tells the model
---@field predictions? string URL of the route that predicts; nil: only `info` is asked
---@field has_info? boolean the server has the route `info` for every model, so that 404 means: not this model
---@field is_loading? boolean with has_info: it may have the model soon
---@field through? string for messages, behind the URL: " through the proxy"

---@class bosun.prediction_server.Finding
---@field answers boolean|nil nil: it could not be asked
---@field remark? string what the message about a server that answers has to say of it
---@field problem? string why it does not answer with the model, or could not be asked
---@field may_pass? boolean the problem is one of a server, or a way to it, that is just coming up
---@field is_timeout? boolean there was no answer in time

local function failed(problem, may_pass)
  return { answers = false, problem = problem, may_pass = may_pass or false }
end

--- An address in a message; one that is only a path as it is.
local function shown_address(address)
  return address:sub(1, 1) == "/" and address or url.show(address)
end

local function shown_request(method, target, address)
  return ("%s %s%s"):format(method, shown_address(address), target.through or "")
end

--- A request's options, with those that all have.
local function request_of(fields, patience)
  fields.timeout, fields.connect_timeout, fields.max_bytes = patience, CONNECT_TIMEOUT, MOST_BYTES
  fields.follow = false
  return fields
end

local function info_request(target, options)
  return request_of({ method = "GET", url = target.info, headers = { Accept = "application/json" } },
    options.patience or TIMEOUT)
end

local function options_request(target, options)
  return request_of({ method = "OPTIONS", url = target.predictions }, options.patience or TIMEOUT)
end

local function prediction_request(target, request, options)
  return request_of({ method = "POST", url = target.predictions, body = request.body, json = request.json,
    headers = request.headers }, options.patience or PREDICTION_TIMEOUT)
end

--- The id of the model that the reply of an info route names, a number as its text; json.null: it says that there is
--- none; nil: not told.
local function named_model(body)
  local info = json.decode(body)
  if type(info) ~= "table" then return nil end
  local inner = type(info.model) == "table" and info.model or {}
  for _, id in pairs { info.modelId, info.model_id, info.model == json.null and json.null, inner.id, inner.modelId } do
    if type(id) == "string" or id == json.null then return id end
    if type(id) == "number" then return tostring(id) end
  end
end

--- The finding when a request has no reply: it failed, or could not be sent.
local function unanswered(target, result)
  if result.skip then return { answers = nil, problem = result.skip } end
  local finding = failed(result.err.message .. (target.through or ""), true)
  finding.is_timeout = result.err.code == "timeout"
  return finding
end

--- What a reply of the route `info` that is not a good one means: a finding, or nil when there is no such route.
local function judge_refusal(target, response, asked)
  local status = response.status
  if not target.has_info and (NO_ROUTE[status] or status == 401 or status == 403) then return nil end
  local said = status == 404 and "the server does not have the model" or "the server does not tell its model"
  return failed(("%s: %s answered %d: %s"):format(said, asked, status, text.one_line(response.body, SHOWN)),
    PASSING[status] or status == 404 and target.is_loading)
end

--- What the reply to "which model?" means: a finding, or nil when it is not told.
local function judge_info(target, result)
  local asked, response = shown_request("GET", target, target.info), result.response
  if not response then return unanswered(target, result) end
  if not response.ok then return judge_refusal(target, response, asked) end
  local model = named_model(response.body)
  if target.model == nil or model == target.model then return { answers = true } end
  if model == nil then return nil end
  if model == json.null or model == "" then
    return failed(("the server says that it has no model: %s"):format(asked))
  end
  return failed(("the server serves model %s, not %s: %s"):format(text.one_line(model, SHOWN),
    text.one_line(target.model, SHOWN), asked))
end

--- What the reply of the prediction route to OPTIONS means, when the server does not tell its model.
local function judge_route(target, result)
  local asked, response = shown_request("OPTIONS", target, target.predictions), result.response
  if not response then return unanswered(target, result) end
  if response.status == 404 then
    return failed(("the server has no model: neither %s nor %s is there (404)"):format(
      shown_address(target.info), asked))
  elseif response.status >= 500 and response.status ~= 501 then
    return failed(("%s answered %d: %s"):format(asked, response.status, text.one_line(response.body, SHOWN)),
      PASSING[response.status])
  end
  return { answers = true, remark = UNTOLD }
end

--- What the reply to a prediction means.
local function judge_prediction(target, proof, is_told, result)
  local asked, response = shown_request("POST", target, target.predictions), result.response
  if not response then
    local finding = unanswered(target, result)
    finding.problem = "the prediction of probeRequest: " .. finding.problem
    return finding
  end
  local problem = expect.problem(response, proof.expect)
  if not problem then return { answers = true, remark = not is_told and not proof.expect and UNTOLD or nil } end
  return failed(("the reply to the prediction of probeRequest (%s) is not the expected one: %s"):format(asked, problem),
    PASSING[response.status])
end

-- ---- many questions -------------------------------------------------------------------------------------------------

---@alias bosun.prediction_server.Send fun(requests: bosun.http.Options[]): bosun.http.Result[] a
---result without response and err has `skip`: why its request could not be sent

local function send_all(requests)
  return http.all(requests, { concurrency = AT_ONCE })
end

--- The second request for each target whose first reply leaves something to ask, and how its reply is judged.
local function second_round(targets, findings, proof, options)
  local requests, judges = {}, {}
  local predicts = proof.request and not effect.dry_run()
  local function ask(i, request, judge)
    requests[#requests + 1], judges[#judges + 1] = request, function(result) findings[i] = judge(result) end
  end
  for i, target in ipairs(targets) do
    local finding = findings[i]
    local is_open = target.predictions and (not finding or finding.answers)
    if is_open and predicts then
      ask(i, prediction_request(target, proof.request, options),
        function(result) return judge_prediction(target, proof, finding, result) end)
    elseif is_open and not finding then
      ask(i, options_request(target, options), function(result) return judge_route(target, result) end)
    elseif not finding then
      findings[i] = { answers = true, remark = UNTOLD }
    end
  end
  return requests, judges
end

--- Asks some targets at once.
local function ask_some(targets, proof, options)
  local requests, findings, send = {}, {}, options.send or send_all
  for i, target in ipairs(targets) do requests[i] = info_request(target, options) end
  for i, result in ipairs(send(requests)) do findings[i] = judge_info(targets[i], result) or false end
  local more, judges = second_round(targets, findings, proof, options)
  for i, result in ipairs(more[1] and send(more) or {}) do judges[i](result) end
  return findings
end

--- Asks each target once, several at a time.
---@param targets bosun.prediction_server.Target[]
---@param proof bosun.prediction_server.Proof
---@param options? { send?: bosun.prediction_server.Send, patience?: number, timeout?: number } patience: seconds of one
---request; timeout: seconds after which no further target is asked; default: none
---@return bosun.prediction_server.Finding[] findings in the order of the targets
function probe.all(targets, proof, options)
  options = options or {}
  local findings, over = {}, time.monotonic() + (options.timeout or math.huge)
  for first = 1, #targets, AT_ONCE do
    local some = table.move(targets, first, math.min(first + AT_ONCE - 1, #targets), 1, {})
    local found = time.monotonic() < over and ask_some(some, proof, options) or {}
    for i in ipairs(some) do findings[#findings + 1] = found[i] or { problem = "there was no time to ask" } end
  end
  return findings
end

--- What to add to the message of a success; nil: nothing.
---@param finding bosun.prediction_server.Finding
---@return string|nil
function probe.remark(finding)
  if finding.answers == nil then return "not asked for its model: " .. finding.problem end
  return finding.remark
end

--- Asks a target once.
---@param target bosun.prediction_server.Target
---@param proof bosun.prediction_server.Proof
---@param options? { send?: bosun.prediction_server.Send, patience?: number }
---@return bosun.prediction_server.Finding
function probe.ask(target, proof, options)
  return probe.all({ target }, proof, tables.copy(options or {}, { timeout = math.huge }))[1]
end

--- Asks a target until it answers, gives another answer than one that may pass, or time is up. In a dry run once.
---@param target bosun.prediction_server.Target
---@param proof bosun.prediction_server.Proof
---@param options { send?: bosun.prediction_server.Send, patience?: number, timeout: number,
---until_it_answers?: boolean } timeout: seconds in all; until_it_answers: any other answer may pass, as from a server
---that takes up models by itself
---@return bosun.prediction_server.Finding
function probe.wait(target, proof, options)
  local last
  local finding, err = wait.poll(function()
    local now = probe.ask(target, proof, options)
    local may_pass = now.may_pass or now.answers == false and options.until_it_answers
    if not may_pass then return now end
    if not (last and now.is_timeout) then last = now end -- a request that was cut short says less
    return nil, now.problem
  end, { interval = 0.2, backoff = 1.5, timeout = options.timeout, what = "the model to answer", dry_run = false })
  return finding or last or failed(err and err.message or "the model does not answer")
end

return probe
