--- Internal: bytes to and from containers, over WebSockets: commands that run in them (exec), their own input and
--- output (attach), and their ports.
---
--- Source: the API's subprotocols v4.channel.k8s.io and v5.channel.k8s.io: each message begins with the number of its
--- channel. 0 is standard input, 1 output, 2 errors, 3 a Status at the end. In v5, the bytes 255 0 close standard
--- input.

---@class bosun.kubernetes.Cluster
local Cluster = require "bosun.kubernetes.cluster"

local collect = require "bosun.collect"
local effect = require "bosun.effect"
local errors = require "bosun.kubernetes.errors"
local json = require "bosun.json"
local list_problem = require("bosun.native.list").problem
local options_of = require("bosun.options").check
local tables = require "bosun.tables"
local time = require "bosun.time"
local words_of = require "bosun.http.words"

local V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
local STDIN, STDOUT, STDERR, STATUS = 0, 1, 2, 3
local CLOSE = 255 -- before the number of a channel
local STREAMS = { [STDOUT] = "stdout", [STDERR] = "stderr" }
local PIECE = 32 * 1024 -- bytes of standard input in a message
local MOST_OUTPUT = 16 * 1024 * 1024

local EXEC = {
  namespace = "string", container = "string", stdin = "text|function", tty = "boolean", timeout = "timeout",
  max_output = "count", on_output = "function",
}
local FORWARD = { namespace = "string", timeout = "timeout" }

-- ---- opening --------------------------------------------------------------------------------------------------------

--- Opens a WebSocket to a subresource of a pod; or nil, err.
local function open(cluster, path, query, what, protocols, timeout)
  local ws, err = cluster:_with_credentials(what, function(client, auth)
    return client:websocket(path,
      { query = query, auth = auth, protocols = protocols, timeout = timeout, reads = true })
  end)
  if ws and ws.protocol then return ws end
  if ws then
    ws:close()
    return nil, errors.new { code = "protocol", message = what .. ": the API server chose no protocol for the stream" }
  end
  if err.op == "kubernetes" then return nil, err end
  if err.response then return nil, errors.refused(cluster.server, what, err.response) end
  return nil, errors.unreached(cluster.server, what, err)
end

-- ---- standard input -------------------------------------------------------------------------------------------------

--- A function that returns the next bytes of standard input, nil at the end, or nil and an error.
local function source_of(stdin)
  if type(stdin) == "function" or stdin == nil then return stdin end
  local whole, at = type(stdin) == "string" and stdin or stdin:reveal(), 1
  return function()
    if at > #whole then return nil end
    at = at + PIECE
    return whole:sub(at - PIECE, at - 1)
  end
end

--- Sends the next bytes of the source; false: they have ended. A function's bytes may be many.
local function feed(stream)
  local bytes, err = stream.source()
  if bytes == nil and err ~= nil then return nil, err end
  if bytes ~= nil and type(bytes) ~= "string" then
    error(("stdin returned a %s; expected bytes, or nil at the end"):format(type(bytes)), 0)
  end
  if bytes == nil then
    if stream.ws.protocol == V5 then stream.ws:send(string.char(CLOSE, STDIN), { wait = false }) end
    return true
  end
  for at = 1, #bytes, PIECE do
    -- a server that takes no more has perhaps said why: that is received next
    local piece = string.char(STDIN) .. bytes:sub(at, at + PIECE - 1)
    if not stream.ws:send(piece, { wait = false }) then return true end
  end
  stream.more = true
  return true
end

-- ---- the stream -----------------------------------------------------------------------------------------------------

--- Takes a message; false: the caller wants no more.
local function take(stream, message)
  local channel, bytes = message:byte(1), message:sub(2)
  if channel == STATUS then
    stream.status = stream.status .. bytes
  elseif STREAMS[channel] and bytes ~= "" then
    if stream.on_output then return stream.on_output(bytes, STREAMS[channel]) end
    stream.add[STREAMS[channel]](bytes)
  end
end

