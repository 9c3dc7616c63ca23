--- Internal: `bosun debug --dap`. Stands between an editor, on standard input and output, and the process that runs the
--- action and speaks the protocol itself (bosun.debug.dap): launches it or connects to it, passes the messages on, and
--- adds what only it knows: the action's output and its end.

local fs = require "bosun.fs"
local json = require "bosun.json"
local native = require "bosun.native.debugger"
local path = require "bosun.path"
local requests = require "bosun.debug.dap_requests"
local time = require "bosun.time"

local adapter = {}

local CONNECT_SECONDS = 10

---@class bosun.debug.Adapter
local Adapter = {}
Adapter.__index = Adapter

function Adapter:send(message)
  self.seq = self.seq + 1
  message.seq = self.seq
  self.editor:send(assert(json.encode(message)))
end

function Adapter:event(name, body)
  self:send { type = "event", event = name, body = body }
end

function Adapter:answer(request, problem, body)
  self:send { type = "response", request_seq = request.seq, command = request.command, success = not problem,
    message = problem, body = problem and { error = { id = 1, format = problem } } or body }
end

--- Passes on what the program has written. Returns false at the end.
function Adapter:output(name, category)
  local channel = self[name]
  local text = channel:read()
  if not text then
    self[name] = nil
  elseif text ~= "" then
    self.said = (self.said .. text):sub(-2000)
    self:event("output", { category = category, output = text })
  end
end

