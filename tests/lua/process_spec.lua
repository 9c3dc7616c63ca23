-- bosun.process: as a plugin sees it. What the processes themselves do is in tests/unit/test_process*.c.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.process", function()
  local workspace = Workspace.new()
  local count = 0

  teardown(function() workspace:remove() end)

  local function eval(code, options)
    return workspace:eval('local process = require "bosun.process"\n' .. code, options)
  end

  --- A word that is in the command line of no other process.
  local function nap()
    count = count + 1
    return ("200000.%s%d"):format(workspace.root:byte(-1), count) .. os.time()
  end

  --- How many processes have that word in their command line. It is no word of grep's.
  local function alive(word)
    local pipe = assert(io.popen(("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -cx '%s'"):format(
      word:gsub("%.", "[.]"))))
    local number = tonumber(pipe:read("a"))
    pipe:close()
    return number
  end

  --- What the pcall of some code raises.
  local function raised_by(code)
    return eval(("local _, err = pcall(function() %s end) return tostring(err)"):format(code))
  end

  describe("run", function()
    it("returns the exit status and the output of the program", function()
      assert.same({ code = 3, stdout = "out\n", stderr = "err\n", timed_out = false, truncated = false },
        eval [[return process.run { "sh", "-c", "echo out; echo err >&2; exit 3" }]])
      assert.same({ signal = 9, stdout = "", stderr = "", timed_out = false, truncated = false },
        eval [[return process.run { "sh", "-c", "kill -9 $$" }]])
    end)

    it("passes arguments unchanged", function()
      assert.equal("a b|$HOME|;ls|'|\"|*||7|", eval [[
        return process.run({ "printf", "%s|", "a b", "$HOME", ";ls", "'", '"', "*", "", 7 }).stdout]])
    end)

    it("takes a folder, an environment and an input", function()
      assert.equal("/\n1\ntext", eval [[
        return process.run({ "sh", "-c", "pwd; echo $A $HOME; cat" },
          { cwd = "/", env = { A = 1, HOME = false }, stdin = "text" }).stdout]])
      assert.equal("BOSUN_CHILD\n", eval [[
        return process.run({ "sh", "-c", "env | cut -d= -f1 | grep -vx -e PWD -e _" }, { clear_env = true }).stdout]])
    end)

    it("passes on only the variables on the list", function()
      local stdout = eval([[return process.run({ "env" }).stdout]],
        { before = "env MLOPS_TOKEN=x http_proxy=http://p LC_ALL=C" })
      assert.is_truthy(stdout:find("http_proxy=http://p", 1, true) and stdout:find("LC_ALL=C", 1, true))
      assert.is_nil(stdout:find("MLOPS_TOKEN", 1, true))
    end)

    it("passes on all of them with whole_env, with one marker and what env changes", function()
      local stdout = eval([[return process.run({ "env" }, { whole_env = true, env = { GONE = false } }).stdout]],
        { before = "env MLOPS_TOKEN=x GONE=x BOSUN_CHILD=outer" })
      assert.is_truthy(stdout:find("MLOPS_TOKEN=x", 1, true))
      assert.is_nil(stdout:find("GONE=", 1, true))
      assert.equal(1, select(2, stdout:gsub("BOSUN_CHILD=outer:", "")))
      local problem = eval [[return select(2, pcall(process.run, { "true" }, { whole_env = true, clear_env = true }))]]
      assert.is_truthy(problem:find("exclude each other", 1, true))
    end)

    it("passes 1 MiB both ways", function()
      assert.equal(2 ^ 20, eval [[
        local text = ("0123456789abcdef"):rep(65536)
        return process.run({ "cat" }, { stdin = text }).stdout == text and #text]])
    end)

    it("obeys max_output", function()
      assert.same({ 5, true, 0 }, eval [[
        local result = process.run({ "sh", "-c", "yes | head -c 10000000" }, { max_output = 5 })
        return { #result.stdout, result.truncated, result.code }]])
    end)

    it("stops a program at its timeout, with all it started", function()
      local word = nap()
      assert.same({ true, 15, "begun\n", 0 }, (function()
        local result = eval(([[return process.run({ "sh", "-c",
          "setsid sleep %s & echo begun; sleep %s" }, { timeout = 0.2 })]]):format(word, word))
        return { result.timed_out, result.signal, result.stdout, alive(word) }
      end)())
    end)

    it("names the program that cannot be started, and why", function()
      workspace:write("headless", "echo hello\n")
      os.execute("chmod 755 " .. workspace:path "headless")
      workspace:write("plain", "")
      for _, case in ipairs {
        { "no-such-program", "ENOENT", "no%-such%-program: not found in PATH" },
        { "/no/such/program", "ENOENT", "/no/such/program" },
        { workspace:path "plain", "EACCES", "/plain: Permission denied" },
        { workspace:path "headless", "ENOEXEC", "/headless: .*#!/bin/sh" },
      } do
        local err = eval(([[
          local result, err = process.run { %q }
          return { result = result, code = err.code, op = err.op, message = tostring(err) }]]):format(case[1]))
        assert.is_nil(err.result)
        assert.equal(case[2], err.code)
        assert.equal("start", err.op)
        assert.is_truthy(err.message:find(case[3]), err.message)
      end
    end)

    it("says so when there is no descriptor left", function()
      local message = eval([[
        local files = {}
        repeat files[#files + 1] = io.open("/dev/null") until not files[1] or #files > 200 or not io.open("/dev/null")
        local _, err = process.run { "true" }
        return err.code .. " " .. err.message]], { before = "sh -c 'ulimit -n 100; exec \"$@\"' sh" })
      assert.is_truthy(message:find("^EMFILE cannot start true: "), message)
    end)

    it("turns a bad exit into an error, with check", function()
      local err = eval [[
        local result, err = process.run({ "sh", "-c", "echo out; seq 20 >&2; echo >&2; exit 3" }, { check = true })
        return { result, code = err.code, message = err.message, stdout = err.result.stdout,
          status = err.result.code }]]
      assert.same({ code = "exit", status = 3, stdout = "out\n",
        message = "sh ended with exit status 3:\n16\n17\n18\n19\n20" }, err)
      assert.same({ "signal", "sh was killed by signal 15 (Terminated): last words" }, eval [[
        local _, err = process.run({ "sh", "-c", "echo last words >&2; kill $$" }, { check = true })
        return { err.code, err.message }]])
      assert.equal("timeout", eval [[
        return select(2, process.run({ "sleep", "1000" }, { check = true, timeout = 0.1 })).code]])
      assert.equal(0, eval [[return process.run({ "true" }, { check = true }).code]])
    end)

    it("raises on invalid arguments", function()
      for code, pattern in pairs {
        ["process.run()"] = "table expected", ["process.run {}"] = "empty list",
        ["process.run 'ls -l'"] = "table expected", ["process.run { '' }"] = "name is empty",
        ["process.run { 'a', {} }"] = "item 2: expected a string, got table",
        ["process.run { 'a', 'b\\0c' }"] = "item 2: an argument cannot contain a NUL",
        ["process.run({ 'a' }, { time_out = 1 })"] = 'did you mean "timeout"',
        ["process.run({ 'a' }, { timeout = 0 })"] = "more than 0",
        ["process.run({ 'a' }, { max_output = -1 })"] = "0 or more",
        ["process.run({ 'a' }, { env = { ['A=B'] = '1' } })"] = '"A=B" cannot be the name',
        ["process.run({ 'a' }, { env = { [''] = '1' } })"] = '"" cannot be the name',
        ["process.run({ 'a' }, { env = { 'A=B' } })"] = "names and values",
        ["process.run({ 'a' }, { env = { A = 'b\\0c' } })"] = "A: a value cannot contain a NUL",
        ["process.run({ 'a' }, { env = { A = {} } })"] = "A: expected a string, a secret or false, got table",
        ["process.run({ 'a' }, { cwd = '' })"] = "option cwd: expected a path",
        ["process.run({ 'a' }, { stdin = 1 })"] = "stdin: expected a string or a secret",
        ["process.run { 'a', require('bosun.secret').new('12345') }"] = "item 2 is a secret",
      } do
        local message = raised_by(code)
        assert.is_truthy(message:find(pattern, 1, true), code .. ": " .. message)
      end
    end)

    it("ends at the deadline of the action", function()
      local word = nap()
      local status = workspace:act("pe_status", nil, { args = { "--timeout", "1" },
        plugin = workspace:plugin_file("late", ([[
          function P:pe_status()
            assert(require("bosun.process").run { "sh", "-c", "trap '' TERM; setsid sleep %s & sleep %s" })
          end]]):format(word, word)) })
      assert.equal("failing", status.status)
      assert.is_truthy(status.msg:find "timed out", status.msg)
      assert.equal(0, alive(word))
    end)

    it("leaves no descriptor open", function()
      assert.equal(0, eval [[
        local fs = require "bosun.fs"
        local before = #fs.list "/proc/self/fd"
        for i = 1, 200 do
          process.run { i % 3 == 0 and "/no/program" or "true" }
          if i % 10 == 0 then local p <close> = process.spawn { "cat" } end
        end
        return #fs.list "/proc/self/fd" - before]])
    end)
  end)

  describe("spawn", function()
    it("exchanges lines with a program", function()
      assert.same({ "got a\n", "got b\nend\n", 4, true }, eval [[
        local p <close> = assert(process.spawn { "sh", "-c", "while read x; do echo got $x; done; echo end; exit 4" })
        assert(p:write "a\n")
        local first = p:read()
        assert(p:write "b\n")
        local result = p:wait()
        return { first, result.stdout, result.code, math.type(p:pid()) == "integer" }]])
    end)

    it("returns lines as they arrive", function()
      assert.same({ "first", "", "third", "no newline" }, eval [[
        local lines = {}
        local p <close> = process.spawn { "printf", "first\\r\\n\\nthird\\nno newline" }
        for line in p:lines() do lines[#lines + 1] = line end
        return lines]])
    end)

    it("gives lines of a long stream in little memory, and a huge line in pieces", function()
      assert.same({ 2000000, true }, eval [[
        local count = 0
        local p <close> = process.spawn { "seq", "2000000" }
        collectgarbage() collectgarbage("generational")
        local most = 0
        for line in p:lines() do
          count = count + 1
          if count % 1000 == 0 then most = math.max(most, collectgarbage "count") end
        end
        return { count, most < 8192 }]])
      assert.same({ 3000000, true }, eval [[
        local total, pieces = 0, 0
        local p <close> = process.spawn { "head", "-c", "3000000", "/dev/zero" }
        for line in p:lines() do total, pieces = total + #line, pieces + 1 end
        return { total, pieces > 1 and pieces < 5 }]])
    end)

    it("does not wait for others that keep the output open", function()
      local word = nap()
      assert.same({ "x" }, eval(([[
        local lines = {}
        local p <close> = process.spawn { "sh", "-c", "sleep %s & echo x" }
        for line in p:lines() do lines[#lines + 1] = line end
        return lines]]):format(word)))
      assert.equal(0, alive(word))
    end)

    it("mixes lines, reads of a size, and what is left", function()
      assert.same({ "one", "tw", "o\nthree\n" }, eval [[
        local p <close> = process.spawn({ "cat" }, { stdin = "one\ntwo\nthree\n" })
        local line = p:lines()()
        local part = p:read(2)
        return { line, part, p:wait().stdout }]])
    end)

    it("ends the program when its scope is left, by an error too", function()
      local word = nap()
      eval(([[
        pcall(function()
          local p <close> = process.spawn { "sh", "-c", "trap '' TERM; setsid sleep %s & echo x; sleep %s" }
          p:read()
          error "enough"
        end)]]):format(word, word))
      assert.equal(0, alive(word))
      eval(([[
        process.spawn { "sh", "-c", "sleep %s & sleep %s" }
        collectgarbage() collectgarbage()]]):format(word, word))
      assert.equal(0, alive(word))
    end)

    it("reports a program that still runs, or cannot be signalled", function()
      assert.same({ "timeout", "sleep is still running after 0.05 s", true, 9, "ESRCH", "EPIPE" }, eval [[
        local p <close> = process.spawn { "sleep", "1000" }
        local _, err = p:wait(0.05)
        local killed = p:kill "SIGKILL"
        local signal = p:wait().signal
        return { err.code, err.message, killed, signal, select(2, p:kill()).code, select(2, p:write "x").code }]])
    end)

    it("counts a program's time until its end, not until somebody waits for it", function()
      assert.same({ 2, false, "said", 0, false, 9, false, 0, "said", "ESRCH", true }, eval [[
        local fs, time, wait = require "bosun.fs", require "bosun.time", require "bosun.wait"
        --- Starts a script and waits, without a method of the process, until it has ended and its timeout is over.
        local function ended(script)
          local began = time.monotonic()
          local p = process.spawn({ "sh", "-c", script }, { timeout = 0.05 })
          assert(wait.poll(function() return fs.read(("/proc/%d/stat"):format(p:pid())):find(") Z ", 1, true) end,
            { interval = 0.01 }))
          while time.monotonic() < began + 0.06 do time.sleep(0.01) end
          return p
        end
        local result = {}
        local function add(...) for _, value in ipairs { ... } do result[#result + 1] = value end end
        local bad = ended("echo said; exit 2"):wait()
        add(bad.code, bad.timed_out, (bad.stdout:gsub("\n", "")))
        local good = ended("exit 0"):wait(0)
        add(good.code, good.timed_out)
        local killed = ended("kill -KILL $$"):wait(0.01)
        add(killed.signal, killed.timed_out)
        local read = ended "echo said"
        local line = read:lines()()
        add(read:wait().code, line)
        add(select(2, ended("exit 0"):kill()).code)
        local late = process.spawn({ "sleep", "1000" }, { timeout = 0.05 })
        assert(time.sleep(0.06))
        add(late:wait().timed_out)
        return result]])
    end)

    it("is closed once", function()
      assert.same({ "process (closed)", true }, eval [[
        local p = process.spawn { "cat" }
        p:close()
        p:close()
        local _, err = pcall(p.read, p)
        return { tostring(p), err:find("the process is closed", 1, true) ~= nil }]])
    end)

    it("raises on an unknown signal", function()
      local message = raised_by 'local p <close> = process.spawn { "cat" } p:kill "TREM"'
      assert.is_truthy(message:find('no signal named "TREM"', 1, true), message)
    end)
  end)

  it("finds programs and variables", function()
    assert.same({ "/bin/sh", "ENOENT", "EACCES", "value", true }, eval([[
      return { process.which "sh", select(2, process.which "no-such-program").code,
        select(2, process.which "/etc/passwd").code, process.env "NAME", process.env "NO_SUCH_NAME" == nil }]],
      { before = "env PATH=/bin NAME=value" }))
  end)

  it("replaces functions that start shells", function()
    for _, name in ipairs { "os.execute", "io.popen" } do
      local message = raised_by(name .. ' "true"')
      assert.is_truthy(message:find(name .. " is not available in a plugin: .*bosun%.process"), message)
    end
  end)

  describe("in a dry run", function()
    local function dry(code)
      local plugin = workspace:plugin_file("dry", ([[
        function P:pe_status()
          local process = require "bosun.process"
          local function body() %s end
          return ActionStatusInfo{ status = ActionStatus.OK, data = { result = body() } }
        end]]):format(code))
      local status = workspace:act("pe_status", nil, { plugin = plugin, args = { "--dry-run" } })
      assert.equal("passing", status.status, status.msg)
      return status.data
    end

    it("plans changes, and runs programs that only read", function()
      local target = workspace:path "touched"
      local data = dry(([[
        local first = process.run { "touch", %q, "a b" }
        local second = process.run({ "false" }, { dry_run = { stdout = "said" }, check = true, cwd = "/" })
        local third = process.run({ "echo", "read" }, { reads = true })
        return { first.code, first.stdout, second.stdout, third.stdout }]]):format(target))
      assert.same({ 0, "", "said", "read\n" }, data.result)
      assert.same({ ("process.run touch %s 'a b'"):format(target), "process.run false (in /)" },
        Workspace.steps(data.plan))
      assert.is_nil(workspace:read(target))
    end)

    it("returns a spawned process with the planned results", function()
      local data = dry [[
        local lines = {}
        local p <close> = process.spawn({ "server" }, { dry_run = { stdout = "ready\nmore\n", code = 2 } })
        p:write "text"
        for line in p:lines() do lines[#lines + 1] = line end
        return { lines = lines, code = p:wait().code, killed = p:kill(), pid = p:pid() or "none", text = tostring(p) }]]
      assert.same({ lines = { "ready", "more" }, code = 2, killed = true, pid = "none",
        text = "process (not started: dry run)" }, data.result)
      assert.same({ "process.spawn server" }, Workspace.steps(data.plan))
    end)
  end)

  describe("with secrets", function()
    local CANARY = "canary-7f3a9c5e-bird"

    --- Runs code with the canary as `canary` and everything switched on that could show it. Returns all that was shown.
    local function shown_by(code, ...)
      local trace = workspace:path "trace"
      os.remove(trace)
      local plugin = workspace:plugin_file("canary", ([[
        function P:pe_status()
          local process = require "bosun.process"
          local canary = require("bosun.secret").new(io.open(%q):read "a")
          local function body() %s end
          return ActionStatusInfo{ status = ActionStatus.OK, data = body() }
        end]]):format(workspace:write("canary.txt", CANARY), code))
      local result = workspace:run { action = "pe_status", plugin = plugin,
        args = { "--trace", trace, "--log-level", "trace", ... } }
      assert.equal(0, result.code, result.stderr)
      return result.stderr .. result.text .. workspace:read(trace), result.status.data
    end

    it("passes them to the program and shows them nowhere else", function()
      local shown, data = shown_by [[
        local result = process.run({ "sh", "-c", 'printf %s "$TOKEN"; cat; tr "\\0" " " </proc/$$/cmdline >&2' },
          { env = { TOKEN = canary }, stdin = canary })
        local twice = canary:reveal() .. canary:reveal()
        return { same = result.stdout == twice, arguments = result.stderr, result = result.stdout }]]
      assert.is_nil(shown:find(CANARY, 1, true), shown)
      assert.is_true(data.same)
      assert.equal("[redacted][redacted]", data.result)
    end)

    it("keeps them out of errors", function()
      local shown, data = shown_by [[
        local _, first = process.run({ "sh", "-c", 'echo "bad token $TOKEN" >&2; exit 1' },
          { env = { TOKEN = canary }, check = true })
        local _, second = process.run { "/no/such/" .. canary:reveal(), canary:reveal() }
        local clean = not (tostring(first) .. tostring(second)):find(canary:reveal(), 1, true)
        return { clean = clean, first = first.message, second = second.message }]]
      assert.is_nil(shown:find(CANARY, 1, true), shown)
      assert.same({ clean = true, first = "sh ended with exit status 1: bad token [redacted]",
        second = "cannot start /no/such/[redacted]: No such file or directory (ENOENT)" }, data)
    end)

    it("keeps them out of a dry run's plan", function()
      local shown = shown_by([[
        process.run({ "login", "--token=" .. canary:reveal() }, { env = { TOKEN = canary }, stdin = canary })]],
        "--dry-run")
      assert.is_nil(shown:find(CANARY, 1, true), shown)
      assert.is_truthy(shown:find("process.run login --token=[redacted]", 1, true)
        or shown:find("process.run login '--token=[redacted]'", 1, true), shown)
    end)

    it("are recognised by the names of arguments, and in URLs", function()
      local shown = shown_by([[
        process.run({ "login", "--verbose", "--token=in-t0ken", "--password", "in-passw0rd",
          "PGPASSWORD=in-env1ronment", "https://joe:in-a-ur1@x.example/a", "--link=https://joe:in-a-l1nk@x.example/",
          "--password", "-q" })]],
        "--dry-run")
      for _, text in ipairs { "t0ken", "passw0rd", "env1ronment", "a-ur1", "a-l1nk" } do
        assert.is_nil(shown:find(text, 1, true), shown)
      end
      for _, text in ipairs { "--verbose", "--password", "x.example/a", " -q" } do
        assert.is_truthy(shown:find(text, 1, true), shown)
      end
    end)

    it("are not in the environment of others", function()
      local _, data = shown_by [[return process.run({ "env" }).stdout]]
      assert.is_nil(data:find(CANARY, 1, true))
    end)
  end)
end)