--- Moves bytes both ways until the server closes the stream. True; false: the caller wants no more; or nil, err.
local function pump(stream)
  local feeding = stream.source ~= nil
  while true do
    local message, err = stream.ws:recv { sent = feeding }
    if message == false then
      stream.more = false
      local ok, problem = feed(stream)
      if not ok then return nil, problem, true end
      feeding = stream.more
    elseif message then
      if take(stream, message) == false then return false end
    elseif err then
      return nil, err
    else
      return true
    end
  end
end

local function late(what, seconds)
  return errors.new { code = "timeout", message = ("%s: did not finish within %g s; it may still run in the container")
    :format(what, seconds) }
end

--- Runs the stream, no longer than that.
local function run(stream, seconds, what)
  local limit <close> = seconds and seconds ~= math.huge and time.limit(seconds) or nil
  local ok, err, own = pump(stream)
  if ok ~= nil or own then return ok, err end
  if err.code == "timeout" and limit and limit:left() <= 0 then return nil, late(what, seconds) end
  return nil, errors.lost(stream.server, what, err)
end

--- What the Status at the end says: the exit status; or nil, err.
local function exit_status(stream, what)
  local status = json.decode(stream.status)
  if type(status) ~= "table" then
    return nil, errors.new { code = "incomplete", message = what .. ": the stream has ended without a result" }
  end
  if status.status == "Success" then return 0 end
  local details = type(status.details) == "table" and status.details or {}
  for _, cause in ipairs(type(details.causes) == "table" and details.causes or {}) do
    if status.reason == "NonZeroExitCode" and cause.reason == "ExitCode" then
      return math.tointeger(tonumber(cause.message)) or -1
    end
  end
  return nil, errors.of_status(what, status)
end

--- Opens a stream and runs it to its end: the exit status, or nil, err.
local function converse(cluster, path, query, what, options)
  query.stdin, query.stdout = options.stdin ~= nil, true
  query.stderr, query.tty = not options.tty, options.tty or false
  query.container = options.container
  local ws, err = open(cluster, path, query, what, { V5, V4 }, options.timeout or cluster._timeout)
  if not ws then return nil, err end
  local stream <close> = setmetatable({
    ws = ws, server = cluster.server, source = source_of(options.stdin), on_output = options.on_output, status = "",
    add = {}, text = {},
  }, { __close = function(self) self.ws:close() end })
  local limit = options.max_output or MOST_OUTPUT
  for _, name in pairs(STREAMS) do stream.add[name], stream.text[name] = collect.head(limit) end
  local ok
  ok, err = run(stream, options.timeout, what)
  if ok == nil then return nil, err end
  if ok == false then return { stdout = "", stderr = "", stopped = true } end
  local code
  code, err = exit_status(stream, what)
  if not code then return nil, err end
  return { code = code, stdout = stream.text.stdout(), stderr = stream.text.stderr() }
end

---@class bosun.kubernetes.StreamOptions
---@field namespace? string
---@field container? string default: the pod's first
---@field stdin? bosun.http.Text|fun():string?,any what the container reads: text, or a function that returns the next
---bytes, nil at the end, or nil and an error
---@field tty? boolean the container has a terminal: there is no stderr
---@field timeout? number seconds; default for exec 30, for attach: until the action's deadline
---@field max_output? integer how many bytes to keep of each stream, default 16 MiB; the rest is read and dropped
---@field on_output? fun(bytes: string, stream: "stdout"|"stderr"): boolean? takes the output, as it comes; false: no
---more

---@class bosun.kubernetes.StreamResult
---@field code? integer exit status; nil when on_output has stopped it
---@field stdout string empty with on_output
---@field stderr string
---@field stopped? boolean on_output has returned false

