--- Waits for a condition by polling.

local check_options = require("bosun.options").check
local effect = require "bosun.effect"
local errors = require "bosun.error"
local time = require "bosun.time"

local wait = {}

---@class bosun.wait.Options
---@field interval? number seconds between two calls; default 1
---@field timeout? number seconds, default 60, for everything: a request, program or wait in fn ends then, too, with the
---code "timeout". 0: fn is called once, and has the time it takes
---@field backoff? number multiplies the interval after each call, up to 30 s; default 1
---@field what? string the condition, for the message: "the health check of d1"
---@field dry_run? any the result in a dry run, which calls fn only once, if the condition is not met; default true

local KNOWN = { interval = "seconds", timeout = "limit", backoff = "amount", what = "string", dry_run = "any" }
local LONGEST_INTERVAL = 30

local function text_of(last)
  if last == nil then return "" end
  return ": " .. (type(last) == "table" and last.message or tostring(last))
end

local function failure(code, why, options, last)
  return errors.new {
    code = code,
    op = "wait.poll",
    message = ("waiting for %s: %s%s"):format(options.what or "a condition", why, text_of(last)),
    last = last,
  }
end

local REASONS = {
  cancelled = "the action is cancelled", deadline = "the action's time is up",
  timeout = "the time limit of the call around it has passed",
}

--- Waits before the next call, the last of which is made when time is up. Returns the code of the failure and its cause
--- when there is no time for one.
local function pause(interval, limit, timeout)
  local left = limit and limit:left() or 0
  if left <= 0 then return "timeout", ("not within %.4g s"):format(timeout) end
  local ok, err = time.sleep(math.min(interval, left))
  if ok or err.code == "timeout" and limit:left() <= 0 then return nil end
  return err.code, REASONS[err.code]
end

--- The reason to report: a call that was cut short by the limit says less than the one before it.
local function reason_of(before, last, limit)
  local cut_short = type(last) == "table" and last.code == "timeout" and limit and limit:left() <= 0
  return cut_short and before ~= nil and before or last
end

--- Calls `fn(attempt)` until its first result is neither nil nor false, and returns all its results. The second result
--- after nil or false is the reason, and the error has the last one. To give up at once, raise an error in fn.
---
---     local response, err = wait.poll(function()
---       local response, err = http.get(health_url)
---       if not response then return nil, err end
---       return response.ok and response, "HTTP status " .. response.status
---     end, { timeout = 30, what = "the model server" })
---
---@param fn fun(attempt: integer): any, any
---@param options? bosun.wait.Options
---@return any|nil value the results of fn
---@return bosun.Error|nil err code "timeout", "deadline" or "cancelled"; `err.last` is the last reason
function wait.poll(fn, options)
  options = check_options("wait.poll", options, KNOWN)
  local timeout, interval, reason = options.timeout or 60, options.interval or 1, nil
  local limit <close> = timeout > 0 and time.limit(timeout) or nil
  for attempt = 1, math.huge do
    local results = table.pack(fn(attempt))
    if results[1] then return table.unpack(results, 1, results.n) end
    if effect.dry_run() then
      if options.dry_run == nil then return true end
      return options.dry_run
    end
    reason = reason_of(reason, results[2], limit)
    local code, why = pause(interval, limit, timeout)
    if code then return nil, failure(code, why, options, reason) end
    interval = math.min(interval * (options.backoff or 1), math.max(LONGEST_INTERVAL, options.interval or 1))
  end
end

local LONGEST_RESERVE = 20

--- How many seconds a wait may take whose failure is to be undone: up to `longest`, with time left before the action's
--- deadline: a quarter of what is left, or 20 s.
---
---     local healthy, err = wait.poll(check, { timeout = wait.budget(60), what = "the server" })
---     if not healthy then undo() end
---
---@param longest number
---@return number seconds
function wait.budget(longest)
  local left = time.deadline()
  if not left then return longest end
  return math.max(0, math.min(longest, left - math.min(LONGEST_RESERVE, left / 4)))
end

return wait
