--- Waiting for something to become true by asking again and again.

local check_options = require("bosun.options").check
local effect = require "bosun.effect"
local errors = require "bosun.error"
local time = require "bosun.time"

local wait = {}

---@class bosun.wait.Options
---@field interval? number seconds from the end of one question to the next; default 1
---@field timeout? number seconds; default 60, and never longer than the action has
---@field backoff? number the interval is multiplied by this after each question, up to 30 s; default 1
---@field what? string what is waited for, for the message: "the health check of d1"
---@field dry_run? any a dry run asks once, and when the answer is no returns this, since nobody made it come true;
---default true

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

--- Waits before the next question. When there will be none: the code of the failure, and why.
local function pause(interval, started, ends)
  local left = ends - time.monotonic()
  if left <= 0 then return "timeout", ("not within %.4g s"):format(ends - started) end
  local ok, err = time.sleep(math.min(interval, left)) -- the last question is asked when time is up
  if ok then return nil end
  return err.code, err.code == "deadline" and "the action's time is up" or "the action is cancelled"
end

--- Calls `fn(attempt)` until it returns something that is neither nil nor false, and returns all it returned. What else
--- it returns after nil or false is the reason, of which the last one ends up in the error. Raise to give up at once.
---
---     local response, err = wait.poll(function()
---       local response, err = http.get(health_url)
---       if not response then return nil, err end
---       return response.ok and response, "HTTP status " .. response.status
---     end, { timeout = 30, what = "the model server" })
---
---@param fn fun(attempt: integer): any, any
---@param options? bosun.wait.Options
---@return any|nil value what fn returned, all of it
---@return bosun.Error|nil err code "timeout", "deadline" or "cancelled"; `err.last` is what fn said last
function wait.poll(fn, options)
  options = check_options("wait.poll", options, KNOWN)
  local started = time.monotonic()
  local ends = started + (options.timeout or 60)
  local interval = options.interval or 1
  for attempt = 1, math.huge do
    local results = table.pack(fn(attempt))
    if results[1] then return table.unpack(results, 1, results.n) end
    if effect.dry_run() then
      if options.dry_run == nil then return true end
      return options.dry_run
    end
    local code, why = pause(interval, started, ends)
    if code then return nil, failure(code, why, options, results[2]) end
    interval = math.min(interval * (options.backoff or 1), math.max(LONGEST_INTERVAL, options.interval or 1))
  end
end

return wait
