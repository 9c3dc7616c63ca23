-- bosun.retry and bosun.wait: how often, how long, and what is said in the end.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.retry", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  local function eval(code, options)
    return workspace:eval([[
      local retry, time = require "bosun.retry", require "bosun.time"
      local calls = 0
      local function fails(code)
        return function() calls = calls + 1 return nil, { code = code, message = "failure " .. calls } end
      end
    ]] .. code, options)
  end

  it("returns all results of the first success", function()
    assert.same({ 3, "a", "b" }, eval [[
      local a, b = retry.run(function(attempt)
        calls = attempt
        if attempt == 3 then return "a", "b" end
      end, { backoff = 0 })
      return { calls, a, b }]])
  end)

  it("returns the last failure", function()
    assert.same({ 3, "failure 3" }, eval [[
      local _, err = retry.run(fails "x", { backoff = 0.001 })
      return { calls, err.message }]])
    assert.equal(1, eval [[retry.run(fails "x", { max = 1 }) return calls]])
  end)

  it("retries only the failures that `on` names", function()
    assert.same({ 1, 5, 2, 1, 1, 1 }, eval [[
      local result = {}
      local function count(code, on)
        calls = 0
        retry.run(fails(code), { max = 5, backoff = 0, on = on })
        result[#result + 1] = calls
      end
      count("ENOENT", { "ECONNREFUSED", "timeout" })
      count("timeout", { "ECONNREFUSED", "timeout" })
      count("x", function(err, attempt) return err.code == "x" and attempt < 2 end)
      count("cancelled")
      count("deadline")
      count("deadline", { "deadline" })
      return result]])
  end)

  it("passes on errors that are raised", function()
    assert.same({ 1, "broken" }, eval [[
      local _, err = pcall(retry.run, function() calls = calls + 1 error("broken", 0) end)
      return { calls, err }]])
  end)

  it("makes no attempt past the deadline", function()
    assert.equal(1, eval [[retry.run(fails "x", { backoff = 1000, deadline = 400 }) return calls]])
    assert.equal(1, eval([[retry.run(fails "x", { backoff = 1000 }) return calls]], { args = { "--timeout", "30" } }))
  end)

  it("waits longer each time, for a random time", function()
    assert.is_true(eval [[
      local asked = {}
      local sleep = time.sleep
      time.sleep = function(seconds) asked[#asked + 1] = seconds return true end
      retry.run(fails "x", { max = 9, backoff = 1 })
      time.sleep = sleep
      local good = #asked == 8
      for i, seconds in ipairs(asked) do
        local longest = math.min(30, 2 ^ (i - 1))
        good = good and seconds <= longest and seconds >= longest / 2
      end
      return good]])
  end)

  it("raises on invalid options", function()
    for options, words in pairs {
      ["{ tries = 1 }"] = "retry.run: unknown option tries",
      ["{ max = 0 }"] = "retry.run: option max: expected an integer of 1 or more, got 0",
      ["{ max = 1.5 }"] = "expected an integer of 1 or more, got 1.5", ["{ deadline = 0/0 }"] = "more than 0 seconds",
      ["{ backoff = 'x' }"] = "retry.run: option backoff: expected 0 or more seconds or a function, got a string",
    } do
      local message = eval("local _, err = pcall(function() retry.run(print, " .. options .. ") end) return err")
      assert.is_truthy(message:find(words, 1, true), message)
      assert.matches("eval%.lua:%d+: ", message)
    end
  end)
end)

describe("bosun.wait", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  local function eval(code, options)
    return workspace:eval('local wait = require "bosun.wait"\n' .. code, options)
  end

  it("polls until the condition is met", function()
    assert.same({ 4, "more" }, eval [[
      local a, b = wait.poll(function(attempt)
        if attempt == 4 then return attempt, "more" end
      end, { interval = 0.001 })
      return { a, b }]])
  end)

  it("ends with the last reason when time is up", function()
    local err = eval [[
      local calls = 0
      local value, err = wait.poll(function() calls = calls + 1 return nil, "HTTP status 503" end,
        { interval = 0.01, timeout = 0.1, what = "the model server" })
      return { value, code = err.code, message = tostring(err), last = err.last, asked = calls > 1 }]]
    assert.same({ code = "timeout", last = "HTTP status 503", asked = true,
      message = "waiting for the model server: not within 0.1 s: HTTP status 503" }, err)
  end)

  it("calls once more when time is up, and at least once", function()
    assert.same({ 2, 1 }, eval [[
      local function count(options)
        local calls = 0
        wait.poll(function() calls = calls + 1 end, options)
        return calls
      end
      return { count { interval = 1000, timeout = 0.05 }, count { timeout = 0 } }]])
  end)

  it("ends at the deadline of the action", function()
    local plugin = workspace:plugin_file("late", [[
      function P:pe_status()
        local _, err = require("bosun.wait").poll(function() return false, "not yet" end,
          { interval = 0.01, timeout = 1000 })
        assert(io.open(self.plugin_config.file, "w")):write(err.code):close()
        error(err)
      end]])
    local status = workspace:act("pe_status", nil, { args = { "--timeout", "1" }, plugin = plugin,
      config = { pluginConfig = { file = workspace:path "code" } } })
    assert.equal("failing", status.status)
    assert.is_truthy(status.msg:find "timed out" or status.msg:find "time is up", status.msg)
    assert.equal("deadline", workspace:read "code")
  end)

  it("passes on errors that are raised", function()
    assert.equal("broken", eval [[return select(2, pcall(wait.poll, function() error("broken", 0) end))]])
  end)

  it("calls once in a dry run", function()
    assert.same({ 1, true, "there" }, eval([[
      local calls = 0
      local function never() calls = calls + 1 return false end
      local first = wait.poll(never)
      return { calls, first, wait.poll(never, { dry_run = "there" }) }]], { args = { "--dry-run" } }))
  end)

  it("raises on invalid options", function()
    for options, words in pairs {
      ["{ every = 1 }"] = "wait.poll: unknown option every",
      ["{ timeout = -1 }"] = "wait.poll: option timeout: expected 0 or more seconds, got -1",
      ["{ backoff = -1 }"] = "wait.poll: option backoff: expected a number of 0 or more, got -1",
    } do
      local message = eval("local _, err = pcall(function() wait.poll(print, " .. options .. ") end) return err")
      assert.is_truthy(message:find(words, 1, true), message)
      assert.matches("eval%.lua:%d+: ", message)
    end
  end)
end)