--- Runs a command in a running container, and waits for its end. Input and output may be of any size, at the same time.
--- A server before Kubernetes 1.30 cannot be told that the input has ended: the command has to know (`head -c LENGTH`).
---@param pod string
---@param argv string[] the program and its arguments; no shell
---@param options? bosun.kubernetes.StreamOptions
---@return bosun.kubernetes.StreamResult|nil result with any exit status; 0 without output in a dry run
---@return bosun.kubernetes.Error|nil err code "NotFound": no such pod; "BadRequest": the container does not run;
---"timeout": the command keeps running
function Cluster:exec(pod, argv, options)
  options = options_of("cluster:exec", options, EXEC)
  local problem = list_problem(argv) or type(argv[1]) ~= "string" and "item 1 is not a string"
  if problem then error("cluster:exec: expected a list of a program and its arguments, but " .. problem, 2) end
  local found, path, words = self:_locate("Pod", self:_namespace(options), pod, "exec")
  if not found then return nil, path end
  options = tables.copy({ timeout = 30 }, options)
  if not effect.begin("kubernetes.exec", table.concat(argv, " ") .. " in " .. words) then
    return { code = 0, stdout = "", stderr = "" }
  end
  return converse(self, path, { command = argv }, ("run %s in %s"):format(argv[1], words), options)
end

--- Connects to the standard input and output of a container that runs (or is about to), and waits for its end.
---@param pod string
---@param options? bosun.kubernetes.StreamOptions
---@return bosun.kubernetes.StreamResult|nil result
---@return bosun.kubernetes.Error|nil err
function Cluster:attach(pod, options)
  options = options_of("cluster:attach", options, EXEC)
  local found, path, words = self:_locate("Pod", self:_namespace(options), pod, "attach")
  if not found then return nil, path end
  if not effect.begin("kubernetes.attach", words) then return { code = 0, stdout = "", stderr = "" } end
  return converse(self, path, {}, "attach to " .. words, options)
end

-- ---- ports ----------------------------------------------------------------------------------------------------------

--- A connection to a port of a pod. Close it: `local connection <close> = …`
---@class bosun.kubernetes.PortForward
local PortForward = {}
PortForward.__index = PortForward

--- Sends all bytes.
---@param bytes string
---@return true|nil ok
---@return bosun.kubernetes.Error|nil err
function PortForward:send(bytes)
  if not self._ws then return true end
  for at = 1, #bytes, PIECE do
    local ok, err = self._ws:send("\0" .. bytes:sub(at, at + PIECE - 1))
    if not ok then return nil, errors.lost(self._server, self._what, err) end
  end
  return true
end

--- Waits for bytes to arrive.
---@param options? { timeout?: number } seconds
---@return string|nil bytes nil: the other side has closed the connection, or it failed
---@return bosun.kubernetes.Error|nil err
function PortForward:recv(options)
  if not self._ws then return nil end
  while true do
    local message, err = self._ws:recv(options)
    if not message then return nil, err and errors.lost(self._server, self._what, err) end
    local channel, bytes = message:byte(1), message:sub(2)
    if self._named[channel] and channel == 0 and bytes ~= "" then return bytes end
    if self._named[channel] and channel == 1 and bytes ~= "" then
      return nil, errors.new { code = "connect", message = self._what .. ": " .. words_of.clean(bytes) }
    end
    self._named[channel or 0] = true -- the first message of a channel is the number of the port
  end
end

--- Closes the connection. Closing again does nothing.
function PortForward:close()
  if self._ws then self._ws:close() end
end

PortForward.__close = PortForward.close

--- Connects to a port of a pod, through the API server.
---@param pod string
---@param port integer
---@param options? { namespace?: string, timeout?: number } timeout: seconds until the server has answered
---@return bosun.kubernetes.PortForward|nil connection in a dry run, one that carries nothing
---@return bosun.kubernetes.Error|nil err
function Cluster:port_forward(pod, port, options)
  options = options_of("cluster:port_forward", options, FORWARD)
  if math.type(port) ~= "integer" or port < 1 or port > 65535 then
    error("cluster:port_forward: expected a port from 1 to 65535", 2)
  end
  local found, path, words = self:_locate("Pod", self:_namespace(options), pod, "portforward")
  if not found then return nil, path end
  local what = ("connect to port %d of %s"):format(port, words)
  local connection = setmetatable({ _server = self.server, _what = what, _named = {} }, PortForward)
  if not effect.begin("kubernetes.port_forward", ("port %d of %s"):format(port, words)) then return connection end
  local err
  connection._ws, err = open(self, path, { ports = port }, what, { V4 }, options.timeout or self._timeout)
  if not connection._ws then return nil, err end
  return connection
end

return Cluster
