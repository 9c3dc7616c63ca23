--- The state of a container, in words, and waiting until it is healthy.

local errors = require "bosun.error"
local text = require "bosun.text"
local wait = require "bosun.wait"

local health = {}

local SHOWN_LINES = 10
local MOST_BYTES = 2000
local CRASHES = 3 -- restarts after which waiting is given up
local WORTH_WAITING = { starting = true, created = true, restarting = true }

--- The end of a container's log, for a message; "" when it is empty.
---@return string
function health.last_lines(context, id)
  local log = text.trimmed(context.engine:logs(id, { tail = SHOWN_LINES }) or "")
  return log == "" and "" or "; last lines of its log:\n" .. text.tail(log, MOST_BYTES)
end

local function checks(state)
  return type(state.Health) == "table" and state.Health.Status ~= "" and state.Health.Status ~= "none"
    and state.Health.Status or nil
end

--- The output of the last health check, for a message.
local function last_check(state)
  local log = type(state.Health.Log) == "table" and state.Health.Log or {}
  local last = log[#log]
  local output = last and text.tail(text.trimmed(tostring(last.Output or "")), 300) or ""
  return output == "" and "" or (": " .. output)
end

local function host_config(inspected)
  return type(inspected.HostConfig) == "table" and inspected.HostConfig or {}
end

--- The memory limit in bytes; 0: none.
local function limit_of(inspected)
  return math.tointeger(host_config(inspected).Memory) or 0
end

--- The name of a container's restart policy.
function health.restart_policy(inspected)
  local policy = host_config(inspected).RestartPolicy
  local name = type(policy) == "table" and policy.Name
  return type(name) == "string" and name ~= "" and name or "no"
end

local function ended_text(state, limit)
  if state.OOMKilled then
    return ("ran out of memory and was killed%s; raise keyValueConfig.memory"):format(
      limit > 0 and (" (its limit is %d MiB)"):format(limit // 2 ^ 20) or "")
  end
  local why = type(state.Error) == "string" and state.Error ~= "" and (": " .. state.Error) or ""
  return ("exited with code %d%s"):format(state.ExitCode or -1, why)
end

--- Judges a running container. After a pause, the engine calls it unhealthy until the next check.
local function judge_running(state)
  local check = checks(state)
  if check == "unhealthy" and state.Health.FailingStreak == 0 then
    return "starting", "not checked since it was paused"
  elseif check == "unhealthy" then
    return "unhealthy", "failing its health check" .. last_check(state)
  elseif check == "starting" then
    return "starting", "has not passed its health check yet" .. last_check(state)
  end
  return "healthy", "running"
end

--- Judges a container by what inspecting it returned.
---@param inspected table
---@return string kind "healthy", "starting", "unhealthy", "restarting", "paused", "ended" or "created"
---@return string words the same for people: "exited with code 1"
function health.judge(inspected)
  local state, limit = inspected.State, limit_of(inspected)
  if state.Restarting then
    return "restarting", "keeps crashing: " .. ended_text(state, limit)
  elseif state.Paused then
    return "paused", "paused"
  elseif state.Running then
    return judge_running(state)
  elseif state.Status == "created" then
    return "created", "created, but never started"
  end
  return "ended", ended_text(state, limit)
end

--- Without systemd, Podman runs no health checks: waiting for one means asking for it.
local function ask_podman(context, id, kind)
  if context.engine.kind ~= "podman" or kind ~= "starting" and kind ~= "unhealthy" then return nil end
  return context.engine:run_healthcheck(id)
end

--- Inspects a container and judges it.
---@return { kind: string, text: string, inspected: table }|nil
---@return bosun.Error|nil err
function health.look(context, id)
  local inspected, err = context.engine:inspect_container(id)
  if not inspected then return nil, err end
  local kind, words = health.judge(inspected)
  if ask_podman(context, id, kind) == "healthy" then kind, words = "healthy", "running" end
  return { kind = kind, text = words, inspected = inspected }
end

--- What a container is compared with later, to see whether it has run since then.
---@param inspected table
---@return { restarts: integer, started: string }
function health.mark(inspected)
  return { restarts = inspected.RestartCount or 0, started = inspected.State.StartedAt }
end

--- What went wrong with a container since the mark was taken; nil: it runs, and is as healthy as it was.
---@param context table
---@param id string
---@param mark { restarts: integer, started: string }
---@return string|nil problem
function health.trouble_since(context, id, mark)
  local now, err = health.look(context, id)
  if not now then return err.code == "not_found" and "it was removed by someone else" or nil end
  local since = health.mark(now.inspected)
  if since.restarts ~= mark.restarts or now.kind == "restarting" then
    local ended = now.inspected.State
    return ("it ended and was restarted: %s"):format(
      ended.OOMKilled and ended_text(ended, limit_of(now.inspected)) or now.text)
  end
  if now.kind ~= "healthy" then return now.text end
  return since.started ~= mark.started and "it was restarted" or nil
end

--- Is the wait for a container over? Without a health check it is once the container runs.
---@param context table
---@param id string
---@param memory table empty at first; keeps how the container last ended, which one that runs again does not say
---@return { problem?: string }|nil verdict over, with what went wrong; nil: not yet
---@return bosun.Error|string|nil reason
function health.verdict(context, id, memory)
  local now, err = health.look(context, id)
  if not now then
    if err.code == "not_found" then return { problem = "removed by someone else" } end
    return nil, err
  end
  if now.kind == "healthy" then return {} end
  local restarts = now.inspected.RestartCount or 0
  local state = now.inspected.State
  if now.kind == "restarting" or now.kind == "ended" then memory.ended = now.text end
  -- Docker 20.10 leaves OOMKilled on a container that was started again.
  if state.OOMKilled and (restarts > 0 or not state.Running) then
    return { problem = ended_text(state, limit_of(now.inspected)) }
  end
  -- A container that has just restarted does not say why it ended; the next look may.
  local most = now.kind == "starting" and 2 * CRASHES or CRASHES
  if WORTH_WAITING[now.kind] and restarts < most then return nil, memory.ended or now.text end
  return { problem = restarts > 0 and ("%s (%d restarts)"):format(now.text, restarts) or now.text }
end

--- Waits until a container is healthy or, without a health check, runs.
---@param context table
---@param id string
---@return true|nil ok
---@return string|nil problem
function health.wait(context, id)
  if context.dry_run then return true end
  local memory = {}
  local outcome, err = wait.poll(function() return health.verdict(context, id, memory) end, {
    interval = 0.2, backoff = 1.3, timeout = wait.budget(context.config.startTimeout), what = "the prediction server",
  })
  if not outcome then return nil, err end
  if outcome.problem then return nil, errors.new { code = "unhealthy", op = "wait", message = outcome.problem } end
  return true
end

return health
