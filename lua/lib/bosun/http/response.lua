--- Internal: what a request gives back.

local json = require "bosun.json"

---@class bosun.http.Headers header names in any case → value; several values of one name, joined by ", "
local Headers = {}

--- All values of a header, in the order they came.
---@param name string in any case
---@return string[]
function Headers:all(name)
  local values = {}
  for i = 1, #self._list, 2 do
    if self._list[i]:lower() == name:lower() then values[#values + 1] = self._list[i + 1] end
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

--- Iterates over name, value, in the order they came.
function HEADERS.__pairs(headers)
  local list, at = headers._list, -1
  return function()
    at = at + 2
    return list[at], list[at + 1]
  end
end

---@class bosun.http.Response
---@field status integer
---@field ok boolean the status is 200 to 299
---@field headers bosun.http.Headers
---@field body string empty when a 2xx body went to a sink
---@field received integer bytes of body, decompressed, wherever they went
---@field elapsed number seconds that the last attempt took
---@field attempts integer 1, and one more for each retry
---@field dry_run boolean nothing was sent: this is what the option `dry_run` says
---@field stopped boolean the sink or on_line returned false before the end
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

--- From the table that C makes of a reply.
function response.new(reply, job)
  return setmetatable({
    status = reply.status, ok = reply.status >= 200 and reply.status < 300, body = reply.body or "",
    headers = setmetatable({ _list = reply.headers }, HEADERS), received = reply.received, elapsed = reply.seconds,
    attempts = job.attempt, dry_run = false, stopped = false, _label = job.label,
  }, Response)
end

--- From the option `dry_run` of a request that was not sent.
function response.planned(job)
  local planned, list = job.dry_run, {}
  for name, value in pairs(planned.headers or {}) do
    list[#list + 1] = name
    list[#list + 1] = value
  end
  local body = planned.body or ""
  local reply = { status = planned.status or 200, headers = list, body = body, received = #body, seconds = 0 }
  local result = response.new(reply, job)
  result.dry_run = true
  return result
end

return response
