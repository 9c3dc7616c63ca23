--- Internal: runs prepared requests over one client, several at once, with their retries. C moves the bytes. Functions
--- of the plugin run here, between the steps of C, and can therefore raise, yield and make requests.

local errors = require "bosun.error"
local native = require "bosun.native.http"
local response = require "bosun.http.response"
local retry = require "bosun.http.retry"
local time = require "bosun.time"
local urls = require "bosun.url"

local driver = {}

--- Begins an attempt: its clock, and the span that it is in the trace of the action.
---@param job table
function driver.begin_span(job)
  job.started = time.monotonic()
  job.span, job.native.traceparent = native.span()
  if job.untraced then job.native.traceparent = nil end
end

--- What OpenTelemetry's conventions have for a request, as a list of names and values.
local function details_of(job, result)
  local details = { "http.request.method", job.native.method, "url.full", job.native.shown_url }
  local function add(name, value)
    if value then table.move({ name, value }, 1, 2, #details + 1, details) end
  end
  local parts = urls.parse(job.native.shown_url)
  if parts then
    add("server.address", job.native.unix_socket or parts.host)
    if not job.native.unix_socket then add("server.port", parts.port or (parts.scheme == "https" and 443 or 80)) end
  end
  add("http.response.status_code", result.status)
  if job.attempt > 1 then add("http.request.resend_count", job.attempt - 1) end
  return details
end

--- One event of the trace. result: a response, or an error.
---@param job table
---@param op string
---@param outcome string
---@param result table
function driver.trace(job, op, outcome, result)
  if not native.traces() then return end
  local code = result.code or result.status >= 400 and tostring(result.status) or nil
  native.trace(op, job.label, job.started, outcome, job.span, code, details_of(job, result))
end

--- One event of the trace for each attempt: its outcome, and what follows.
local function trace(job, resp, err, follows)
  if not native.traces() then return end
  local outcome = err and tostring(err) or ("%d, %d bytes"):format(resp.status, resp.received)
  if job.attempt > 1 or follows then outcome = ("%s, attempt %d%s"):format(outcome, job.attempt, follows or "") end
  driver.trace(job, "http." .. job.native.method:lower(), outcome, err or resp)
end

local function end_job(job, resp, err)
  if job.transfer then job.transfer:close() end
  job.transfer, job.response, job.err, job.ended = nil, resp, err, true
  trace(job, resp, err)
end

--- Schedules another attempt of the job after its reply or error. False: it has no more attempts, or no time for one.
local function retry_later(job, reply, err)
  local pause = retry.pause(job, reply, err)
  if not pause then return false end
  trace(job, reply, err, (", the next in %.3g s"):format(pause))
  job.transfer:close()
  job.transfer = nil
  job.not_before = time.monotonic() + pause
  return true
end

--- Passes bytes of the source to the transfer. Returns true, or nil and the error of the source.
local function feed(job)
  while job.source and job.transfer:wants() do
    local bytes, err = job.source()
    if bytes == nil and err ~= nil then return nil, err end
    if bytes ~= nil and type(bytes) ~= "string" then
      error(("the source of %s returned a %s; expected bytes, or nil at the end"):format(job.label, type(bytes)), 0)
    end
    local ok, problem = true, nil
    if bytes ~= "" then ok, problem = job.transfer:give(bytes) end
    if not ok then return nil, problem end
  end
  return true
end

local function next_piece(job, last)
  if job.on_line then return job.transfer:line(last) end
  return job.transfer:take()
end

--- Passes received bytes to the plugin. True; false: the plugin stops the transfer; nil and an error.
local function deliver(job, last)
  local consume = job.on_line or job.sink
  while consume do
    local piece, err = next_piece(job, last)
    if err then return nil, errors.wrap(err, job.label) end
    if not piece then break end
    job.delivered = true
    job.so_far = job.so_far or response.new(job.transfer:reply(), job)
    local keep, failure = consume(piece, job.so_far)
    if keep == nil and failure ~= nil then return nil, failure end
    if keep == false then return false end
  end
  return true
end

local function stop(job)
  local resp = response.new(job.transfer:reply(), job)
  resp.stopped = true
  end_job(job, resp)
end

--- Handles the end of a transfer: a reply, another attempt, or an error.
local function finish(job)
  local reply, err = job.transfer:finish()
  if not reply then
    return retry_later(job, nil, err) or end_job(job, nil, err)
  end
  local ok, problem = deliver(job, true)
  if ok == nil then return end_job(job, nil, problem) end
  if not retry_later(job, reply) then
    local resp = response.new(reply, job)
    resp.stopped = not ok
    end_job(job, resp)
  end
end

--- Moves the job on as far as its transfer is ready.
local function advance(job)
  if not job.calls then return job.transfer:done() and finish(job) end
  local ok, err = feed(job)
  if not ok then return end_job(job, nil, err) end
  local more, problem = deliver(job, false)
  if more == nil then return end_job(job, nil, problem) end
  if more == false then return stop(job) end
  if job.transfer:done() then finish(job) end
end

--- True: send the request. In a dry run, a change is added to the plan instead, and the job ends with a made-up
--- response.
local function permitted(job)
  if not job.changes then return true end
  local where = job.native.sink_path
  local text = job.native.shown_url .. (where and " -> " .. where or "")
  if native.effect("http." .. job.native.method:lower(), text) then return true end
  end_job(job, response.planned(job))
  return false
end

local function start(run, job)
  job.attempt, job.so_far = job.attempt + 1, nil
  driver.begin_span(job)
  if not permitted(job) then return end
  local transfer, err = run.client:start(job.native)
  if not transfer then return end_job(job, nil, err) end
  job.transfer = transfer
  run.active[#run.active + 1] = job
end

--- Starts due retries, then the next jobs of the list, up to the limit.
local function start_some(run)
  local now = time.monotonic()
  for i = #run.delayed, 1, -1 do
    if #run.active < run.concurrency and run.delayed[i].not_before <= now then
      start(run, table.remove(run.delayed, i))
    end
  end
  while #run.active < run.concurrency and run.next <= #run.jobs do
    run.next = run.next + 1
    start(run, run.jobs[run.next - 1])
  end
end

--- Seconds until the first retry may start, or nil.
local function next_start(run)
  local first
  for _, job in ipairs(run.delayed) do first = math.min(first or math.huge, job.not_before) end
  return first and math.max(0, first - time.monotonic())
end

--- A request made by a function of the plugin moves all transfers of the client.
local function has_moved(run)
  if not run.calls then return false end
  for _, job in ipairs(run.active) do
    if job.transfer:ready() then return true end
  end
  return false
end

local function wait(run)
  local seconds = next_start(run)
  if #run.active == 0 then return time.sleep(seconds) end
  if has_moved(run) then return true end
  return run.client:step(seconds)
end

local function advance_all(run)
  local active = run.active
  run.active = {}
  for _, job in ipairs(active) do
    if job.transfer then advance(job) end
    if job.transfer then
      run.active[#run.active + 1] = job
    elseif not job.ended then
      run.delayed[#run.delayed + 1] = job
    end
  end
end

--- Ends all jobs: the action is cancelled, or past its deadline.
local function end_all(run, err)
  for _, job in ipairs(run.jobs) do
    job.started = job.started or time.monotonic()
    if not job.ended then end_job(job, nil, errors.wrap(err, job.label)) end
  end
end

--- Closes all transfers when a function of the plugin raises.
local CLOSES_TRANSFERS = {
  __close = function(run)
    for _, job in ipairs(run.jobs) do
      if job.transfer then job.transfer:close() end
    end
  end,
}

--- Runs all jobs to their end. Each then has `response` or `err`. Errors that a function of the plugin raises pass
--- through.
---@param client userdata of bosun.native.http
---@param jobs table[] from request.prepare
---@param concurrency integer the most jobs at once
function driver.run(client, jobs, concurrency)
  local run <close> = setmetatable(
    { client = client, jobs = jobs, concurrency = concurrency, active = {}, delayed = {}, next = 1 }, CLOSES_TRANSFERS)
  for _, job in ipairs(jobs) do
    job.attempt = 0
    job.calls = job.source or job.sink or job.on_line
    run.calls = run.calls or job.calls
  end
  while true do
    advance_all(run)
    start_some(run)
    if #run.active == 0 and #run.delayed == 0 then return end
    local ok, err = wait(run)
    if not ok then return end_all(run, err) end
  end
end

return driver
