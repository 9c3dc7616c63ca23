--- Trying again what failed, with pauses that grow, never past the action's deadline.

local check_options = require("bosun.options").check
local time = require "bosun.time"

local retry = {}

local LONGEST_PAUSE = 30

---@class bosun.retry.Options
---@field max? integer how often at most, the first time counted; default 3
---@field backoff? number|fun(attempt: integer): number seconds before the second attempt, twice as many before each
---further one, up to 30; each pause is that long or up to a half shorter, at random. A function says all pauses itself.
---Default 0.5
---@field deadline? number seconds for all of it: no attempt begins later; default: as long as the action has
---@field on? string[]|fun(err: any, attempt: integer): boolean what is worth another attempt: codes of errors, or a
---function that says so; default: everything. The end of the action, "deadline" and "cancelled", never is

local KNOWN = { max = "positive", backoff = "seconds|function", deadline = "limit", on = "table|function" }

local function code_of(err)
  return type(err) == "table" and err.code or nil
end

local function is_worth(on, err, attempt)
  local code = code_of(err)
  if code == "cancelled" or code == "deadline" then return false end
  if on == nil then return true end
  if type(on) == "function" then return on(err, attempt) end
  for _, wanted in ipairs(on) do
    if code == wanted then return true end
  end
  return false
end

local function pause_after(attempt, backoff)
  if type(backoff) == "function" then return math.max(0, backoff(attempt)) end
  local longest = math.min(math.max(LONGEST_PAUSE, backoff), backoff * 2.0 ^ (attempt - 1))
  return longest * (1 - math.random() / 2)
end

--- Seconds that are left, of the two limits the nearer one.
local function seconds_left(until_time)
  local action = time.deadline() or math.huge
  return math.min(action, until_time - time.monotonic())
end

--- Calls `fn(attempt)` until it returns something that is neither nil nor false, and returns all it returned. When no
--- attempt is left, or time has run out, or the failure is not worth another attempt, what the last one returned. An
--- error that is raised is no failure to be tried again: it passes through.
---
---     local response, err = retry.run(function() return http.get(url) end, { max = 5, on = { "ECONNREFUSED" } })
---
---@param fn fun(attempt: integer): ...
---@param options? bosun.retry.Options
---@return any ... what the last call of fn returned
function retry.run(fn, options)
  options = check_options("retry.run", options, KNOWN)
  local until_time = time.monotonic() + (options.deadline or math.huge)
  for attempt = 1, math.huge do
    local results = table.pack(fn(attempt))
    local pause = pause_after(attempt, options.backoff or 0.5)
    if results[1] or attempt >= (options.max or 3) or not is_worth(options.on, results[2], attempt)
      or pause >= seconds_left(until_time) or not time.sleep(pause) then
      return table.unpack(results, 1, results.n)
    end
  end
end

return retry
