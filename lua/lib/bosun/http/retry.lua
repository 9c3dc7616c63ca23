--- Internal: whether a request is tried again, and when.

local check = require "bosun.http.check"
local time = require "bosun.time"

local retry = {}

local RETRY = { max = "count", backoff = "seconds", max_wait = "seconds", on = "list", any_method = "boolean" }
local RETRY_ON = {
  429, 502, 503, 504, "dns", "connect", "closed", "timeout", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED",
  "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "EPIPE",
}

--- The option `retry`, checked and with its defaults; nil: no retries.
---@param options? bosun.http.Retry
---@param is_idempotent boolean the method can be done twice without harm
function retry.make(options, is_idempotent)
  if not options then return nil end
  check.options(options, RETRY, "retry.")
  local on = {}
  for _, item in ipairs(options.on or RETRY_ON) do on[item] = true end
  on.cancelled, on.deadline = nil, nil
  return {
    max = options.max or 3, backoff = options.backoff or 0.5, max_wait = options.max_wait or 60, on = on,
    allowed = is_idempotent or options.any_method or false,
  }
end

--- Is the outcome of an attempt one that the policy names?
local function is_named(policy, reply, err)
  if not reply then return policy.on[err.code] end
  return policy.on[reply.status] or policy.on.retry_after and reply.status >= 500 and reply.retry_after > 0
end

local function may_retry(job, reply, err)
  local policy = job.retry
  return policy and policy.allowed and job.attempt <= policy.max and is_named(policy, reply, err)
    and not job.delivered and not job.source
end

--- Seconds until the next attempt of a job: what the server asks for, or a random pause that doubles each time. nil: it
--- has no more attempts, or no time for one.
---@param job table
---@param reply? table
---@param err? bosun.Error
---@return number|nil
function retry.pause(job, reply, err)
  if not may_retry(job, reply, err) then return nil end
  local policy = job.retry
  local pause = policy.backoff * 2 ^ (job.attempt - 1) * (0.75 + math.random() / 2)
  if reply and reply.retry_after > 0 then pause = reply.retry_after end
  pause = math.min(pause, policy.max_wait)
  local left = time.deadline()
  return (not left or pause < left) and pause or nil
end

return retry
