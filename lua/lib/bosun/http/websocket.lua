--- Internal: WebSockets (RFC 6455): the handshake, and messages. C has the frames.

local base64 = require "bosun.base64"
local connection = require "bosun.http.connection"
local crypto = require "bosun.crypto"
local errors = require "bosun.error"
local native = require "bosun.native.http"
local options_problem = require("bosun.options").problem
local tables = require "bosun.tables"

local websocket = {}

local OWN = { protocols = "list", max_message = "positive" }
local RECV = { timeout = "limit", sent = "boolean" }
local SEND = { text = "boolean", wait = "boolean" }
local NO_CODE = 1005
local MOST = 16 * 1024 * 1024

---@class bosun.http.WebSocketOptions : bosun.http.Options
---@field protocols? string[] what the client speaks, the best first; the server chooses one
---@field max_message? integer bytes of the longest message to receive; default 16 MiB

--- A WebSocket. Pings are answered while it sends or receives. Close it: `local ws <close> = …`
---@class bosun.http.WebSocket
---@field protocol? string the one that the server chose; nil: none
---@field headers bosun.http.Headers of the server's reply
---@field dry_run boolean not connected: what is sent is dropped, and nothing arrives
---@field close_code? integer why the server closed it: 1000: all is done; 1005: it gives no reason
---@field close_reason? string the same in the server's words
local WebSocket = {}
WebSocket.__index = WebSocket

local function check(name, given, known)
  given = given or {}
  local problem = type(given) ~= "table" and "expected a table of options" or options_problem(given, known, "")
  if problem then error(("%s: %s"):format(name, problem), 3) end
  return given
end

