--- Internal: the output of containers: their logs, and commands that run in them.

---@class bosun.docker.Engine
local Engine = require "bosun.docker.engine"

local collect = require "bosun.collect"
local effect = require "bosun.effect"
local errors = require "bosun.docker.errors"
local frames = require "bosun.docker.frames"
local json = require "bosun.json"
local lines = require "bosun.lines"
local list_problem = require("bosun.native.list").problem
local options_of = require("bosun.options").check
local tables = require "bosun.tables"
local time = require "bosun.time"
local wait = require "bosun.wait"

local MOST_OUTPUT = 16 * 1024 * 1024

local LOG = {
  tail = "integer|string", stdout = "boolean", stderr = "boolean", since = "seconds", timestamps = "boolean",
  max_bytes = "integer", timeout = "timeout",
}
local EXEC = { timeout = "timeout", env = "table", user = "string", workdir = "string", max_output = "integer" }

---@class bosun.docker.LogOptions
---@field tail? integer|"all" how many lines from the end; default for logs 20, for follow_logs "all"
---@field stdout? boolean default true
---@field stderr? boolean default true
---@field since? integer|number seconds since the epoch
---@field timestamps? boolean each line begins with its time
---@field max_bytes? integer for logs: how many bytes to keep, from the end; default 1 MiB
---@field timeout? number seconds; default for logs: the engine's, for follow_logs: until the action's deadline

--- A sink for output, which removes the frames; with a TTY there are none.
local function output_sink(tty, emit)
  if tty then
    return function(bytes) return emit("stdout", bytes) end
  end
  local more = true
  local decoder = frames.decoder(function(stream, bytes)
    if more and bytes ~= "" then more = emit(stream, bytes) ~= false end
  end)
  return function(bytes)
    decoder:feed(bytes)
    return more
  end
end

local function log_query(options, follow, tail)
  return {
    follow = follow, stdout = options.stdout ~= false, stderr = options.stderr ~= false,
    tail = tostring(options.tail or tail), since = options.since, timestamps = options.timestamps == true,
  }
end

--- Reads a container's log with `emit(stream, bytes)`, until that returns false.
local function read_log(engine, id, what, query, timeout, emit)
  local path, err = engine:_path("containers", id, "logs")
  if not path then return nil, err end
  local container
  container, err = engine:inspect_container(id)
  if not container then return nil, err end
  local tty = type(container.Config) == "table" and container.Config.Tty == true
  local ok
  ok, err = engine:_do("GET", path, { what = what, query = query, timeout = timeout, sink = output_sink(tty, emit) })
  return ok, err
end

--- A container's log, with standard output and error in order.
---@param id string
---@param options? bosun.docker.LogOptions
---@return string|nil text
---@return bosun.docker.Error|nil err
function Engine:logs(id, options)
  options = options_of("engine:logs", options, LOG)
  local add, text = collect.tail(options.max_bytes or 1024 * 1024)
  local ok, err = read_log(self, id, "read the log of container " .. self:_short(id), log_query(options, false, 20),
    options.timeout, function(_, bytes) add(bytes) end)
  if not ok then return nil, err end
  return text()
end

--- Calls `on_line` for each line that a container writes, until the container ends or `on_line` returns false.
---@param id string
---@param on_line fun(line: string, stream: "stdout"|"stderr"): boolean?
---@param options? bosun.docker.LogOptions
---@return true|nil ok
---@return bosun.docker.Error|nil err
function Engine:follow_logs(id, on_line, options)
  options = options_of("engine:follow_logs", options, LOG)
  local add, flush, stopped = {}, {}, false
  for _, stream in ipairs { "stdout", "stderr" } do
    add[stream], flush[stream] = lines.splitter(function(line)
      stopped = stopped or on_line(line, stream) == false
      return not stopped
    end)
  end
  local ok, err = read_log(self, id, "follow the log of container " .. self:_short(id), log_query(options, true, "all"),
    options.timeout or false, function(stream, bytes) return add[stream](bytes) end)
  if not stopped and flush.stdout() then flush.stderr() end
  if not ok then return nil, err end
  return true
end

---@class bosun.docker.ExecOptions
---@field timeout? number seconds, default 30. A command that takes longer keeps running in the container
---@field env? table<string, string>
---@field user? string
---@field workdir? string
---@field max_output? integer how many bytes to keep of each stream, default 16 MiB

local function create_exec(engine, id, argv, options, what)
  local path, problem = engine:_path("containers", id, "exec")
  if not path then return nil, problem end
  local answer, err = engine:_ask("POST", path, {
    what = what,
    json = {
      AttachStdin = false, AttachStdout = true, AttachStderr = true, Tty = false, Cmd = json.array(argv),
      Env = json.array(tables.assignments(options.env or {})), User = options.user, WorkingDir = options.workdir,
    },
  })
  if answer then return answer.Id end
  if err.code == "engine" then
    local state = engine:_state(id)
    if state and not state.Running then err.code = "conflict" end
  end
  return nil, err
end

--- The exit status of a command whose output has ended; the engine may notice its end a moment later.
local function exit_status(engine, exec, what, seconds)
  local failure
  local state, err = wait.poll(function()
    local state, problem = engine:_ask("GET", "/exec/" .. exec .. "/json", { what = what })
    failure = problem
    return failure or not state.Running and state, "still running"
  end, { interval = 0.02, backoff = 1.5, timeout = seconds, what = "its exit status" })
  if failure then return nil, failure end
  if state then return math.type(state.ExitCode) == "integer" and state.ExitCode or -1 end
  return nil, errors.wrap(err, what)
end

local function late(what, seconds)
  return errors.new {
    code = "timeout",
    message = ("%s: did not finish within %g s; it keeps running in the container"):format(what, seconds),
  }
end

---@class bosun.docker.ExecResult
---@field code integer exit status
---@field stdout string
---@field stderr string

--- Runs a command in a running container, and waits for its end.
---@param id string
---@param argv string[] the program and its arguments; no shell
---@param options? bosun.docker.ExecOptions
---@return bosun.docker.ExecResult|nil result with any exit status; 0 without output in a dry run
---@return bosun.docker.Error|nil err code "conflict": the container does not run; "timeout"
function Engine:exec(id, argv, options)
  options = options_of("engine:exec", options, EXEC)
  local problem = list_problem(argv) or type(argv[1]) ~= "string" and "item 1 is not a string"
  if problem then error("engine:exec: expected a list of a program and its arguments, but " .. problem, 2) end
  local seconds, limit = options.timeout or 30, options.max_output or MOST_OUTPUT
  local where = " in container " .. self:_short(id)
  local what = "run " .. argv[1] .. where
  if not effect.begin("docker.exec", table.concat(argv, " ") .. where) then
    return { code = 0, stdout = "", stderr = "" }
  end
  local started = time.monotonic()
  local exec, err = create_exec(self, id, argv, options, what)
  if not exec then return nil, err end
  local add, text = {}, {}
  for _, stream in ipairs { "stdout", "stderr" } do add[stream], text[stream] = collect.head(limit) end
  local ok
  ok, err = self:_do("POST", "/exec/" .. exec .. "/start", {
    what = what, json = { Detach = false, Tty = false }, timeout = seconds,
    sink = output_sink(false, function(stream, bytes) add[stream](bytes) end),
  })
  if not ok then return nil, err.code == "timeout" and late(what, seconds) or err end
  local code
  code, err = exit_status(self, exec, what, math.max(1, seconds - (time.monotonic() - started)))
  if not code then return nil, err.code == "timeout" and late(what, seconds) or err end
  return { code = code, stdout = text.stdout(), stderr = text.stderr() }
end

return Engine
