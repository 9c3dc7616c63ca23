--- HTTP requests to a pod through the API server's port-forward, which leads to a pod wherever the plugin runs, and
--- takes no port of this machine.
---
--- Each request is one of HTTP/1.0 on a connection of its own: the reply ends with its length or with the connection,
--- and is not chunked.

local errors = require "bosun.error"
local json = require "bosun.json"
local secret = require "bosun.secret"
local time = require "bosun.time"

local tunnel = {}

local MOST_BYTES = 1024 * 1024

local function plain(value)
  return secret.is(value) and value:reveal() or value
end

local function head_of(request, path, body)
  local lines = { ("%s %s HTTP/1.0"):format(request.method, path), "Host: localhost", "Connection: close" }
  for name, value in pairs(request.headers or {}) do lines[#lines + 1] = ("%s: %s"):format(name, plain(value)) end
  if request.json ~= nil then lines[#lines + 1] = "Content-Type: application/json" end
  if body then lines[#lines + 1] = ("Content-Length: %d"):format(#body) end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

--- The response that these bytes are; nil: not all of it is there. `is_over`: there will not be more.
local function parse(bytes, is_over)
  local head, body = bytes:match "^(.-)\r\n\r\n(.*)$"
  local status = head and math.tointeger(tonumber(head:match "^HTTP/1%.%d (%d%d%d)"))
  if not status then return nil end
  local length = tonumber(("\n" .. head:lower()):match "\ncontent%-length:%s*(%d+)")
  if length and #body < length or not length and not is_over then return nil end
  return { status = status, ok = status >= 200 and status < 300, body = length and body:sub(1, length) or body }
end

--- Receives a response.
local function receive(connection)
  local bytes = ""
  while #bytes <= MOST_BYTES do
    local more, err = connection:recv()
    if not more and err then return { err = err } end
    bytes = bytes .. (more or "")
    local response = parse(bytes, not more)
    if response then return { response = response } end
    if not more then break end
  end
  return { err = errors.new { code = "closed", op = "kubernetes",
    message = "the connection to the pod ended before a whole reply had arrived" } }
end

local function converse(connection, request, path)
  local body = request.json ~= nil and json.encode(request.json) or plain(request.body)
  local sent, err = connection:send(head_of(request, path, body) .. (body or ""))
  if not sent then return { err = err } end
  return receive(connection)
end

--- Sends one request.
---@param context table
---@param pod string its name
---@param port integer
---@param path string
---@param request bosun.http.Options
---@return bosun.http.Result
function tunnel.send(context, pod, port, path, request)
  local limit <close> = request.timeout and time.limit(request.timeout) or nil -- luacheck: ignore
  local connection <close>, err = context.cluster:port_forward(pod, port, { namespace = context.namespace })
  if not connection then return { err = err } end
  return converse(connection, request, path)
end

return tunnel
