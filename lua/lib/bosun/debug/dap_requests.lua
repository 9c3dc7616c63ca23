--- Internal: the requests of the Debug Adapter Protocol. A handler gets the arguments and returns the body of the
--- response, or nil and why not; and what is to be done after the response is sent.

local breakpoints = require "bosun.debug.breakpoints"
local complete = require "bosun.debug.complete"
local frames = require "bosun.debug.frames"
local json = require "bosun.json"
local native = require "bosun.native.debugger"
local path = require "bosun.path"
local session = require "bosun.debug.session"
local sources = require "bosun.debug.sources"
local values = require "bosun.debug.values"
local Variables = require "bosun.debug.variables"

local requests = { handlers = {} }
local handlers = requests.handlers

---@class bosun.debug.Editor
local editor = {}
requests.editor = editor

function editor:reset()
  self.channel, self.seq, self.configured, self.going = nil, 0, false, false
  self.first_line, self.first_column = 1, 1
  self:forget()
end

function editor:begin(channel)
  self:reset()
  self.channel = channel
end

--- Frames and references are valid until the action goes on.
function editor:forget()
  self.frames = {}
  self.variables = Variables.new()
end

requests.CAPABILITIES = {
  supportsConfigurationDoneRequest = true,
  supportsFunctionBreakpoints = true,
  supportsConditionalBreakpoints = true,
  supportsHitConditionalBreakpoints = true,
  supportsLogPoints = true,
  supportsEvaluateForHovers = true,
  supportsSetVariable = true,
  supportsCompletionsRequest = true,
  supportsExceptionInfoRequest = true,
  supportsLoadedSourcesRequest = true,
  supportsTerminateRequest = true,
  supportTerminateDebuggee = true,
  supportsDelayedStackTraceLoading = true,
  completionTriggerCharacters = { ".", ":" },
  exceptionBreakpointFilters = {
    { filter = "all", label = "All errors", description = "Also those that pcall and its like catch" },
    { filter = "uncaught", label = "Uncaught errors", description = "Those that make the action fail", default = true },
  },
}

local NOT_STOPPED = "the action is not stopped"

--- Sources by number, for those that are no files.
local numbers, by_number = {}, {}

--- A file, as the protocol has it.
function requests.source(name)
  if name:sub(1, 1) == "/" then return { name = path.basename(name), path = name } end
  if not numbers[name] then
    table.insert(by_number, name)
    numbers[name] = #by_number
  end
  return { name = path.basename(name), path = name, sourceReference = numbers[name], origin = "part of Bosun",
    presentationHint = name:sub(1, 6) == "bosun/" and "deemphasize" or nil }
end

--- A breakpoint, as the protocol has it.
function requests.breakpoint(point)
  return { id = point.id, verified = point.line ~= nil, message = point.message,
    line = point.line and point.line + editor.first_line - 1 or nil,
    source = point.file and requests.source(point.file) or nil }
end

function handlers.initialize(arguments)
  editor.first_line = arguments.linesStartAt1 == false and 0 or 1
  editor.first_column = arguments.columnsStartAt1 == false and 0 or 1
  return requests.CAPABILITIES, nil, function() editor:event("initialized") end
end

function handlers.attach(arguments)
  if arguments.stopOnEntry == true then session.stop_on_entry() end
  return {}
end

handlers.launch = handlers.attach

function handlers.configurationDone()
  return {}, nil, function() editor.configured = true end
end

local function to_line(line)
  return math.type(line) == "integer" and line - editor.first_line + 1 or nil
end

local function text_or_nil(value)
  return type(value) == "string" and value or nil
end

local function list_of(value)
  return type(value) == "table" and value or {}
end

local function name_of_source(source)
  source = list_of(source)
  return by_number[source.sourceReference] or text_or_nil(source.path) or text_or_nil(source.name)
end

