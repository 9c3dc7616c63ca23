--- Internal: the response to a request.

local json = require "bosun.json"

---@class bosun.http.Headers header names in any case → value; several values of a name are joined by ", "
local Headers = {}

--- A name and its value in the text `_raw`: name, NUL, value, NUL, …
local FIELD = "([^\0]*)\0([^\0]*)\0"

--- All values of a header, in order of arrival.
---@param name string in any case
---@return string[]
function Headers:all(name)
  local values, wanted = {}, name:lower()
  for candidate, value in self._raw:gmatch(FIELD) do
    if candidate:lower() == wanted then values[#values + 1] = value end
  end
  return values
end

local HEADERS = {}

function HEADERS.__index(headers, name)
  if Headers[name] then return Headers[name] end
  if type(name) ~= "string" then return nil end
  local values = Headers.all(headers, name)
  return #values > 0 and table.concat(values, ", ") or nil
end

--- Iterates over name, value, in order of arrival.
function HEADERS.__pairs(headers)
  return headers._raw:gmatch(FIELD)
end

---@class bosun.http.Response
---@field status integer
---@field ok boolean the status is 200 to 299
---@field headers bosun.http.Headers
---@field body string empty if a sink took the body
---@field received integer bytes of the decompressed body, in `body` or in the sink
---@field elapsed number seconds of the last attempt
---@field attempts integer 1 plus the number of retries
---@field dry_run boolean nothing was sent; this is the response of the option `dry_run`
---@field stopped boolean the sink or on_line stopped the transfer by returning false
local Response = {}
Response.__index = Response

--- The body as JSON.
---@return any|nil value
---@return bosun.Error|nil err code "syntax"
function Response:json()
  local value, err = json.decode(self.body)
  if value == nil then
    err.message = ("the body of %s (status %d) is not JSON: %s"):format(self._label, self.status, err.message)
  end
  return value, err
end

local response = {}

--- Turns the table that C makes of a reply into the response.
function response.new(reply, job)
  reply.ok = reply.status >= 200 and reply.status < 300
  reply.headers = setmetatable({ _raw = reply.headers }, HEADERS)
  reply.attempts, reply.dry_run, reply.stopped, reply._label = job.attempt, false, false, job.label
  reply.retry_after = nil
  return setmetatable(reply, Response)
end

--- The response of the option `dry_run`, for a request that is not sent.
function response.planned(job)
  local planned, fields = job.dry_run or {}, {}
  for name, value in pairs(planned.headers or {}) do fields[#fields + 1] = ("%s\0%s\0"):format(name, value) end
  local body, headers = planned.body or "", table.concat(fields)
  local reply = { status = planned.status or 200, headers = headers, body = body, received = #body, elapsed = 0 }
  local result = response.new(reply, job)
  result.dry_run = true
  return result
end

return response
