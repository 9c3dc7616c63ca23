--- Internal: the errors of bosun.kubernetes: what was asked of which API server, and what it replied.

local base = require "bosun.error"
local json = require "bosun.json"
local words = require "bosun.http.words"

local errors = {}

---@class bosun.kubernetes.Error : bosun.Error op is "kubernetes"; code is the API's reason ("NotFound", "Conflict")
---@field status? integer of the server's reply
---@field server_message? string the server's own words, alone
---@field causes? { reason?: string, message?: string, field?: string }[] the API's details.causes
---@field pod? string of a failed rollout: the pod that shows why
---@field container? string the same: the container
---@field log? string the same: its last lines

--- An error of this module.
---@param fields { code: string, message: string }
---@return bosun.kubernetes.Error
function errors.new(fields)
  fields.op = "kubernetes"
  return base.new(fields)
end

--- The error of a step that was part of something bigger: its message says what that was.
---@param err any
---@param what string
---@return bosun.kubernetes.Error
function errors.wrap(err, what)
  return base.wrap(err, what, { op = "kubernetes" })
end

--- The error of something that cannot be asked for.
function errors.invalid(what, problem, ...)
  return errors.new { code = "invalid", message = ("%s: %s"):format(what, problem:format(...)) }
end

-- ---- what the server replies ----------------------------------------------------------------------------------------

--- The API's reasons for replies that give none: text of a proxy, or of the server's outer layers.
local REASONS = {
  [400] = "BadRequest", [401] = "Unauthorized", [403] = "Forbidden", [404] = "NotFound", [405] = "MethodNotAllowed",
  [406] = "NotAcceptable", [409] = "Conflict", [410] = "Expired", [413] = "RequestEntityTooLarge",
  [415] = "UnsupportedMediaType", [422] = "Invalid", [429] = "TooManyRequests", [500] = "InternalError",
  [503] = "ServiceUnavailable", [504] = "Timeout",
}

local function causes_of(status)
  local details = type(status.details) == "table" and status.details or {}
  return type(details.causes) == "table" and details.causes or {}
end

local function has_cause(causes, reason)
  for _, cause in ipairs(causes) do
    if type(cause) == "table" and cause.reason == reason then return true end
  end
  return false
end

--- The code of a Status. Where the reason is too wide or missing, the details decide.
local function code_of(status, http_status, message)
  if has_cause(causes_of(status), "NamespaceTerminating") then return "NamespaceTerminating" end
  if message:find("failed to create typed patch object", 1, true) then return "Invalid" end
  local reason = status.reason
  if type(reason) == "string" and reason ~= "" and reason ~= "Unknown" then return reason end
  return REASONS[http_status] or ("status_%d"):format(http_status)
end

--- The error of a Status object: the body of a refusal, the object of a watch's ERROR event, the end of a command.
---@param what string
---@param status table
---@param server? string
---@param http_status? integer when the Status has no code
function errors.of_status(what, status, server, http_status)
  local message = type(status.message) == "string" and status.message ~= "" and words.clean(status.message)
    or "no reason given"
  local number = math.type(status.code) == "integer" and status.code or http_status or 0
  local code = code_of(status, number, message)
  local from = server and (" (%d %s from %s)"):format(number, code, server) or (" (%s)"):format(code)
  return errors.new {
    code = code, status = number ~= 0 and number or nil, server_message = message, causes = causes_of(status),
    message = what .. ": " .. message .. from,
  }
end

local function is_status(value)
  return type(value) == "table" and value.kind == "Status"
end

--- The error of a reply that is not a success.
---@param server string
---@param what string
---@param resp bosun.http.Response
function errors.refused(server, what, resp)
  local value = json.decode(resp.body)
  local err = is_status(value) and errors.of_status(what, value, server, resp.status)
    or errors.of_status(what, { message = words.of_body(resp.body) }, server, resp.status)
  err.is_strange = not is_status(value)
  return err
end

-- ---- connections that failed ----------------------------------------------------------------------------------------

--- The error of a request without a reply.
---@param server string
---@param what string
---@param err bosun.Error from bosun.http
function errors.unreached(server, what, err)
  local at = "the API server at " .. server
  local message = words.over(err, at) or ("no answer from %s: %s"):format(at, words.reason_of(err))
  return errors.new { code = err.code, message = what .. ": " .. message, cause = err }
end

--- The error of a connection that was there, and failed.
---@param server string
---@param what string
---@param err bosun.Error from bosun.http
function errors.lost(server, what, err)
  local message = words.over(err, "the API server at " .. server)
    or ("the connection through the API server at %s failed: %s"):format(server, words.reason_of(err))
  return errors.new { code = err.code, message = what .. ": " .. message, cause = err }
end

return errors
