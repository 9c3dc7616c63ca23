-- Limits of time: what is a valid one, everywhere; and one around a part of an action, which reaches everything that
-- waits in it. What a limit does not reach waits until the runner's own timeout, which fails the test.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local web = require "web"

describe("a limit of time", function()
  local workspace, bad

  setup(function()
    workspace = Workspace.new()
    bad = web.bad(workspace)
  end)

  teardown(function()
    bad.handle:close()
    workspace:remove()
  end)

  local function eval(code)
    local head = ([[
      local fs, http, process = require "bosun.fs", require "bosun.http", require "bosun.process"
      local retry, time, wait = require "bosun.retry", require "bosun.time", require "bosun.wait"
      local root, bad = %q, %q
    ]]):format(workspace.root, bad.url)
    return workspace:eval(head .. code, { args = { "--timeout", "50" } })
  end

  describe("has to be a number of seconds:", function()
    --- What each call says about -1, NaN and -math.huge, with "%s" for the value.
    local CALLS = {
      ['process.run({ "true" }, { timeout = %s })'] = "option timeout: expected more than 0 seconds, got ",
      ['process.spawn({ "true" }, { timeout = %s })'] = "option timeout: expected more than 0 seconds, got ",
      ['process.spawn({ "true" }):wait(%s)'] = "expected 0 or more seconds, got ",
      ['fs.lock(root .. "/lock", { timeout = %s })'] = "option timeout: expected 0 or more seconds, got ",
      ["http.get(bad, { timeout = %s })"] = "option timeout: expected more than 0 seconds, got ",
      ["http.client({ timeout = %s })"] = "option timeout: expected more than 0 seconds, got ",
      ["http.all({ { url = bad, timeout = %s } })"] = "option timeout: expected more than 0 seconds, got ",
      ["http.get(bad, { connect_timeout = %s })"] = "option connect_timeout: expected more than 0 seconds, got ",
      ["http.get(bad, { stall = %s })"] = "option stall: expected 0 or more seconds, got ",
      ["http.get(bad, { retry = { backoff = %s } })"] = "option retry.backoff: expected 0 or more seconds, got ",
      ["http.get(bad, { retry = { max_wait = %s } })"] = "option retry.max_wait: expected 0 or more seconds, got ",
      ['http.connect(bad .. "/upgrade", { upgrade = "x" }):recv({ timeout = %s })'] =
        "option timeout: expected 0 or more seconds, got ",
      ["wait.poll(print, { timeout = %s })"] = "option timeout: expected 0 or more seconds, got ",
      ["wait.poll(print, { interval = %s })"] = "option interval: expected 0 or more seconds, got ",
      ["wait.poll(print, { backoff = %s })"] = "option backoff: expected a number of 0 or more, got ",
      ["retry.run(print, { deadline = %s })"] = "option deadline: expected more than 0 seconds, got ",
      ["retry.run(print, { backoff = %s })"] = "option backoff: expected 0 or more seconds or a function, got ",
      ["time.sleep(%s)"] = "expected 0 or more seconds, got ",
      ["time.limit(%s)"] = "expected more than 0 seconds, got ",
      ['require("bosun.docker").connect({ timeout = %s })'] = "option timeout: expected more than 0 seconds, got ",
    }

    for call, words in pairs(CALLS) do
      it(call:format "…", function()
        for _, value in ipairs { "-1", "-0.001", "0/0", "-math.huge" } do
          local code = "local _, err = pcall(function() %s end) return tostring(err)"
          local message = eval(code:format(call:format(value)))
          local at, given = message:match "^(.-): ?.-got (.+)$"
          assert.is_truthy(at and message:find(words, 1, true), message)
          assert.is_truthy(tonumber(given:match "^[^)]+") or given:find "nan" or given:find "inf", message)
        end
      end)
    end

    it("0 only where it means something, math.huge where there may be no limit", function()
      assert.same({ true, "timeout", 1, true, "x", true, true, 200, true }, eval [[
        local function raises(fn, ...) return not pcall(fn, ...) end
        local held <close> = assert(fs.lock(root .. "/held", { timeout = math.huge }))
        local _, err = fs.lock(root .. "/held", { timeout = 0 })
        local calls = 0
        wait.poll(function() calls = calls + 1 end, { timeout = 0 })
        return { raises(process.run, { "true" }, { timeout = 0 }), err.code, calls,
          raises(http.get, bad, { timeout = 0 }),
          process.run({ "printf", "x" }, { timeout = 1e300 }).stdout, raises(time.sleep, math.huge),
          wait.poll(function() return true end, { timeout = math.huge }),
          http.get(bad .. "/echo", { timeout = math.huge, connect_timeout = 1e300 }).status,
          raises(wait.poll, print, { backoff = math.huge }) }
      ]])
    end)

    it("also in configs and as text", function()
      assert.same({ "invalid", "invalid", "invalid", 90 }, eval [[
        return { select(2, time.duration(-1)).code, select(2, time.duration(0/0)).code,
          select(2, time.duration "-5s").code, time.duration "1m30s" }
      ]])
    end)
  end)

  --- Code that waits for ever, by name.
  local WAITS = {
    request = 'return http.get(bad .. "/silent")',
    ["requests at once"] = [[
      local results = http.all { { url = bad .. "/silent" }, { url = bad .. "/stall" } }
      assert(results[1].err.code == results[2].err.code)
      return nil, results[1].err]],
    stream = 'return http.stream(bad .. "/trickle", function() end)',
    ["download"] = 'return http.get(bad .. "/trickle", { sink = root .. "/never" })',
    upgrade = 'return http.connect(bad .. "/silent", { upgrade = "x" })',
    ["received bytes"] = [[
      local connection <close> = assert(http.connect(bad .. "/upgrade", { upgrade = "x" }))
      connection:recv()
      return connection:recv()]],
    program = 'return process.run { "sleep", "1000" }',
    ["spawned program"] = [[
      local program <close> = assert(process.spawn { "sleep", "1000" })
      return program:wait()]],
    output = [[
      local program <close> = assert(process.spawn { "sleep", "1000" })
      return program:read()]],
    lock = [[
      local held <close> = assert(fs.lock(root .. "/lock"))
      return fs.lock(root .. "/lock")]],
    sleep = "return time.sleep(1000)",
    poll = "return wait.poll(function() end, { timeout = 1000, interval = 0.01 })",
    ["poll that sleeps long"] = "return wait.poll(function() end, { timeout = 1000, interval = 1000 })",
  }

  for name, code in pairs(WAITS) do
    it("reaches a " .. name, function()
      local seen = eval(([[
        local function forever() %s end
        local limit = time.limit(0.3)
        local ok, err = forever()
        local code, left, message = err.code, limit:left(), err.message
        limit:close()
        local polled, reason = wait.poll(forever, { timeout = 0.2, interval = 0.05, what = "it" })
        local tried, last = retry.run(forever, { deadline = 0.2, max = 100 })
        return { ok == nil, code, left, #fs.glob(root .. "/never*"), polled == nil, reason.code, tried == nil,
          last.code, reason.message, message, time.deadline() > 1 }
      ]]):format(code))
      assert.same({ true, "timeout", 0, 0, true, "timeout", true, "timeout" }, { table.unpack(seen, 1, 8) }, seen[10])
      assert.is_truthy(seen[9]:find("^waiting for it: not within 0.2 s: "), seen[9])
      assert.is_truthy(seen[10]:find("time limit of the call around it has passed", 1, true), seen[10])
      assert.is_true(seen[11])
    end)
  end

  it("is the nearest of several, and ends with its scope, by an error too", function()
    assert.same({ true, true, true, true, "timeout", true }, eval [[
      local outer <close> = time.limit(20)
      local within = {}
      do
        local inner <close> = time.limit(10)
        local longer <close> = time.limit(1000)
        within[1] = time.deadline() <= 10
      end
      within[2] = time.deadline() > 10 and time.deadline() <= 20
      pcall(function()
        local inner <close> = time.limit(0.001)
        error "broken"
      end)
      within[3] = time.sleep(0.01)
      time.limit(1e-9)
      collectgarbage()
      collectgarbage()
      within[4] = time.sleep(0)
      local inner <close> = time.limit(1e-9)
      within[5] = select(2, time.sleep(1000)).code
      inner:close()
      within[6] = time.sleep(0)
      return within
    ]])
  end)

  it("is for the coroutine that began it and what that resumes, not for others", function()
    assert.same({ "timeout", "timeout", true, "timeout", true }, eval [[
      local function code() local ok, err = time.sleep(0.02) return ok or err.code end
      local seen = {}
      local hurried = coroutine.wrap(function()
        local limit <close> = time.limit(0.001)
        time.sleep(1)
        seen[1] = code()
        seen[2] = coroutine.wrap(code)()
        coroutine.yield()
        seen[4] = code()
      end)
      hurried()
      seen[3] = code()
      hurried()
      seen[5] = code()
      coroutine.wrap(function() local limit = time.limit(0.001) coroutine.yield(limit) end)()
      collectgarbage()
      assert(code() == true)
      return seen
    ]])
  end)

  it("is not the action's: the code tells which has passed, and an action goes on after a limit", function()
    local plugin = workspace:plugin_file("limits", [[
      function P:pe_status()
        local time = require "bosun.time"
        do
          local limit <close> = time.limit(0.01)
          assert(select(2, time.sleep(1000)).code == "timeout")
        end
        if self.plugin_config.late then
          local limit <close> = time.limit(1000)
          local _, err = time.sleep(1000)
          assert(io.open(self.plugin_config.late, "w")):write(err.code):close()
        end
        return require("bosun.action_status").ActionStatusInfo.passing "done"
      end]])
    assert.equal("passing", workspace:act("pe_status", nil, { plugin = plugin }).status)
    local late = workspace:act("pe_status", nil, { args = { "--timeout", "1" }, plugin = plugin,
      config = { pluginConfig = { late = workspace:path "late" } } })
    assert.equal("failing", late.status)
    assert.equal("deadline", workspace:read "late")
  end)

  it("is the end of retries, too", function()
    assert.same({ "ECONNREFUSED", true }, eval [[
      local limit <close> = time.limit(0.2)
      local _, err = http.get("http://127.0.0.1:1/", { retry = { max = 1000000, backoff = 0.01 } })
      return { err.code, time.deadline() < 0.2 }
    ]])
  end)

  it("leaves the reason of the call before, not that of the one it cuts short", function()
    assert.same({ "timeout", "waiting for it: not within 0.3 s: HTTP status 418" }, eval [[
      local _, err = wait.poll(function(attempt)
        if attempt > 1 then return http.get(bad .. "/silent") end
        return nil, "HTTP status 418"
      end, { timeout = 0.3, interval = 0.01, what = "it" })
      return { err.code, err.message }
    ]])
  end)
end)