--- Keeps a received message until recv is called.
local function hold(ws, kind, bytes, code)
  ws._held[#ws._held + 1] = { kind = kind, bytes = bytes, code = code }
  ws._held_bytes = ws._held_bytes + #bytes
end

--- Sends what is left, and keeps what arrives meanwhile.
local function flush(ws)
  while true do
    local kind, bytes, code = ws._native:recv(nil, true)
    if kind == "sent" then return true end
    if not kind then return nil, bytes end
    hold(ws, kind, bytes, code)
    if kind == "close" then return nil, errors.new { code = "closed", op = "websocket",
      message = "the server closed the WebSocket" .. (bytes ~= "" and ": " .. bytes or "") } end
    if ws._held_bytes > ws._max then
      return nil, errors.new { code = "too_large", op = "websocket",
        message = ("cannot send: %d bytes that have arrived are waiting to be received"):format(ws._held_bytes) }
    end
  end
end

--- Sends a message. Messages that arrive meanwhile are kept for `recv`.
---@param bytes string
---@param options? { text?: boolean, wait?: boolean } text: as text (UTF-8), not binary; wait: default true. false: what
---cannot be sent at once is sent by the next calls; `recv` with `sent` tells when
---@return true|nil ok
---@return bosun.Error|nil err code "closed"; "too_large": more than max_message bytes arrived that nobody received
function WebSocket:send(bytes, options)
  options = check("send", options, SEND)
  if type(bytes) ~= "string" then error(("send: expected bytes, got a %s"):format(type(bytes)), 2) end
  if self.dry_run then return true end
  if not self._native then error("send: the WebSocket is closed", 2) end
  if self.close_code then return nil, errors.new { code = "closed", op = "websocket",
    message = "the server has closed the WebSocket" } end
  local ok, err = self._native:send(bytes, options.text or false)
  if not ok or options.wait == false then return ok, err end
  return flush(self)
end

local function late(seconds)
  return errors.new { code = "timeout", op = "websocket", message = ("no message arrived in %.4g s"):format(seconds) }
end

local function receive(ws, options)
  local held = table.remove(ws._held, 1)
  if held then
    ws._held_bytes = ws._held_bytes - #held.bytes
    return held.kind, held.bytes, held.code
  end
  return ws._native:recv(options.timeout, options.sent or false)
end

--- Waits for a message.
---@param options? { timeout?: number, sent?: boolean } timeout: seconds; sent: return false once all is sent
---@return string|false|nil bytes nil without an error: the server closed it, see `close_code`
---@return "text"|"binary"|bosun.Error|nil kind or the error, such as code "timeout" or "closed"
function WebSocket:recv(options)
  options = check("recv", options, RECV)
  if self.dry_run then return nil end
  if not self._native then error("recv: the WebSocket is closed", 2) end
  if self.close_code then return nil end
  local kind, bytes, code = receive(self, options)
  if not kind then return nil, bytes end
  if kind == "sent" then return false end
  if kind == "late" then return nil, late(options.timeout) end
  if kind ~= "close" then return bytes, kind end
  self.close_code, self.close_reason = code or NO_CODE, bytes
  return nil
end

--- Closes it. Closing again does nothing.
function WebSocket:close()
  if self._native then self._native:close() end
  self._native = nil
end

WebSocket.__close = WebSocket.close

-- ---- opening --------------------------------------------------------------------------------------------------------

local function add_handshake(headers, key, protocols)
  local more = { "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", key }
  if #protocols > 0 then
    table.move({ "Sec-WebSocket-Protocol", table.concat(protocols, ", ") }, 1, 2, 5, more)
  end
  table.move(more, 1, #more, #headers + 1, headers)
end

local function is_among(name, list)
  for _, item in ipairs(list) do
    if item == name then return true end
  end
  return false
end

--- What is wrong with the server's reply; nil: nothing.
local function handshake_problem(headers, key, protocols)
  if (headers["upgrade"] or ""):lower() ~= "websocket" then return "it switched to another protocol" end
  if headers["sec-websocket-accept"] ~= native.websocket_accept(key) then return "its Sec-WebSocket-Accept is wrong" end
  if headers["sec-websocket-extensions"] then return "it uses an extension that was not offered" end
  local chosen = headers["sec-websocket-protocol"]
  if chosen and not is_among(chosen, protocols) then return "it chose a protocol that was not offered" end
end

--- Splits the options of a WebSocket from those of the request.
local function split(options)
  local own, rest = {}, tables.copy(options)
  for name in pairs(OWN) do own[name], rest[name] = options[name], nil end
  local problem = options_problem(own, OWN, "")
  for i, name in ipairs(own.protocols or {}) do
    if type(name) ~= "string" or not name:find "^[%w!#$%%&'*+%-.^_`|~]+$" then
      problem = problem or ("option protocols: item %d is not the name of a protocol"):format(i)
    end
  end
  rest.upgrade = "websocket"
  return own, rest, problem
end

local function handshake(job, own)
  local random, err = crypto.random_bytes(16)
  if not random then return nil, err end
  local key, protocols = base64.encode(random), own.protocols or {}
  add_handshake(job.native.headers, key, protocols)
  local opened
  opened, err = connection.start(job, "http.websocket")
  if not opened or opened.dry_run then return opened, err end
  local problem = handshake_problem(opened.headers, key, protocols)
  if not problem then return opened end
  opened:close()
  return nil, errors.new { code = "protocol", op = "http.websocket",
    message = ("%s failed: the server does not open a WebSocket: %s"):format(job.label, problem) }
end

--- See http.websocket. Call it in tail position, as connection.open.
function websocket.open(client, url, options)
  if options ~= nil and type(options) ~= "table" then
    error(("http.websocket: expected a table of options, got a %s"):format(type(options)), 2)
  end
  local own, rest, problem = split(options or {})
  local job
  if not problem then job, problem = connection.prepare(client, url, rest) end
  if not job then error("http.websocket: " .. problem, 2) end
  local opened, err = handshake(job, own)
  if not opened then return nil, err end
  local ws = setmetatable({
    headers = opened.headers, protocol = opened.headers["sec-websocket-protocol"], dry_run = opened.dry_run,
    _held = {}, _held_bytes = 0, _max = own.max_message or MOST,
  }, WebSocket)
  if ws.dry_run then return ws end
  ws._native, err = native.websocket(opened._native, ws._max)
  if not ws._native then return nil, err end
  return ws
end

return websocket
