--- Internal: connections that HTTP only opens, and that then carry bytes of another protocol.

local driver = require "bosun.http.driver"
local native = require "bosun.native.http"
local request = require "bosun.http.request"
local response = require "bosun.http.response"

local connection = {}

---@class bosun.http.Connection an upgraded connection that carries bytes both ways. Close it: `local c <close> = …`
---@field status integer 101
---@field headers bosun.http.Headers
---@field dry_run boolean not connected: what is sent is dropped, and nothing arrives
local Connection = {}
Connection.__index = Connection

--- Sends all bytes.
---@param bytes string
---@return true|nil ok
---@return bosun.Error|nil err
function Connection:send(bytes)
  if self.dry_run then return true end
  return self._native:send(bytes)
end

--- Waits for bytes to arrive.
---@param options? { max?: integer, timeout?: number } max: bytes per call, default 64 KiB; timeout: seconds
---@return string|nil bytes nil: the other side has closed the connection, or it failed
---@return bosun.Error|nil err
function Connection:recv(options)
  if self.dry_run then return nil end
  return self._native:recv(options)
end

--- Closes the connection. Closing again does nothing.
function Connection:close()
  if self._native then self._native:close() end
end

Connection.__close = Connection.close

local function add_upgrade(headers, protocol)
  headers[#headers + 1] = "Connection"
  headers[#headers + 1] = "Upgrade"
  headers[#headers + 1] = "Upgrade"
  headers[#headers + 1] = protocol
end

--- Checks the options of a request that switches protocols. nil, problem: they are wrong.
---@param client table
---@param url any
---@param options table
---@return table|nil job
---@return string|nil problem
function connection.prepare(client, url, options)
  local job, problem = request.prepare(client._defaults, options, { url = url })
  if not job then return nil, problem end
  if options.sink or options.source then return nil, "options sink and source: bytes go through the connection" end
  if not options.upgrade then return nil, "option upgrade: expected the protocol to switch to" end
  job.attempt = 1
  add_upgrade(job.native.headers, options.upgrade)
  return job
end

local function planned(job)
  return setmetatable({ status = 101, headers = response.planned(job).headers, dry_run = true }, Connection)
end

--- Connects, or notes in a dry run that it would.
---@param job table of connection.prepare
---@param op string for plan and trace
---@return bosun.http.Connection|nil opened
---@return bosun.Error|nil err
function connection.start(job, op)
  if not job.reads and not native.effect(op, job.native.shown_url) then return planned(job) end
  driver.begin_span(job)
  local opened, reply, refusal = native.connect(job.native)
  driver.trace(job, op, opened and tostring(reply.status) or tostring(reply), reply)
  if opened then
    local headers = response.new(reply, job).headers
    return setmetatable({ _native = opened, status = reply.status, headers = headers, dry_run = false }, Connection)
  end
  reply.response = refusal and response.new(refusal, job)
  return nil, reply
end

--- See http.connect. Call it in tail position: misuse is raised at the line of its caller's caller.
function connection.open(client, url, options)
  local job, problem = connection.prepare(client, url, options or {})
  if not job then error("http.connect: " .. problem, 2) end
  return connection.start(job, "http.connect")
end

return connection
