--- Retries: repeats a call that failed, with growing pauses, until the deadline of the action.

local check_options = require("bosun.options").check
local time = require "bosun.time"

local retry = {}

local LONGEST_PAUSE = 30

---@class bosun.retry.Options
---@field max? integer the most attempts, including the first; default 3
---@field backoff? number|fun(attempt: integer): number seconds before the second attempt, doubled for each further one
---up to 30; each pause is up to a half shorter, at random. A function returns each pause. Default 0.5
---@field deadline? number seconds for all attempts together, after which a wait in fn ends with the code "timeout";
---default: until the deadline of the action
---@field on? string[]|fun(err: any, attempt: integer): boolean the failures to retry: codes of errors, or a function;
---default: all. "deadline" and "cancelled", the end of the action, are never retried

local KNOWN = { max = "positive", backoff = "seconds|function", deadline = "timeout", on = "list|function" }

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

--- Calls `fn(attempt)` until its first result is neither nil nor false. Returns all results of the last call, also when
--- it stops trying: after `max` attempts, when time is up, or after a failure that `on` does not name. An error that fn
--- raises is not retried.
---
---     local response, err = retry.run(function() return http.get(url) end, { max = 5, on = { "ECONNREFUSED" } })
---
---@param fn fun(attempt: integer): ...
---@param options? bosun.retry.Options
---@return any ... the results of the last call
function retry.run(fn, options)
  options = check_options("retry.run", options, KNOWN)
  local limit <close> = options.deadline and time.limit(options.deadline) -- luacheck: ignore
  for attempt = 1, math.huge do
    local results = table.pack(fn(attempt))
    local pause = pause_after(attempt, options.backoff or 0.5)
    if results[1] or attempt >= (options.max or 3) or not is_worth(options.on, results[2], attempt)
      or pause >= (time.deadline() or math.huge) or not time.sleep(pause) then
      return table.unpack(results, 1, results.n)
    end
  end
end

return retry
