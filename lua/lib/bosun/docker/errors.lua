--- Internal: the errors of bosun.docker: what was asked of which engine, what it replied, and what to do about it.

local base = require "bosun.error"
local json = require "bosun.json"
local words = require "bosun.http.words"

local errors = {}

---@class bosun.docker.Error : bosun.Error op is "docker"
---@field status? integer of the engine's reply
---@field engine_message? string the engine's own words, alone

--- An error of this module.
---@param fields { code: string, message: string, status?: integer, engine_message?: string }
---@return bosun.docker.Error
function errors.new(fields)
  fields.op = "docker"
  return base.new(fields)
end

--- The error of a step that was part of something bigger: its message says what that was.
---@param err any
---@param what string
---@return bosun.docker.Error
function errors.wrap(err, what)
  return base.wrap(err, what, { op = "docker" })
end

--- The error of something that cannot be asked for.
function errors.invalid(what, problem, ...)
  return errors.new { code = "invalid", message = ("%s: %s"):format(what, problem:format(...)) }
end

-- ---- what an engine replies -----------------------------------------------------------------------------------------

local CODES = { [400] = "invalid", [401] = "denied", [403] = "denied", [404] = "not_found", [409] = "conflict" }

function errors.code_of(status)
  return CODES[status] or (status >= 500 and "engine") or ("status_%d"):format(status)
end

--- Text from outside as part of a message: on one line, and not too long.
errors.clean = words.clean

--- The reason in the body of a refusal: {"message"}, Podman's {"cause", "message"}, or plain text. Second: whether it
--- is JSON, as an engine sends it.
function errors.text_of(body)
  local value = json.decode(body)
  if type(value) == "table" then
    local reason = value.message or value.error or value.cause
    if type(reason) == "string" and reason ~= "" then return errors.clean(reason), true end
  end
  return words.of_body(body), false
end

--- The error of a reply that is not a success.
---@param host string
---@param what string
---@param resp bosun.http.Response
function errors.refused(host, what, resp)
  local said, is_json = errors.text_of(resp.body)
  local hint = resp.status == 400 and said:find "HTTP request to an HTTPS server"
    and "; it requires TLS (option tls, or DOCKER_TLS_VERIFY and DOCKER_CERT_PATH)" or ""
  return errors.new {
    code = errors.code_of(resp.status), status = resp.status, engine_message = said,
    message = ("%s: %s (%d from %s)%s"):format(what, said, resp.status, host, hint),
    is_strange = not is_json and hint == "",
  }
end

-- ---- connections that failed ----------------------------------------------------------------------------------------

local ELSEWHERE = "is the engine running? If it is elsewhere, set DOCKER_HOST, or dockerHost of the docker plugin"
local NOT_ALLOWED = "no permission for the socket (%s): add this user to the socket's group, usually docker"

local SOCKET = {
  ENOENT = "the socket does not exist (ENOENT): " .. ELSEWHERE,
  ECONNREFUSED = "nothing is listening on the socket (ECONNREFUSED): " .. ELSEWHERE,
  EACCES = NOT_ALLOWED:format "EACCES",
  EPERM = NOT_ALLOWED:format "EPERM",
}

local HINTS = {
  tls = "tls.ca, tls.cert and tls.key are ca.pem, cert.pem and key.pem in the folder of option tls, "
    .. "DOCKER_CERT_PATH or dockerCertPath of the docker plugin",
  protocol = "is it a Docker Engine, and does it require TLS?",
}

--- The error of a request without a reply.
---@param host string
---@param what string
---@param err bosun.Error from bosun.http
function errors.unreached(host, what, err)
  local over = words.over(err, "the engine at " .. host)
  local message = over and what .. ": " .. over
  if not over then
    local is_socket = host:find "^unix:" ~= nil
    local code = err.code == "closed" and not is_socket and "protocol" or err.code
    local hint = HINTS[code] and ": " .. HINTS[code] or ""
    message = ("%s: no answer from the engine at %s: %s"):format(what, host,
      is_socket and SOCKET[err.code] or words.reason_of(err) .. hint)
  end
  return errors.new { code = err.code, message = message, cause = err }
end

return errors
