--- Internal: the Debug Adapter Protocol, spoken in the process that runs the action. `bosun debug --dap` or an editor
--- connects to its socket. JSON is read and written by bosun.json, and values stay in the state that has them: a face
--- in C, or in a state of its own, would need a copy of every value that is looked at.

local breakpoints = require "bosun.debug.breakpoints"
local json = require "bosun.json"
local log = require "bosun.log"
local native = require "bosun.native.debugger"
local requests = require "bosun.debug.dap_requests"
local session = require "bosun.debug.session"
local sources = require "bosun.debug.sources"

local dap = {}

---@class bosun.debug.Editor one connection, or none
local editor = requests.editor

local listening

function editor:send(message)
  if not self.channel then return end
  self.seq = self.seq + 1
  message.seq = self.seq
  local text, problem = json.encode(message)
  if not text then
    text = json.encode { seq = self.seq, type = message.type, request_seq = message.request_seq, success = false,
      command = message.command, event = message.event, message = "cannot be shown: " .. tostring(problem) }
  end
  if not self.channel:send(text) then self:leave() end
end

function editor:event(name, body)
  self:send { type = "event", event = name, body = body }
end

--- The connection is over: the action goes on as if there had never been one. Who has asked for nothing was no editor,
--- but another action that has looked whether somebody listens here.
function editor:leave()
  if self.channel then self.channel:close() end
  self.channel = nil
  self.configured = false
  self.gone = self.seq > 0
  self.going = true
  session.release()
  native.input(listening)
end

--- body: nil for a failure; one without fields is left out.
local function answer(request, body, problem)
  local message = body == nil and (problem or "failed") or nil
  if message then body = { error = { id = 1, format = message } } end
  editor:send { type = "response", request_seq = request.seq, command = request.command, success = not message,
    message = message, body = next(body) and body or nil }
end

local function handle(request)
  local command = request.command
  local handler = type(command) == "string" and requests.handlers[command]
  if not handler then return answer(request, nil, ("the request %s is not supported"):format(tostring(command))) end
  local arguments = type(request.arguments) == "table" and request.arguments or {}
  local ok, body, problem, after = pcall(handler, arguments, request)
  if not ok then return answer(request, nil, tostring(body)) end
  answer(request, body, problem)
  if after then after() end
end

--- What is no request is reported to the editor's console and left alone.
local function receive(text)
  local request = json.decode(text)
  if type(request) ~= "table" or request.type ~= "request" or math.type(request.seq) ~= "integer" then
    return editor:event("output",
      { category = "important", output = "bosun: ignored what is not a request of the protocol\n" })
  end
  handle(request)
end

--- Handles what has arrived.
local function drain()
  while editor.channel do
    local text, err = editor.channel:next()
    if err then
      if err.code ~= "EPIPE" then
        editor:event("output", { category = "important", output = err.message .. "\n" })
      end
      return editor:leave()
    end
    if not text then return end
    receive(text)
    if editor.going and session.stop then return end
  end
end

local function accept()
  local channel = listening:accept()
  if not channel then return end
  editor:begin(channel)
  native.input(channel)
end

--- Serves the editor until `done` is true, or the action is cancelled.
local function serve(done)
  while not done() do
    local channel = editor.channel or listening
    if not native.wait { channel } then return end
    if editor.channel then drain() else accept() end
  end
end

local face = {}

function face.stopped(stop)
  if not editor.channel then return end
  editor.going = false
  editor:stopped(stop)
  serve(function() return editor.going or not editor.channel end)
  editor:forget()
end

function face.output(text, point)
  local file = point and point.file
  editor:event("output", { category = "console", output = text .. "\n", line = point and point.line,
    source = file and requests.source(file) or nil })
end

function face.bound(point)
  editor:event("breakpoint", { reason = "changed", breakpoint = requests.breakpoint(point) })
end

function face.loaded(chunk)
  if not editor.configured then return end
  editor:event("loadedSource", { reason = "new", source = requests.source(sources.of_chunk(chunk)) })
end

function face.input()
  if editor.channel then drain() else accept() end
end

---@class bosun.debug.Options
---@field socket string
---@field wait boolean for an editor, before the plugin is loaded
---@field stop_on_entry boolean

--- Without a socket, the action runs as if nobody had wanted to attach, unless it is to wait for an editor. Then:
--- what is wrong, and its code.
---@param options bosun.debug.Options
---@return string|nil problem
---@return string|nil code
function dap.start(options)
  local channel, err = native.listen(options.socket)
  if not channel then
    if options.wait then
      return ("no editor can attach: %s; name another file with --debug-socket"):format(err.message), err.code
    end
    log.warn(("the action runs without a debugger: %s"):format(err.message))
    return
  end
  listening = channel
  editor:reset()
  session.start(face)
  breakpoints.rebind()
  native.input(listening)
  if not options.wait then return end
  native.stopped(true)
  serve(function() return editor.configured or editor.gone end)
  native.stopped(false)
end

return dap
