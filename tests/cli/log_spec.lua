-- The log from outside: what each event carries, in which order events come, and colour.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local json = require "cjson"

local TOOL = Workspace.RUNNER:gsub("[^/]*$", "bosun")

describe("the log", function()
  local workspace

  setup(function() workspace = Workspace.new() end)
  teardown(function() workspace:remove() end)

  local function events_in(text)
    local events = {}
    for line in text:gmatch "[^\n]+" do events[#events + 1] = json.decode(line) end
    return events
  end

  --- The events of a run in JSON; more: as for Workspace:run, `level`, `variables` for the environment.
  local function events_of(plugin, more)
    local args = { "--log-format", "json", "--log-level", more.level or "info" }
    table.move(more.args or {}, 1, #(more.args or {}), #args + 1, args)
    local result = workspace:run { plugin = plugin, action = more.action or "deployment_status", args = args,
      config = more.config or { deploymentInfo = { id = "d-1", modelId = "m" } }, private = more.private or false,
      before = "env " .. (more.variables or "") }
    return events_in(result.stderr), result
  end

  local function plugin(name, body)
    return workspace:plugin_file(name, "function P:deployment_status(info)\n" .. body
      .. "\nreturn ActionStatusInfo { status = ActionStatus.OK }\nend\nP.pe_status = P.deployment_status")
  end

  local TALKS = [[
    local log, fs, process = require "bosun.log", require "bosun.fs", require "bosun.process"
    log.info("by a module") self.log:warn("by the plugin") print("printed") warn("warned")
    log.with({ deployment = "another", run = "mine" }):error("with fields of its own")
    fs.exists("/") assert(process.run { "true" })
    error("at last")
  ]]

  it("has action, deployment and run in each event", function()
    local path = plugin("talks", TALKS)
    local seen, runs = {}, {}
    for _ = 1, 2 do
      local events = events_of(path, { level = "trace" })
      assert.is_true(#events >= 8)
      for _, event in ipairs(events) do
        seen[event.message] = event
        assert.equal("deployment_status", event.action)
        if event.message ~= "with fields of its own" then
          assert.equal("d-1", event.deployment)
          assert.matches("^%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$", event.run)
          runs[event.run] = true
        end
      end
    end
    local count = 0
    for _ in pairs(runs) do count = count + 1 end
    assert.equal(2, count)
    for _, message in ipairs { "by a module", "by the plugin", "printed", "warned", "fs.exists", "process.run" } do
      assert.is_table(seen[message], message)
    end
    local own = seen["with fields of its own"]
    assert.same({ "another", "mine" }, { own.deployment, own.run })
  end)

  it("has them in the trace, in text and in logfmt", function()
    local path = plugin("talks", TALKS)
    local trace = workspace:path "trace"
    for format, line in pairs { text = "by a module action=deployment_status deployment=d-1 run=r-7 trace_id=",
      logfmt = 'msg="by a module" action=deployment_status deployment=d-1 run=r-7 trace_id=' } do
      os.remove(trace)
      local result = workspace:run { plugin = path, action = "deployment_status", before = "env BOSUN_RUN_ID=r-7",
        config = { deploymentInfo = { id = "d-1" } }, args = { "--log-format", format, "--trace", trace } }
      assert.is_truthy(result.stderr:find(line, 1, true), result.stderr)
      local traced = events_in(workspace:read "trace")
      assert.is_true(#traced >= 8)
      for _, event in ipairs(traced) do
        assert.is_truthy(event.run == "r-7" or event.run == "mine")
        assert.equal("deployment_status", event.action)
      end
    end
  end)

  it("has no deployment where there is none", function()
    local of_environment = { action = "pe_status", config = { peInfo = { id = "p" } } }
    for _, event in ipairs(events_of(plugin("talks", TALKS), of_environment)) do
      assert.equal("pe_status", event.action)
      assert.is_true(event.deployment == nil or event.deployment == "another")
    end
  end)

  it("takes the run's id from the environment, where programs find it, too", function()
    local path = plugin("asks", [[
      local process = require "bosun.process"
      print(process.env "BOSUN_RUN_ID", assert(process.run { "printenv", "BOSUN_RUN_ID" }).stdout)
    ]])
    local function run_of(id)
      local events = events_of(path, { variables = ("BOSUN_RUN_ID='%s'"):format(id) })
      assert.equal(("%s\t%s\n"):format(events[1].run, events[1].run), events[1].message)
      return events[1].run
    end
    assert.equal("Build:17_a.b-c", run_of "Build:17_a.b-c")
    assert.equal(("x"):rep(64), run_of(("x"):rep(64)))
    for _, wrong in ipairs { "", "two words", "a=b", "\u{e9}", ("x"):rep(65) } do
      assert.matches("^%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$", run_of(wrong))
    end
  end)

  it("has all of it in what the supervisor reports", function()
    local path = plugin("hangs", 'local text = ("a"):rep(30) text:find(("a*"):rep(30) .. "b")')
    local events, result = events_of(path, { args = { "--timeout", "0.2" } })
    assert.matches("was killed$", result.status.msg)
    local last = events[#events]
    assert.equal("deployment_status: failing: " .. result.status.msg, last.message)
    assert.same({ "deployment_status", "d-1" }, { last.action, last.deployment })
    assert.equal(16, #last.run)
    local unwritable = "'%s' --plugin '%s' --action pe_status --status-file /nowhere/s --log-format json 2>&1"
    local pipe = assert(io.popen(unwritable:format(Workspace.RUNNER, path)))
    local unwritten = events_in(pipe:read "a")
    pipe:close()
    assert.same({ "pe_status", 16 }, { unwritten[1].action, #unwritten[1].run })
  end)

  it("has an error before its traceback", function()
    local load_error = workspace:write("broken.lua", "return nothing.at_all")
    for _, case in ipairs { { plugin("fails", 'error "because"'), "because" }, { load_error, "attempt to index" } } do
      local events = events_of(case[1], {})
      assert.equal(2, #events)
      assert.is_truthy(events[1].message:find(case[2], 1, true), events[1].message)
      assert.is_truthy(events[2].message:find("stack traceback:\n", 1, true), events[2].message)
      assert.equal(events[1].run, events[2].run)
    end
    local pipe = assert(io.popen(("'%s' describe '%s' 2>&1"):format(TOOL, load_error)))
    local first, second = pipe:read "l", pipe:read "l"
    pipe:close()
    assert.matches("^bosun: .*attempt to index", first)
    assert.matches("stack traceback:", second)
  end)

  it("has an event for each mistake in a config", function()
    local path = workspace:plugin_file("configured", [[
      P.config_schema = { a = { type = "string" }, b = { type = "integer" }, c = { type = "boolean", required = true } }
      function P:pe_status() return ActionStatusInfo { status = ActionStatus.OK } end
      P.deployment_status = P.pe_status
    ]])
    for _, case in ipairs {
      { private = "a: 1\nb: x\n", config = "deploymentInfo: {id: d-1}\n",
        "config%-%d+%.yaml:1:1: c: missing", "1:4: a: expected a string", "2:4: b: expected an integer" },
      { private = "c: true\n", config = "peInfo: []\ndeploymentInfo: {modelId: 7}\n",
        "1:9: peInfo: expected", "2:27: deploymentInfo.modelId: expected", "2:17: deploymentInfo.id: missing" },
    } do
      local events, result = events_of(path, case)
      assert.equal(#case, #events, result.stderr)
      local lines = {}
      for i, event in ipairs(events) do
        assert.matches("^deployment_status: failing: .*" .. case[i], event.message)
        assert.is_nil(event.message:find "\n")
        assert.equal("error", event.level)
        assert.equal(events[1].run, event.run)
        lines[i] = event.message:match "^deployment_status: failing: (.*)"
      end
      assert.equal(result.status.msg, table.concat(lines, "\n"))
    end
  end)

  it("keeps the lines of another message together", function()
    local path = plugin("lines", 'if info then return ActionStatusInfo.warning("one\\ntwo") end')
    local events = events_of(path, {})
    assert.equal("deployment_status: warning: one\ntwo", events[1].message)
    assert.equal(1, #events)
  end)

  --- Whether a command writes colours, on a terminal or not; and what it writes.
  local function colors(command, terminal, variables)
    local text = ("cd '%s' && env %s %s"):format(workspace.root, variables or "", command)
    if terminal then text = ("script -qec %s /dev/null"):format("'" .. text:gsub("'", "'\\''") .. "'") end
    local pipe = assert(io.popen(text .. " 2>&1 </dev/null"))
    local said = pipe:read "a"
    pipe:close()
    assert.is_true(#said > 0)
    return said:find("\27[", 1, true) ~= nil, said
  end

  it("is in colour on a terminal, unless something says otherwise", function()
    local path = plugin("fails", 'error "because"')
    local runner = ("'%s' --plugin '%s' --action pe_status --status-file status.yaml "):format(Workspace.RUNNER, path)
    local wrong = workspace:write("wrong.lua", "return 5")
    for _, command in ipairs {
      runner, ("'%s' --plugn x "):format(Workspace.RUNNER), ("'%s' describe '%s' "):format(TOOL, wrong),
      ("'%s' describe --format x "):format(TOOL), ("'%s' validate --plugin '%s' --config /nowhere "):format(TOOL, path),
    } do
      assert.is_true(colors(command, true, "-u NO_COLOR TERM=xterm"), command)
      assert.is_false(colors(command, false, "-u NO_COLOR TERM=xterm"), command)
      assert.is_false(colors(command, true, "NO_COLOR=1 TERM=xterm"), command)
      assert.is_true(colors(command, true, "NO_COLOR= TERM=xterm"), command)
      assert.is_false(colors(command, true, "-u NO_COLOR TERM=dumb"), command)
      assert.is_false(colors(command, true, "-u NO_COLOR -u TERM"), command)
      assert.is_true(colors(command .. "--color always", false, "NO_COLOR=1"), command)
      assert.is_true(colors(command .. "--color=always", true, "NO_COLOR=1 TERM=dumb"), command)
      assert.is_false(colors(command .. "--color never", true, "-u NO_COLOR TERM=xterm"), command)
      assert.is_false(colors(command .. "--color auto", false, "TERM=xterm"), command)
    end
  end)

  it("has no colour in its other formats, the trace and the status", function()
    local path = plugin("fails", 'error "because"')
    local runner = ("'%s' --plugin '%s' --action pe_status --status-file status.yaml --color always --trace trace ")
      :format(Workspace.RUNNER, path)
    for _, format in ipairs { "json", "logfmt" } do
      assert.is_false(colors(runner .. "--log-format " .. format, true, "TERM=xterm"))
    end
    assert.is_true(colors(runner, false, "TERM=xterm"))
    assert.is_nil(workspace:read("trace"):find("\27", 1, true))
    assert.is_nil(workspace:read("status.yaml"):find("\27", 1, true))
    local shown = runner .. "--show-status 2>/dev/null"
    assert.is_false(colors("sh -c '" .. shown:gsub("'", "") .. "'", false, "TERM=xterm"))
  end)

  it("is the same with colour as without, but for the colour", function()
    local path = plugin("talks", TALKS)
    local runner = ("'%s' --plugin '%s' --action pe_status --status-file status.yaml --color ")
      :format(Workspace.RUNNER, path)
    local function settled(text)
      return text:gsub("\27%[[%d;]*m", ""):gsub("%d%d%d%d%-[%w:.-]*Z", ""):gsub("seconds=%S+", "")
        :gsub("trace_id=%x+", "")
    end
    local _, plain = colors(runner .. "never", false, "BOSUN_RUN_ID=r")
    local _, colored = colors(runner .. "always", false, "BOSUN_RUN_ID=r")
    assert.not_equal(plain, colored)
    assert.equal(settled(plain), settled(colored))
  end)
end)