function handlers.setBreakpoints(arguments)
  local wanted = name_of_source(arguments.source)
  if not wanted then return nil, "setBreakpoints needs a source" end
  breakpoints.remove(function(point) return point.path == wanted end)
  local list = json.array {}
  for _, spec in ipairs(list_of(arguments.breakpoints)) do
    local line = to_line(list_of(spec).line)
    if not line then return nil, "setBreakpoints needs lines" end
    local point = breakpoints.add { path = wanted, line = line, condition = text_or_nil(spec.condition),
      hit_condition = text_or_nil(spec.hitCondition), log = text_or_nil(spec.logMessage) }
    list[#list + 1] = requests.breakpoint(point)
  end
  return { breakpoints = list }
end

function handlers.setFunctionBreakpoints(arguments)
  breakpoints.remove(function(point) return point.func ~= nil end)
  local list = json.array {}
  for _, spec in ipairs(list_of(arguments.breakpoints)) do
    local name = text_or_nil(list_of(spec).name)
    if not name then return nil, "setFunctionBreakpoints needs names" end
    local point = breakpoints.add { func = name, condition = text_or_nil(spec.condition),
      hit_condition = text_or_nil(spec.hitCondition) }
    list[#list + 1] = requests.breakpoint(point)
  end
  return { breakpoints = list }
end

function handlers.setExceptionBreakpoints(arguments)
  local on = {}
  for _, filter in ipairs(list_of(arguments.filters)) do on[filter] = true end
  native.catch(on.all and "all" or on.uncaught and "uncaught" or "off")
  return {}
end

local function thread_name(number)
  return number == 1 and "action" or ("coroutine %d"):format(number)
end

function handlers.threads()
  local list = json.array {}
  for index, entry in ipairs(session.threads()) do
    list[index] = { id = entry.number, name = thread_name(entry.number) }
  end
  if #list == 0 then list[1] = { id = 1, name = thread_name(1) } end
  return { threads = list }
end

local function thread_of(number)
  for thread, known in pairs(native.threads()) do
    if known == number then return thread end
  end
end

local function number_of(thread)
  return native.threads()[thread] or 1
end

local function frame_of(arguments)
  local id = arguments.frameId
  return id and editor.frames[id]
end

local function describe_frame(frame)
  local described = { id = #editor.frames, name = frame.name, line = 0, column = 0 }
  if frame.is_lua and frame.source:sub(1, 1) == "@" then
    described.source = requests.source(sources.of_chunk(frame.source))
    described.line = frame.line + editor.first_line - 1
    described.column = editor.first_column
  else
    described.presentationHint = "subtle"
  end
  if frame.source:sub(1, 7) == "@bosun/" then described.presentationHint = "subtle" end
  return described
end

function handlers.stackTrace(arguments)
  local stop = session.stop
  if not stop then return nil, NOT_STOPPED end
  local thread = thread_of(arguments.threadId)
  if not thread then return nil, ("there is no thread %s"):format(tostring(arguments.threadId)) end
  local base = frames.first_level(thread, thread == stop.thread and stop.skip or 0)
  local first = math.type(arguments.startFrame) == "integer" and arguments.startFrame or 0
  local count = math.type(arguments.levels) == "integer" and arguments.levels > 0 and arguments.levels or nil
  local list = json.array {}
  for index, frame in ipairs(frames.list(thread, base + first, count)) do
    table.insert(editor.frames, frame)
    list[index] = describe_frame(frame)
  end
  return { stackFrames = list, totalFrames = native.depth(thread) - base }
end

function handlers.scopes(arguments)
  local frame = frame_of(arguments)
  if not frame then return nil, NOT_STOPPED end
  return { scopes = json.array(editor.variables:scopes(frame)) }
end

function handlers.variables(arguments)
  local list = editor.variables:children(arguments.variablesReference, arguments.filter, arguments.start,
    arguments.count)
  if not list then return nil, "these variables are no longer valid: the action has gone on since" end
  return { variables = json.array(list) }
end

--- The frame of a scope's or value's reference does not matter to what an expression means: the newest frame's names.
local function any_frame()
  local stop = session.stop
  return stop and (editor.frames[1] or frames.top(stop.thread, stop.skip))
end

function handlers.setVariable(arguments)
  local node = editor.variables.nodes[arguments.variablesReference]
  if not session.stop then return nil, NOT_STOPPED end
  local results, problem = frames.evaluate(node and node.frame or any_frame(), tostring(arguments.value))
  if not results then return nil, problem end
  local done, why = editor.variables:set(arguments.variablesReference, tostring(arguments.name), results[1])
  if not done then return nil, why end
  return editor.variables:describe(nil, results[1])
end

function handlers.evaluate(arguments)
  local frame = frame_of(arguments) or any_frame()
  if not session.stop then return nil, NOT_STOPPED end
  local results, problem = frames.evaluate(frame, tostring(arguments.expression))
  if not results then return nil, problem end
  local described = editor.variables:describe(nil, results[1])
  local texts = {}
  for index = 1, results.n do texts[index] = values.text(results[index], 100000) end
  described.result = table.concat(texts, ", ")
  described.value, described.name = nil, nil
  return described
end

function handlers.completions(arguments)
  local text = tostring(arguments.text)
  local column = math.type(arguments.column) == "integer" and arguments.column - editor.first_column or #text
  local found = complete(frame_of(arguments) or any_frame(), text:sub(1, column))
  return { targets = json.array(found) }
end

function handlers.exceptionInfo()
  local stop = session.stop
  if not stop or stop.reason ~= "exception" then return nil, "the action is not stopped at an error" end
  local text = frames.message_of(stop.error)
  return { exceptionId = type(stop.error) == "table" and stop.error.code or "error", description = text,
    breakMode = stop.caught and "always" or "unhandled",
    details = { message = text, typeName = type(stop.error),
      stackTrace = debug.traceback(stop.thread, nil, stop.skip) } }
end

local function go(set)
  return function(arguments)
    if not session.stop then return nil, NOT_STOPPED end
    set(thread_of(arguments.threadId))
    return {}, nil, function() editor.going = true end
  end
end

handlers.stepIn = go(session.step_in)
handlers.next = go(function(thread) session.step_over(thread == session.stop.thread and thread or nil) end)
handlers.stepOut = go(function() session.step_out() end)

handlers["continue"] = function()
  if not session.stop then return nil, NOT_STOPPED end
  session.continue()
  return { allThreadsContinued = true }, nil, function() editor.going = true end
end

function handlers.pause()
  if not session.stop then native.pause(true) end
  return {}
end

function handlers.loadedSources()
  local list = json.array {}
  for name in pairs(sources.loaded) do list[#list + 1] = requests.source(name) end
  table.sort(list, function(a, b) return a.path < b.path end)
  return { sources = list }
end

function handlers.source(arguments)
  local name = by_number[arguments.sourceReference] or name_of_source(arguments.source)
  if not name then return nil, "there is no such source" end
  local text, problem = sources.text(name)
  if not text then return nil, problem end
  return { content = text, mimeType = "text/x-lua" }
end

--- Whoever has started the action ends it; here, the editor only goes.
handlers.disconnect = function() return {}, nil, function() editor:leave() end end

function handlers.terminate()
  return {}, nil, function()
    native.cancel()
    editor.going = true
  end
end

--- Tells the editor where the action is.
function editor:stopped(stop)
  local ids = json.array {}
  for index, point in ipairs(stop.points) do ids[index] = point.id end
  local reason = stop.reason
  if stop.points[1] and stop.points[1].func then reason = "function breakpoint" end
  self:event("stopped", { reason = reason, threadId = number_of(stop.thread), allThreadsStopped = true,
    hitBreakpointIds = #ids > 0 and ids or nil,
    text = reason == "exception" and frames.message_of(stop.error) or nil,
    description = reason == "exception" and "Paused at an error" or nil })
end

return requests
