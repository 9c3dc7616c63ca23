-- What the runner finds around it when it is started: signals that are ignored, processes that are not its own, outputs
-- that nobody reads, files that are given twice.

local Workspace = require "tests.support.runner"

local RUNNER = Workspace.RUNNER

local FINE = 'function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, msg = "fine" } end'

describe("the runner's surroundings:", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    workspace:plugin_file("fine", FINE)
  end)

  after_each(function() workspace:remove() end)

  --- Runs a shell script in the workspace with $RUN, the runner's command line. A hang fails.
  local function sh(script)
    workspace:write("script", script)
    local command = ("cd '%s' && RUN='%s --plugin ./fine --action pe_status --status-file status.yaml' "
      .. "timeout 60 sh ./script 2>stderr </dev/null"):format(workspace.root, RUNNER)
    local _, _, code = os.execute(command)
    return code, workspace:read("stderr")
  end

  local function status()
    return workspace:read_yaml("status.yaml")
  end

  it("an ignored SIGCHLD hides nothing", function()
    assert.equal(0, (sh "trap '' CHLD; exec $RUN"))
    assert.equal("fine", status().msg)
  end)

  it("nohup is honoured", function()
    local hangs_up = [[
      function P:pe_status()
        local parent = io.open("/proc/self/stat"):read("a"):match("%) %S (%d+)")
        assert(require("bosun.process").run({ "sh", "-c", "kill -HUP " .. parent }, { check = true }))
        require("bosun.time").sleep(SECONDS)
        return ActionStatusInfo{ status = ActionStatus.OK, msg = "fine" }
      end]]
    workspace:plugin_file("fine", (hangs_up:gsub("SECONDS", "0")))
    assert.equal(0, (sh "trap '' HUP; exec $RUN"))
    assert.equal("fine", status().msg)
    workspace:plugin_file("fine", (hangs_up:gsub("SECONDS", "50")))
    assert.equal(129, (sh "exec $RUN"))
    assert.equal("failing", status().status)
  end)

  it("children that were there first are left alone", function()
    assert.equal(0, (sh "mkfifo go done; sh -c 'read x <go; echo alive >done' & exec $RUN"))
    assert.equal(0, (sh "timeout 10 sh -c 'echo go >go'; test \"$(timeout 10 cat done)\" = alive"))
  end)

  it("a standard output that nobody reads delays the end, and does not prevent it", function()
    workspace:plugin_file("fine", [[
      function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, data = ("x"):rep(300000) } end]])
    local code, stderr = sh "mkfifo out; sleep 50 <out & $RUN --show-status >out; code=$?; kill $!; exit $code"
    assert.equal(0, code)
    assert.equal("passing", status().status)
    assert.truthy(stderr:find("standard output", 1, true))
  end)

  it("a trace that nobody reads is an error", function()
    assert.equal(1, (sh "mkfifo trace; exec $RUN --exit-codes --trace trace"))
    assert.truthy(status().msg:find("trace: it is a FIFO without a reader", 1, true))
  end)

  --- Runs a command line in the workspace that must be refused because two of its files are one.
  local function refused(words)
    local command = ("cd '%s' && '%s' %s 2>stderr"):format(workspace.root, RUNNER, words)
    local _, _, code = os.execute(command)
    assert.equal(64, code, words)
    return workspace:read("stderr")
  end

  it("a file that is read is never written", function()
    local text = 'peInfo: {id: "pe"}\n'
    workspace:write("config.yaml", text)
    assert.equal(0, (sh "ln -s config.yaml soft; ln config.yaml hard; ln -s . here"))
    for _, words in ipairs {
      "--plugin ./fine --status-file config.yaml --config ./config.yaml",
      "--plugin ./fine --status-file config.yaml --private-config config.yaml",
      "--plugin ./fine --status-file hard --config config.yaml",
      "--plugin ./fine --status-file here/config.yaml --config soft",
      "--plugin ./fine --status-file status.yaml --config config.yaml --trace config.yaml",
      "--plugin ./fine --status-file status.yaml --private-config config.yaml --trace soft",
      "--plugin ./fine.lua --status-file fine.lua",
      "--plugin ./fine --status-file fine.lua",
      "--plugin fine.lua --status-file fine.lua",
    } do
      local stderr = refused("--action pe_status " .. words)
      assert.truthy(stderr:find("are the same file", 1, true), stderr)
      assert.equal(text, workspace:read("config.yaml"))
      assert.truthy(workspace:read("fine.lua"):find("fine", 1, true))
    end
  end)

  it("a file that is read is not overwritten by the report of another mistake", function()
    local text = 'peInfo: {id: "pe"}\n'
    workspace:write("config.yaml", text)
    for words, message in pairs {
      ["--plugin ./fine --action pe_status --config config.yaml --no-such-option"] = "unknown option --no-such-option",
      ["--action pe_status --config config.yaml"] = "--plugin is missing",
      ["--plugin ./fine --action deployment_start --private-config config.yaml"] = "--config is missing",
    } do
      assert.truthy(refused(words .. " --status-file ./config.yaml"):find(message, 1, true), words)
      assert.equal(text, workspace:read("config.yaml"), words)
    end
  end)

  it("the trace is not the status file, which is not touched then, by any name", function()
    local before = 'status: "passing"\n'
    assert.equal(0, (sh "mkdir folder; ln -s ../status.yaml folder/soft; ln -s folder/../later.yaml later"))
    assert.equal(0, (sh "ln -s . here"))
    for _, case in ipairs {
      { "status.yaml", "status.yaml" },
      { "status.yaml", "./folder/../status.yaml" },
      { "status.yaml", "folder/soft" },
      { "status.yaml", "hard" },
      { "here/status.yaml", "status.yaml" },
      { "later.yaml", "later.yaml" }, -- neither is there yet
      { "later.yaml", "./later.yaml" },
      { "later.yaml", "later" },
      { "later.yaml", "here/here/later.yaml" },
    } do
      os.remove(workspace:path("hard"))
      workspace:write("status.yaml", before)
      assert.equal(0, (sh "ln status.yaml hard"))
      local words = "--plugin ./fine --action pe_status --status-file %s --trace %s"
      local stderr = refused(words:format(case[1], case[2]))
      assert.equal(("bosun-plugin-runner: --trace and --status-file are the same file, %s, which would be overwritten: "
        .. "choose another for --trace\n"):format(case[2]), stderr)
      assert.equal(before, workspace:read("status.yaml"))
      assert.is_nil(workspace:read("later.yaml"))
    end
  end)

  it("two files that look alike are two", function()
    workspace:write("test", 'status: "passing"\n')
    assert.equal(0, (sh "mkdir a b; ln -s ../b/status.yaml a/trace"))
    for _, words in ipairs {
      "--plugin ./fine --status-file a/status.yaml --trace b/status.yaml",
      "--plugin ./fine --status-file a/status.yaml --trace a/trace",
      "--plugin ./fine --status-file a/status.yaml --config /dev/null --trace /dev/null",
      "--plugin test --status-file test --private-config private.yaml",
    } do
      workspace:write("private.yaml", "pe_status_time_sec: 0\n")
      local command = ("cd '%s' && '%s' --action pe_status %s 2>stderr"):format(workspace.root, RUNNER, words)
      local _, _, code = os.execute(command)
      assert.equal(0, code, workspace:read("stderr"))
    end
  end)

  it("a token of any kind is hidden, also when its config cannot be read", function()
    workspace:plugin_file("fine", [[
      function P:pe_status()
        local token = self.plugin_config.mlopsApiToken
        return ActionStatusInfo{ status = ActionStatus.OK, msg = tostring(token), data = { token } }
      end]])
    for _, value in ipairs { "4711471147114711", '["4711471147114711"]', "*x4711471147114711", "!x4711471147114711 y",
      "47114711471147114711471147114711" } do
      workspace:write("config.yaml", ("pluginConfig: {mlopsApiToken: %s }\n"):format(value))
      local _, stderr = sh "exec $RUN --config config.yaml --log-level trace"
      assert.falsy((workspace:read("status.yaml") .. stderr):find("4711", 1, true), value)
    end
  end)
end)
