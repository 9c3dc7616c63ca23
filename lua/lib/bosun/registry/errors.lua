--- Internal: the errors of bosun.registry: what was asked of which registry, and what it replied.

local base = require "bosun.error"
local json = require "bosun.json"
local words = require "bosun.http.words"

local errors = {}

---@class bosun.registry.Error : bosun.Error op is "registry"; code is the registry's ("MANIFEST_UNKNOWN", "DENIED")
---@field status? integer of the registry's reply
---@field registry_message? string the registry's own words, alone

--- An error of this module.
---@param fields { code: string, message: string, status?: integer, registry_message?: string }
---@return bosun.registry.Error
function errors.new(fields)
  fields.op = "registry"
  return base.new(fields)
end

--- The error of a step that was part of something bigger: its message says what that was.
---@param err any
---@param what string
---@return bosun.registry.Error
function errors.wrap(err, what)
  return base.wrap(err, what, { op = "registry" })
end

--- The error of something that cannot be asked for, or cannot be used.
---@return bosun.registry.Error
function errors.invalid(what, problem, ...)
  return errors.new { code = "invalid", message = ("%s: %s"):format(what, problem:format(...)) }
end

--- The error of bytes that are not those of their digest, or not as many as promised.
---@return bosun.registry.Error
function errors.digest(what, problem, ...)
  return errors.new { code = "wrong_digest", message = ("%s: %s"):format(what, problem:format(...)) }
end

-- ---- what a registry replies ----------------------------------------------------------------------------------------

--- The codes of replies without one, such as those to HEAD, or of a proxy in front.
local CODES = {
  [401] = "UNAUTHORIZED", [403] = "DENIED", [405] = "UNSUPPORTED", [429] = "TOOMANYREQUESTS", [503] = "UNAVAILABLE",
}

--- What replies without a body say.
local SILENT = { [401] = "authentication required", [403] = "access denied", [404] = "not found" }

local function detail_of(entry)
  local detail = entry.detail
  if type(detail) == "string" and detail ~= "" then return " (" .. words.clean(detail) .. ")" end
  return ""
end

--- Code and text of a body {"errors": [{"code", "message", "detail"}]}; nil: it is not one.
local function read_body(body)
  local value = json.decode(body)
  local list = type(value) == "table" and type(value.errors) == "table" and value.errors or {}
  local first = list[1]
  if type(first) ~= "table" or type(first.code) ~= "string" or not first.code:find "^[%u%d_]+$" then return nil end
  local message = type(first.message) == "string" and first.message ~= "" and words.clean(first.message)
  return first.code, (message or "no reason given") .. detail_of(first)
end

--- The error of a reply that is not a success.
---@param server string
---@param what string
---@param resp bosun.http.Response
---@param unknown? string the code of a 404 without one
---@return bosun.registry.Error
function errors.refused(server, what, resp, unknown)
  local code, said = read_body(resp.body)
  if not code then
    code = resp.status == 404 and unknown or CODES[resp.status] or ("status_%d"):format(resp.status)
    said = words.of_body(resp.body)
    if resp.body == "" then said = SILENT[resp.status] or said end
  end
  return errors.new {
    code = code, status = resp.status, registry_message = said,
    message = ("%s: %s (%d %s from %s)"):format(what, said, resp.status, code, server),
  }
end

-- ---- connections that failed ----------------------------------------------------------------------------------------

--- The error of a request without a reply.
---@param server string
---@param what string
---@param err bosun.Error from bosun.http
---@return bosun.registry.Error
function errors.unreached(server, what, err)
  local at = "the registry at " .. server
  local message = words.over(err, at) or ("no answer from %s: %s"):format(at, words.reason_of(err))
  return errors.new { code = err.code, message = what .. ": " .. message, cause = err }
end

return errors
