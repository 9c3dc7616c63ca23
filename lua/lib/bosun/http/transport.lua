--- Internal: a client whose requests the program makes that embeds the host (bosun_options.transport). It has the
--- methods of the clients and transfers of bosun.native.http.

local errors = require "bosun.error"
local fs = require "bosun.fs"
local native = require "bosun.native.http"

local MEMORY_MAX = 64 * 1024 * 1024

--- What the program's function cannot be told. Leaving it out without a word would be a lie about TLS.
local NOT_THERE = { unix_socket = "unix_socket", ca = "tls.ca", cert = "tls.cert", key = "tls.key",
  server_name = "tls.server_name", insecure = "tls.insecure" }

local Transfer = {}
Transfer.__index = Transfer

local function failure(spec, code, format, ...)
  return errors.new { code = code, op = "http.request",
    message = ("%s %s failed: %s"):format(spec.method, spec.shown_url or spec.url, format:format(...)) }
end

local function refused(spec)
  for field, option in pairs(NOT_THERE) do
    if spec[field] then
      return failure(spec, "invalid", "the program that runs this plugin makes its HTTP requests, and has no %s",
        option)
    end
  end
end

--- The headers, with the trace unless there is one.
local function headers_of(spec)
  local headers = table.move(spec.headers, 1, #spec.headers, 1, {})
  for i = 1, #headers, 2 do
    if headers[i]:lower() == "traceparent" then return headers end
  end
  if spec.traceparent then headers[#headers + 1], headers[#headers + 2] = "traceparent", spec.traceparent end
  return headers
end

local function body_of(transfer)
  local spec = transfer.spec
  if spec.source_path then return fs.read(spec.source_path) end
  return spec.body or table.concat(transfer.pieces)
end

--- Puts the body of a good reply where the request wants it.
local function store(transfer, reply)
  local spec = transfer.spec
  if reply.status < 200 or reply.status > 299 then return true end
  if spec.sink_path then
    local ok, err = fs.write(spec.sink_path, reply.body, { sync = spec.sync })
    if not ok then return nil, err end
    reply.body = ""
  elseif spec.streamed then
    transfer.received, reply.body = reply.body, ""
  end
  return true
end

--- Makes the request, and keeps the reply or the error.
local function perform(transfer)
  local spec = transfer.spec
  transfer.over = true
  local body, err = body_of(transfer)
  if not body then
    transfer.failure = err
    return
  end
  local max = spec.max_bytes or 0
  if max == 0 and not spec.sink_path and not spec.streamed then max = MEMORY_MAX end
  local request = { method = spec.method, url = spec.url, headers = headers_of(spec), body = body,
    timeout = spec.timeout, follow = spec.follow, max_bytes = max }
  local reply, problem, code = native.transport(request)
  if not reply then
    transfer.failure = failure(spec, code, "%s", problem)
    return
  end
  transfer.answer = reply
  local ok, store_error = store(transfer, reply)
  if not ok then transfer.failure = store_error end
end

function Transfer:done() return self.over end

function Transfer:ready() return self.over end

function Transfer:reply()
  return self.answer or { headers = "", body = "", status = 0, received = 0, retry_after = 0, elapsed = 0 }
end

function Transfer:finish()
  if self.failure then return nil, self.failure end
  return self.answer
end

function Transfer:take()
  local bytes = self.received
  self.received = nil
  return bytes ~= "" and bytes or nil
end

--- The next line of what was received; at the end of a body also one without a newline.
function Transfer:line()
  local text = self.received
  if not text or text == "" then return nil end
  local line, rest = text:match "^([^\n]*)\n(.*)$"
  line, self.received = line or text, rest
  local max = self.spec.max_line
  if max and max > 0 and #line > max then
    return nil, failure(self.spec, "too_large", "a line has more than %d bytes", max)
  end
  return (line:gsub("\r$", ""))
end

function Transfer:wants() return self.spec.upload and not self.sent end

function Transfer:give(bytes)
  self.sent = not bytes or bytes == ""
  self.pieces[#self.pieces + 1] = bytes
  return true
end

function Transfer:close()
  self.over, self.received = true, nil
end

local Client = {}
Client.__index = Client

function Client:start(spec)
  if self.closed then error("the client is closed", 2) end
  local problem = refused(spec)
  if problem then return nil, problem end
  local transfer = setmetatable({ spec = spec, pieces = {}, over = false }, Transfer)
  self.waiting[#self.waiting + 1] = transfer
  return transfer
end

--- Makes the first request whose body is there.
function Client:step()
  for i, transfer in ipairs(self.waiting) do
    if transfer.over then
      table.remove(self.waiting, i)
      return true
    elseif not transfer:wants() then
      table.remove(self.waiting, i)
      perform(transfer)
      return native.check()
    end
  end
  return true
end

function Client:close()
  self.closed, self.waiting = true, {}
end

local transport = {}

---@return table client
function transport.client()
  return setmetatable({ waiting = {}, closed = false }, Client)
end

return transport
