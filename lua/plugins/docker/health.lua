--- How a container is, in words, and waiting until it is well.

local time = require "bosun.time"
local wait = require "bosun.wait"

local health = {}

local SHOWN_LINES = 10
local MOST_BYTES = 2000
local CRASHES = 3 -- restarts after which nobody waits any longer
local LONGEST_RESERVE = 20
local WORTH_WAITING = { starting = true, created = true, restarting = true }

--- A container's last lines, for a message; "" when there are none.
---@return string
function health.last_lines(context, id)
  local text = context.engine:logs(id, { tail = SHOWN_LINES })
  text = text and text:gsub("%s+$", "") or ""
  if text == "" then return "" end
  if #text > MOST_BYTES then text = "…" .. text:sub(-MOST_BYTES):gsub("^[\x80-\xBF]*", "") end
  return "; its last lines:\n" .. text
end

local function checks(state)
  return type(state.Health) == "table" and state.Health.Status ~= "" and state.Health.Status ~= "none"
    and state.Health.Status or nil
end

--- What the last health check said.
local function last_check(state)
  local log = type(state.Health.Log) == "table" and state.Health.Log or {}
  local last = log[#log]
  local output = last and tostring(last.Output or ""):gsub("%s+$", ""):sub(-300) or ""
  return output == "" and "" or (": " .. output)
end

--- Bytes; 0: it has no limit.
local function limit_of(inspected)
  return type(inspected.HostConfig) == "table" and math.tointeger(inspected.HostConfig.Memory) or 0
end

local function ended_text(state, limit)
  if state.OOMKilled then
    return ("it was killed for lack of memory%s: give the deployment more with keyValueConfig.memory"):format(
      limit > 0 and (" (its limit is %d MiB)"):format(limit // 2 ^ 20) or "")
  end
  local why = type(state.Error) == "string" and state.Error ~= "" and (": " .. state.Error) or ""
  return ("it ended with exit code %d%s"):format(state.ExitCode or -1, why)
end

--- Of one that runs. The engine calls one that was paused unhealthy until the next check.
local function judge_running(state)
  local check = checks(state)
  if check == "unhealthy" and state.Health.FailingStreak == 0 then
    return "starting", "its health has not been checked since it was paused"
  elseif check == "unhealthy" then
    return "unhealthy", "its health check fails" .. last_check(state)
  elseif check == "starting" then
    return "starting", "it does not answer its health check yet" .. last_check(state)
  end
  return "healthy", "it runs"
end

--- A container's state from inspecting it: "healthy", "starting", "unhealthy", "restarting", "paused", "ended",
--- "created"; and in words.
---@param inspected table
---@return string kind
---@return string text
function health.judge(inspected)
  local state, limit = inspected.State, limit_of(inspected)
  if state.Restarting then
    return "restarting", "it crashes again and again: " .. ended_text(state, limit)
  elseif state.Paused then
    return "paused", "it is paused"
  elseif state.Running then
    return judge_running(state)
  elseif state.Status == "created" then
    return "created", "it was created, but not started"
  end
  return "ended", ended_text(state, limit)
end

--- Podman runs no health checks where there is no systemd: whoever waits has to ask for them.
local function ask_podman(context, id, kind)
  if context.engine.kind ~= "podman" or kind ~= "starting" and kind ~= "unhealthy" then return nil end
  return context.engine:run_healthcheck(id)
end

--- Inspects a container and judges it. nil and the error when it cannot be had.
---@return { kind: string, text: string, inspected: table }|nil
---@return bosun.Error|nil err
function health.look(context, id)
  local inspected, err = context.engine:inspect_container(id)
  if not inspected then return nil, err end
  local kind, text = health.judge(inspected)
  if ask_podman(context, id, kind) == "healthy" then kind, text = "healthy", "it runs" end
  return { kind = kind, text = text, inspected = inspected }
end

--- Seconds that a wait may take, so that there is time left for undoing what it waited for.
---@param longest number
---@return number
function health.budget(longest)
  local left = time.deadline()
  if not left then return longest end
  return math.max(0, math.min(longest, left - math.min(LONGEST_RESERVE, left / 4)))
end

local function verdict(context, id)
  local now, err = health.look(context, id)
  if not now then
    if err.code == "not_found" then return { problem = "it was removed by somebody else" } end
    return nil, err.message
  end
  if now.kind == "healthy" then return {} end
  local restarts = now.inspected.RestartCount or 0
  local state = now.inspected.State
  -- Docker 20.10 leaves OOMKilled on a container that was started again.
  if state.OOMKilled and (restarts > 0 or not state.Running) then
    return { problem = ended_text(state, limit_of(now.inspected)) }
  end
  -- One that has just been started again says nothing of why it ended: the next look may.
  local most = now.kind == "starting" and 2 * CRASHES or CRASHES
  if WORTH_WAITING[now.kind] and restarts < most then return nil, now.text end
  return { problem = restarts > 0 and ("%s (%d restarts)"):format(now.text, restarts) or now.text }
end

--- Waits until a container is healthy, or, where it has no health check, runs. True; or nil and in words why not.
---@param context table
---@param id string
---@return true|nil ok
---@return string|nil problem
function health.wait(context, id)
  if context.dry_run then return true end
  local outcome, err = wait.poll(function() return verdict(context, id) end, {
    interval = 0.2, backoff = 1.3, timeout = health.budget(context.config.startTimeout), what = "the prediction server",
  })
  if not outcome then return nil, err.message end
  if outcome.problem then return nil, outcome.problem end
  return true
end

return health