--- The channels that can say something.
function Adapter:channels()
  local list = { self.editor }
  for _, name in ipairs { "action", "out", "err" } do
    if self[name] then list[#list + 1] = self[name] end
  end
  return list
end

--- The action's process is over, or out of reach.
function Adapter:finish()
  if self.finished then return end
  self.finished = true
  if self.child then self:event("exited", { exitCode = self.child:code() or 1 }) end
  self:event("terminated")
end

local FLAGS = { config = "--config", privateConfig = "--private-config", statusFile = "--status-file",
  logLevel = "--log-level" }

--- The command line for a launch; nil and what is wrong with it.
local function command_line(program, arguments)
  for _, name in ipairs { "plugin", "action" } do
    if type(arguments[name]) ~= "string" then return nil, ("launch needs the text \"%s\""):format(name) end
  end
  local argv = { program, "run", arguments.plugin, arguments.action }
  for name, flag in pairs(FLAGS) do
    local value = arguments[name]
    if value ~= nil and value ~= json.null and type(value) ~= "string" then
      return nil, ("\"%s\" is not a text"):format(name)
    end
    if type(value) == "string" then argv[#argv + 1] = flag .. "=" .. value end
  end
  if type(arguments.timeout) == "number" then argv[#argv + 1] = ("--timeout=%.14g"):format(arguments.timeout) end
  if arguments.dryRun == true then argv[#argv + 1] = "--dry-run" end
  for _, setting in ipairs(type(arguments.settings) == "table" and arguments.settings or {}) do
    argv[#argv + 1] = tostring(setting)
  end
  return argv
end

--- Connects to the program's socket, which it opens when it is ready. nil: it has ended before that.
function Adapter:connect_to_child(socket)
  local last = time.monotonic() + CONNECT_SECONDS
  while time.monotonic() < last and (self.out or self.err) do
    local channel = native.connect(socket)
    if channel then return channel end
    local list = { self.out or self.err, self.out and self.err }
    if native.wait(list, 0.01) then
      if self.out then self:output("out", "stdout") end
      if self.err then self:output("err", "stderr") end
    end
  end
end

--- Introduces the editor to the action as the editor has introduced itself here.
function Adapter:introduce()
  local hello = { seq = 0, type = "request", command = "initialize", arguments = self.initialize }
  self.action:send(assert(json.encode(hello)))
end

function Adapter:launch(request)
  local arguments = type(request.arguments) == "table" and request.arguments or {}
  local argv, problem = command_line(self.program, arguments)
  if not argv then return self:answer(request, problem) end
  self.folder = assert(fs.tempdir())
  local socket = path.join(self.folder, "socket")
  if arguments.noDebug ~= true then
    argv[#argv + 1] = "--debug-socket=" .. socket
    argv[#argv + 1] = "--debug-wait"
  end
  local child, out, err = native.spawn(argv)
  if not child then return self:answer(request, tostring(out)) end
  self.child, self.out, self.err = child, out, err
  if arguments.noDebug == true then return self:answer(request) end
  self.action = self:connect_to_child(socket)
  if not self.action then
    self:answer(request, "the action did not start: " .. self.said)
    return self:finish()
  end
  self:introduce()
  self.action:send(assert(json.encode(request)))
end

function Adapter:attach(request)
  local arguments = type(request.arguments) == "table" and request.arguments or {}
  local socket = arguments.socket
  if type(socket) ~= "string" then return self:answer(request, "attach needs the text \"socket\"") end
  local channel, err = native.connect(socket)
  if not channel then
    return self:answer(request, tostring(err) .. ": start the action with --debug-socket=" .. socket)
  end
  self.action = channel
  self:introduce()
  self.action:send(assert(json.encode(request)))
end

--- Goes; the action ends only if it is asked to.
function Adapter:disconnect(request)
  local arguments = type(request.arguments) == "table" and request.arguments or {}
  if self.child and arguments.terminateDebuggee == true then self.child:terminate() end
  self:answer(request)
  self.gone = true
end

local own = {}

function own.initialize(self, request)
  self.initialize = request.arguments
  self:answer(request, nil, requests.CAPABILITIES)
end

own.launch = Adapter.launch
own.attach = Adapter.attach
own.disconnect = Adapter.disconnect

--- The action is told, too: where it is stopped, it might go on before the signal has arrived there. Its answer is
--- dropped, as that to `initialize` is.
function own.terminate(self, request)
  if self.child and self.action then
    self.action:send(assert(json.encode { seq = 0, type = "request", command = "terminate" }))
  end
  if self.child then self.child:terminate() end
  self:answer(request)
  if not self.child and self.action then
    self.action:close()
    self.action = nil
    self:finish()
  end
end

local function is_request(request)
  return type(request) == "table" and request.type == "request" and math.type(request.seq) == "integer"
    and type(request.command) == "string"
end

function Adapter:from_editor(text)
  local request = json.decode(text)
  if not is_request(request) then
    return self:event("output", { category = "important",
      output = "bosun: ignored what is not a request of the protocol\n" })
  end
  if (request.command == "launch" or request.command == "attach") and (self.child or self.action) then
    return self:answer(request, "an action is being debugged already")
  end
  local handler = own[request.command]
  if handler then return handler(self, request) end
  if not self.action then return self:answer(request, "no action is being debugged") end
  self.action:send(text)
end

--- The response to the adapter's own requests is not for the editor.
function Adapter:from_action(text)
  local message = json.decode(text)
  if type(message) ~= "table" or message.type == "response" and message.request_seq == 0 then return end
  self:send(message)
end

function Adapter:take_from_action()
  while self.action do
    local text, err = self.action:next()
    if err then
      self.action:close()
      self.action = nil
      if not self.child then self:finish() end
    elseif not text then
      return
    else
      self:from_action(text)
    end
  end
end

function Adapter:take_from_editor()
  while not self.gone do
    local text, err = self.editor:next()
    if err and err.code ~= "EPIPE" then io.stderr:write("bosun debug: ", err.message, "\n") end
    if err then self.gone = true end
    if not text then return end
    self:from_editor(text)
  end
end

function Adapter:step()
  if not native.wait(self:channels()) then
    self.gone = true
    return
  end
  if self.action then self:take_from_action() end
  if self.out then self:output("out", "stdout") end
  if self.err then self:output("err", "stderr") end
  if self.child and not self.action and not self.out and not self.err then self:finish() end
  self:take_from_editor()
end

--- Serves one editor.
---@param program string the path of bosun
function adapter.run(program)
  local self = setmetatable({ program = program, editor = native.stdio(), seq = 0, said = "" }, Adapter)
  while not self.gone do self:step() end
  if self.action then self.action:close() end
  if self.child then self.child:release() end
  if self.folder then fs.remove(self.folder, { recursive = true }) end
end

return adapter
