--- Internal: the errors of bosun.docker: what was asked of which engine, what it said, and what to do about it.

local json = require "bosun.json"

local errors = {}

local LONGEST_TEXT = 1000

---@class bosun.docker.Error : bosun.Error op is "docker"
---@field status? integer of the engine's answer
---@field engine_message? string what the engine said, alone

local Failure = {}
Failure.__index = Failure

function Failure:__tostring()
  return self.message
end

--- An error of this module.
---@param fields { code: string, message: string, status?: integer, engine_message?: string }
---@return bosun.docker.Error
function errors.new(fields)
  fields.op = "docker"
  return setmetatable(fields, Failure)
end

--- Something that cannot be asked for.
function errors.invalid(what, problem, ...)
  return errors.new { code = "invalid", message = ("%s: %s"):format(what, problem:format(...)) }
end

-- ---- what an engine answers -----------------------------------------------------------------------------------------

local CODES = { [400] = "invalid", [401] = "denied", [403] = "denied", [404] = "not_found", [409] = "conflict" }

function errors.code_of(status)
  return CODES[status] or (status >= 500 and "engine") or ("status_%d"):format(status)
end

--- Text from outside as a part of a message: on one line, and not too long.
function errors.clean(text)
  text = text:gsub("[%c%s]+", " "):gsub("^ +", ""):gsub(" +$", "")
  if #text <= LONGEST_TEXT then return text end
  local cut = LONGEST_TEXT
  while cut > 1 and (text:byte(cut + 1) & 0xC0) == 0x80 do cut = cut - 1 end
  return text:sub(1, cut) .. "…"
end

--- A text that says what an HTML page does: its title, else its words.
local function text_of_page(page)
  local title = page:match "<[tT][iI][tT][lL][eE]>%s*(.-)%s*</"
  return "an HTML page: " .. (title or page:gsub("<[^>]*>", " "))
end

--- What the engine says in the body of a refusal: {"message"}, Podman's {"cause", "message"}, or plain text. Second: it
--- is JSON, as an engine's.
function errors.text_of(body)
  local value = json.decode(body)
  if type(value) == "table" then
    local text = value.message or value.error or value.cause
    if type(text) == "string" and text ~= "" then return errors.clean(text), true end
  end
  if body:find "^%s*<" then body = text_of_page(body) end
  local text = errors.clean(body)
  return text ~= "" and text or "it does not say why", false
end

--- The engine's answer that is no success.
---@param host string
---@param what string
---@param resp bosun.http.Response
function errors.refused(host, what, resp)
  local said, is_json = errors.text_of(resp.body)
  local hint = resp.status == 400 and said:find "HTTP request to an HTTPS server"
    and ": it wants TLS (option tls, or DOCKER_TLS_VERIFY and DOCKER_CERT_PATH)" or ""
  return errors.new {
    code = errors.code_of(resp.status), status = resp.status, engine_message = said,
    message = ("%s: %s (%d from %s)%s"):format(what, said, resp.status, host, hint),
    is_strange = not is_json and hint == "",
  }
end

-- ---- connections that failed ----------------------------------------------------------------------------------------

local ELSEWHERE = "is it running? DOCKER_HOST or the plugin's dockerHost names another place"

local SOCKET = {
  ENOENT = "there is no such socket (ENOENT): " .. ELSEWHERE,
  ECONNREFUSED = "nobody listens on the socket (ECONNREFUSED): " .. ELSEWHERE,
  EACCES = "this user may not use the socket (EACCES): make it a member of the socket's group, commonly docker",
  EPERM = "this user may not use the socket (EPERM): make it a member of the socket's group, commonly docker",
}

local HINTS = {
  ECONNREFUSED = "is the engine running, and does it listen on this port?",
  tls = "TLS comes from option tls (dockerCertPath of the docker plugin), or from ca.pem, cert.pem and key.pem in "
    .. "DOCKER_CERT_PATH",
  protocol = "is it a Docker Engine, and does it want TLS?",
}

--- The reason alone, without the request that http puts in front of it.
local function reason_of(err)
  return (err.message:gsub("^%u+ http%S+: ", ""):gsub("^%u+ http%S+ failed: ", ""))
end

--- The error of something that had to be read before it could be sent.
---@param what string
---@param err any of a file, an archive, or a plugin's own function
function errors.unread(what, err)
  if type(err) ~= "table" or type(err.message) ~= "string" then return err end
  return errors.new { code = err.code, message = ("%s: %s"):format(what, err.message) }
end

--- The error of a request that got no answer.
---@param host string
---@param what string
---@param err bosun.Error from bosun.http
function errors.unreached(host, what, err)
  if err.code == "cancelled" or err.message:find("the action's time is up", 1, true) then
    return errors.new { code = err.code, message = ("%s: %s"):format(what, reason_of(err):gsub("^http%.%w+ ", "")) }
  end
  local on_socket = host:find "^unix:" and SOCKET[err.code]
  local code = err.code == "closed" and not host:find "^unix:" and "protocol" or err.code
  local hint = HINTS[code] and ": " .. HINTS[code] or ""
  return errors.new {
    code = err.code,
    message = ("%s: no answer from the engine at %s: %s"):format(what, host, on_socket or reason_of(err) .. hint),
  }
end

return errors
