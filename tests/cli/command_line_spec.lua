-- The command line, from outside: what is accepted, what is refused and how, and where each text goes.

local Workspace = require "tests.support.runner"

local RUNNER = Workspace.RUNNER

local ACTIONS = "plugin_start\nplugin_stop\ndeployment_start\ndeployment_stop\ndeployment_replace_model\n"
  .. "deployment_status\npe_status\ndeployment_list\ndeployment_relaunch\nendpoint_update\nendpoint_status\n"

local FINE = 'function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, msg = "fine" } end'

describe("the command line", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    workspace:plugin_file("fine", FINE)
  end)

  after_each(function() workspace:remove() end)

  --- Runs the runner with a command line in shell syntax, in the workspace; stdout, stderr and exit status.
  local function run(words, environment)
    local pipe = assert(io.popen(("cd '%s' && %s '%s' %s 2>stderr </dev/null"):format(workspace.root, environment or "",
      RUNNER, words)))
    local stdout = pipe:read("a")
    local _, _, code = pipe:close()
    return { stdout = stdout, stderr = workspace:read("stderr"), code = code }
  end

  local function status()
    return workspace:read_yaml("status.yaml")
  end

  it("prints the actions in the contract's order, and nothing else", function()
    assert.same({ stdout = ACTIONS, stderr = "", code = 0 }, run("--list-actions"))
  end)

  it("prints help and version on standard output", function()
    for _, word in ipairs { "--help", "-h" } do
      local result = run(word)
      assert.equal(0, result.code)
      for option in ("plugin action config private-config status-file show-status list-actions dry-run timeout "
        .. "log-level log-format trace version help"):gmatch("%S+") do
        assert.truthy(result.stdout:find("--" .. option, 1, true), option)
      end
      for line in result.stdout:gmatch "[^\n]+" do assert.truthy(#line <= 80, line) end
    end
    assert.truthy(run("--version").stdout:match("^bosun%-plugin%-runner %d+%.%d+%.%d+\n$"))
  end)

  it("takes options in any order, with a space or an equals sign", function()
    for _, words in ipairs {
      "--plugin ./fine --action pe_status --status-file status.yaml",
      "--status-file=status.yaml --action=pe_status --plugin=./fine",
      "--action pe_status --status-file=status.yaml --plugin fine.lua --timeout=5 --log-level error",
    } do
      os.remove(workspace:path("status.yaml"))
      local result = run(words)
      assert.equal(0, result.code, result.stderr)
      assert.equal("fine", status().msg)
      assert.equal("", result.stdout)
    end
  end)

  it("prints the status file's very text with --show-status", function()
    local result = run("--plugin ./fine --action pe_status --status-file status.yaml --show-status")
    assert.equal(workspace:read("status.yaml"), result.stdout)
  end)

  describe("as agents of the Python runner have it", function()
    local COMMAND = "--plugin ./fine --action pe_status --status-file status.yaml "

    it("takes abbreviations, and the last of an option that is given twice", function()
      local result = run("--plug ./nowhere --plugin ./fine --act pe_status --status other.yaml --status-f=status.yaml "
        .. "--show --dry")
      assert.equal(0, result.code, result.stderr)
      assert.equal("fine", status().msg)
      assert.equal(workspace:read("status.yaml"), result.stdout)
      assert.is_nil(workspace:read("other.yaml"))
    end)

    it("exits with 0 whatever the outcome is; with the outcome as a number only when asked", function()
      for name, code in pairs { OK = 0, ERROR = 1, WARN = 2, UNKNOWN = 3 } do
        workspace:plugin_file("ends", ("function P:pe_status() return ActionStatusInfo{ status = ActionStatus.%s } end")
          :format(name))
        local command = "--plugin ./ends --action pe_status --status-file status.yaml "
        assert.equal(0, run(command).code)
        assert.equal(code, run(command .. "--exit-codes").code)
      end
      assert.equal(0, run("--plugin ./nowhere --action pe_status --status-file status.yaml").code)
      assert.equal("failing", status().status)
    end)

    it("takes log levels in any case, and Python's names", function()
      for level, logged in pairs { DEBUG = true, INFO = true, Warning = false, ERROR = false, critical = false } do
        local stderr = run(COMMAND .. "--log-level " .. level).stderr
        assert.equal(logged, stderr:find("pe_status: passing", 1, true) ~= nil, level)
      end
    end)

    it("appends the log to --logfile, and makes it for its owner alone", function()
      for count = 1, 2 do
        local result = run(COMMAND .. "--logfile log.txt")
        assert.same({ "", 0 }, { result.stderr, result.code })
        assert.equal(count, select(2, workspace:read("log.txt"):gsub("pe_status: passing: fine", "")))
      end
      assert.equal("rw-------", require("lfs").attributes(workspace:path("log.txt"), "permissions"))
      local result = run(COMMAND .. "--logfile nowhere/log.txt --log-config python.conf")
      assert.equal(0, result.code)
      assert.matches("cannot open the log file nowhere/log.txt.*log%-config.*has no meaning.*pe_status: passing: fine",
        result.stderr)
    end)

    it("generates a config for every action, which is valid", function()
      for action in ACTIONS:gmatch "%S+" do
        run(("--gen-config action.yaml --action %s"):format(action))
        assert.equal(workspace:read("action.yaml"), run(("--action %s --gen-config"):format(action)).stdout)
        assert.truthy(os.execute(("cd '%s' && '%s' validate --plugin test --config action.yaml --action %s 2>&1")
          :format(workspace.root, RUNNER:gsub("[^/]*$", "bosun"), action)), action)
      end
    end)

    it("lists plugins with their other names, those of the search path last", function()
      workspace:mkdir("one"); workspace:mkdir("one/folder"); workspace:mkdir("one/empty")
      workspace:plugin_file("one/mine", FINE); workspace:plugin_file("one/docker", FINE)
      workspace:plugin_file("one/folder/init", FINE)
      local listed = "docker,docker-plugin\nfilesystem,filesystem_plugin\nkubernetes,k8s,k8s-plugin\ntest\n"
        .. "folder\nmine\n"
      assert.same({ stdout = listed, stderr = "", code = 0 }, run("--list-plugins", "BOSUN_PLUGIN_PATH=one"))
    end)

    it("is run under the other name of the program", function()
      local program = RUNNER:gsub("[^/]*$", "plugin-runner")
      assert.truthy(os.execute(("cd '%s' && '%s' %s 2>stderr"):format(workspace.root, program, COMMAND)))
      assert.equal("fine", status().msg)
    end)
  end)

  describe("that is wrong", function()
    -- words, what standard error must say
    local wrong = {
      { "", "--plugin is missing" },
      { "--plugin x", "--action is missing" },
      { "--plugin x --action pe_status", "--status-file is missing" },
      { "--plugin", "--plugin needs a value" },
      { "--plugin= --action pe_status", "--plugin has an empty value" },
      { "--li", "--li is ambiguous: write --list-actions or --list-plugins" },
      { "--gen-config", "--gen-config needs --action" },
      { "--show-status=yes", "--show-status takes no value" },
      { "--plugn x", "did you mean --plugin?" },
      { "--status_file x", "did you mean --status-file?" },
      { "--action pe_statsu", 'did you mean "pe_status"?' },
      { "--action frobnicate", 'unknown action "frobnicate"; expected plugin_start, plugin_stop,' },
      { "--timeout 0", "expected a number of seconds above 0" },
      { "--timeout -1", "expected a number of seconds above 0" },
      { "--timeout nan", "expected a number of seconds above 0" },
      { "--timeout 5x", "expected a number of seconds above 0" },
      { "--log-level loud", 'unknown log level "loud"; expected trace, debug, info, warn or error' },
      { "--log-level warm", 'did you mean "warn"?' },
      { "--log-format jsn", 'did you mean "json"?' },
      { "pe_status", 'unexpected argument "pe_status"; options begin with "--"' },
      { "--plugin x --action deployment_start --status-file status.yaml", "--config is missing" },
    }
    for _, case in ipairs(wrong) do
      it("is refused: " .. (case[1] == "" and "nothing" or case[1]), function()
        local result = run(case[1])
        assert.equal(64, result.code)
        assert.equal("", result.stdout)
        assert.truthy(result.stderr:find(case[2], 1, true), result.stderr)
      end)
    end

    it("leaves a failing status as soon as the status file is known", function()
      workspace:write("status.yaml", 'status: "passing"\n')
      local result = run("--plugn x --status-file status.yaml")
      assert.equal(64, result.code)
      assert.equal("failing", status().status)
      assert.truthy(status().msg:find("did you mean --plugin?", 1, true))
    end)

    it("does not bring the program down, however long it is", function()
      local long = "\"$(head -c 100000 /dev/zero | tr '\\0' a)\""
      local result = run("--plugin " .. long .. " --action pe_status --status-file status.yaml")
      assert.equal(0, result.code)
      assert.equal("failing", status().status)
      assert.equal(64, run("--" .. long).code)
    end)
  end)

  describe("finds a plugin", function()
    local function message(plugin, environment)
      run(("--plugin '%s' --action pe_status --status-file status.yaml"):format(plugin), environment)
      return status().msg
    end

    it("by path, with or without .lua, relative to the working directory", function()
      workspace:mkdir("dir")
      workspace:plugin_file("dir/inner", FINE)
      for _, plugin in ipairs { "dir/inner", "./dir/inner.lua", workspace:path("dir/inner"), "fine.lua" } do
        assert.equal("fine", message(plugin))
      end
    end)

    it("by name in BOSUN_PLUGIN_PATH, in three forms, the first folder first", function()
      workspace:mkdir("one"); workspace:mkdir("two"); workspace:mkdir("two/b"); workspace:mkdir("two/c")
      workspace:plugin_file("one/a", FINE:gsub("fine", "one a"))
      workspace:plugin_file("two/a", FINE:gsub("fine", "two a"))
      workspace:plugin_file("two/b/b", FINE:gsub("fine", "two b"))
      workspace:plugin_file("two/c/init", FINE:gsub("fine", "two c"))
      local path = ("BOSUN_PLUGIN_PATH='%s::%s'"):format(workspace:path("one"), workspace:path("two"))
      assert.equal("one a", message("a", path))
      assert.equal("two b", message("b", path))
      assert.equal("two c", message("c", path))
    end)

    it("among the built-in ones", function()
      run("--plugin filesystem --action plugin_start --status-file status.yaml")
      assert.equal("passing", status().status)
      run("--plugin test --action pe_status --status-file status.yaml --private-config "
        .. workspace:write("test.yaml", "pe_status_time_sec: 0\n"))
      assert.equal("passing", status().status)
    end)

    it("by the names that the Python runner has for it", function()
      run("--plugin filesystem_plugin --action plugin_start --status-file status.yaml")
      assert.equal("passing", status().status)
      for _, name in ipairs { "s3", "s3_plugin", "snowflake", "azureml_plugin", "aws", "sap" } do
        assert.equal(("%q is a plugin of the Python package that Bosun does not have: see "
          .. "docs/how-to/coming-from-python.md"):format(name), message(name))
      end
      for _, name in ipairs { "kubernetes", "k8s", "k8s-plugin" } do
        assert.matches("generatedImageRepo: missing", message(name), nil, true)
      end
    end)

    it("by a dotted name, whose dots are folders of the search path", function()
      workspace:mkdir("one"); workspace:mkdir("one/pkg")
      workspace:plugin_file("one/pkg/mod", FINE)
      assert.equal("fine", message("pkg.mod", "BOSUN_PLUGIN_PATH=one"))
      assert.matches('no plugin named "pkg%.mod"', message("pkg.mod"))
    end)

    it("but not one that is written in Python", function()
      workspace:write("old.py", "class Old: pass")
      for _, plugin in ipairs { "./old.py", "old.py", "./old" } do
        assert.matches("is a Python plugin, and Bosun's plugins are written in Lua", message(plugin))
      end
    end)

    it("never by name in the working directory", function()
      assert.truthy(message("fine"):find('no plugin named "fine"', 1, true))
    end)

    it("or says what comes near", function()
      assert.truthy(message("filesytem"):find('did you mean "filesystem"?', 1, true))
      assert.truthy(message("./nowhere"):find("no plugin file ./nowhere.lua", 1, true))
    end)

    it("with the modules beside it, and never those of the working directory", function()
      workspace:mkdir("dir")
      workspace:write("dir/words.lua", "return { greeting = 'from beside' }")
      workspace:write("stray.lua", "return {}")
      workspace:plugin_file("dir/speaks", [[
        local words = require "words"
        function P:pe_status()
          return ActionStatusInfo{ status = ActionStatus.OK, msg = words.greeting .. tostring(pcall(require, "stray")) }
        end]])
      assert.equal("from besidefalse", message("dir/speaks"))
    end)
  end)

  it("keeps a plugin's own output off standard output", function()
    workspace:plugin_file("loud", [[
      function P:pe_status()
        print("printed", 1)
        io.write("written\n")
        io.stdout:write("written to stdout\n")
        return ActionStatusInfo{ status = ActionStatus.OK }
      end]])
    local result = run("--plugin ./loud --action pe_status --status-file status.yaml")
    assert.equal("", result.stdout)
    for _, text in ipairs { "printed\t1", "written\n", "written to stdout\n" } do
      assert.truthy(result.stderr:find(text, 1, true), text)
    end
  end)

  it("logs in the format and from the level that is asked for", function()
    local command = "--plugin ./fine --action pe_status --status-file status.yaml "
    assert.truthy(run(command).stderr:match("^%d+%-%d+%-%d+T[%d:.]+Z INFO  pe_status: passing: fine"))
    assert.truthy(run(command .. "--log-format json").stderr:match('^{"time":".-","level":"info","message":"pe_status'))
    assert.truthy(run(command .. "--log-format logfmt").stderr:match('^time=%S+ level=info msg="pe_status: passing'))
    assert.equal("", run(command .. "--log-level warn").stderr)
  end)

  it("traces every call to the outside as JSON lines", function()
    workspace:plugin_file("reads", [[
      function P:pe_status()
        require("bosun.fs").read("/nonexistent/file")
        return ActionStatusInfo{ status = ActionStatus.OK }
      end]])
    run("--plugin ./reads --action pe_status --status-file status.yaml --trace trace.jsonl --log-level error")
    local found
    for line in io.lines(workspace:path("trace.jsonl")) do
      local event = require("cjson").decode(line)
      if event.message == "fs.read" then found = event end
    end
    assert.truthy(found)
    assert.equal("trace", found.level)
    assert.equal('"/nonexistent/file"', found.args)
    assert.truthy(found.outcome:find("ENOENT", 1, true))
    assert.equal("number", type(found.seconds))
  end)

  it("traces how each program ended, and each attempt of a request", function()
    workspace:plugin_file("asks", [[
      local http, process = require "bosun.http", require "bosun.process"
      function P:pe_status()
        process.run { "sh", "-c", "echo why >&2; exit 3" }
        do
          local p <close> = process.spawn { "sh", "-c", "exit 4" }
          p:wait()
        end
        http.get("http://127.0.0.1:1/", { retry = { max = 1, backoff = 0 } })
        return ActionStatusInfo{ status = ActionStatus.OK }
      end]])
    run("--plugin ./asks --action pe_status --status-file status.yaml --trace trace.jsonl --log-level error")
    local seen = {}
    for line in io.lines(workspace:path("trace.jsonl")) do
      local event = require("cjson").decode(line)
      if event.level == "trace" then
        seen[#seen + 1] = ("%s %s: %s"):format(event.message, event.args, event.outcome)
      end
    end
    assert.equal("process.run sh -c 'echo why >&2; exit 3': ended with exit status 3: why", seen[1])
    assert.matches("^process%.spawn sh %-c 'exit 4': running as process %d+$", seen[2])
    assert.equal("process.end sh -c 'exit 4': ended with exit status 4", seen[3])
    assert.matches("^http%.get GET http://127%.0%.0%.1:1/: .*, attempt 1, the next in 0 s$", seen[4])
    assert.matches("^http%.get GET http://127%.0%.0%.1:1/: .*, attempt 2$", seen[5])
    assert.equal(5, #seen)
  end)

  it("takes secrets out of the names of log fields, too", function()
    workspace:plugin_file("names", [[
      function P:pe_status()
        self.log:info("said", { [require("bosun.secret").new("canary-77777"):reveal()] = "x" })
        return ActionStatusInfo{ status = ActionStatus.OK }
      end]])
    local stderr = run("--plugin ./names --action pe_status --status-file status.yaml").stderr
    assert.is_nil(stderr:find("canary", 1, true), stderr)
    assert.truthy(stderr:find("[redacted]=x", 1, true), stderr)
  end)

  it("says in a dry run what would be done, in order, and does nothing", function()
    local base = workspace:mkdir("base")
    workspace:plugin_file("writes", ([[
      local fs = require "bosun.fs"
      function P:pe_status()
        assert(fs.mkdir("%s/a"))
        assert(fs.write("%s/a/b", "text"))
        return ActionStatusInfo{ status = ActionStatus.OK, msg = tostring(self.dry_run) }
      end]]):format(base, base))
    local result = run("--plugin ./writes --action pe_status --status-file status.yaml --dry-run")
    assert.equal(0, result.code)
    assert.equal("dry run, nothing was changed: true", status().msg)
    assert.equal("", workspace:tree("base"))
    local plan = status().data.plan
    assert.equal(2, #plan)
    assert.same({ "fs.mkdir", base .. "/a", "folder" }, { plan[1].operation, plan[1].target, plan[1].after })
    assert.same({ "fs.write", base .. "/a/b", "4 bytes" }, { plan[2].operation, plan[2].target, plan[2].after })
    assert.truthy(result.stderr:find("fs.mkdir.-fs.write"))
  end)

  it("exits with 4 if a dry run has something to change, with --detailed-exit-codes", function()
    workspace:plugin_file("writes", [[
      local fs = require "bosun.fs"
      function P:pe_status()
        assert(fs.write("file", "text"))
        return ActionStatusInfo.passing "written"
      end
      function P:plugin_start()
        assert(fs.write("other", "text"))
        return ActionStatusInfo.warning "odd"
      end
      function P:plugin_stop() error "no" end]])
    local function code(words)
      return run("--plugin ./writes --status-file status.yaml --action " .. words).code
    end
    assert.equal(4, code "pe_status --dry-run --detailed-exit-codes")
    assert.equal(0, code "pe_status --dry-run --exit-codes")
    assert.equal(0, code "pe_status --detailed-exit-codes")
    assert.equal(0, code "pe_status --dry-run --detailed-exit-codes") -- the file is there
    assert.equal(2, code "plugin_start --dry-run --detailed-exit-codes")
    assert.equal(1, code "plugin_stop --dry-run --detailed-exit-codes")
    assert.equal(1, code "plugin_stop --detailed-exit-codes")
  end)

  it("shows the plan of a dry run as a diff in comments, in colour if wanted", function()
    workspace:write("old", "12345")
    workspace:mkdir "gone"
    workspace:plugin_file("changes", [[
      local fs, effect = require "bosun.fs", require "bosun.effect"
      function P:pe_status()
        local _ <close> = effect.because "the settings differ"
        assert(fs.write("old", "text"))
        assert(fs.write("new", "text"))
        assert(fs.remove "gone")
        effect.begin("job.run", "nightly")
        return ActionStatusInfo.passing "changed"
      end]])
    local words = "--plugin ./changes --action pe_status --status-file status.yaml --show-status --dry-run"
    local diff = [[

# 4 changes are planned
# ~ fs.write old  (the settings differ)
#     - 5 bytes
#     + 4 bytes
# + fs.write new  (the settings differ)
#     + 4 bytes
# - fs.remove gone  (the settings differ)
#     - folder
# > job.run nightly  (the settings differ)
]]
    local plain = run(words)
    assert.equal(workspace:read "status.yaml" .. diff, plain.stdout)
    assert.is_nil(workspace:read("status.yaml"):find("#", 1, true))
    local colored = run(words .. " --color always").stdout
    assert.truthy(colored:find("\27[33m~ fs.write old\27[0m", 1, true), colored)
    assert.truthy(colored:find("\27[31m- fs.remove gone\27[0m", 1, true), colored)
    assert.equal(diff, (colored:gsub("\27%[[%d;]*m", "")):sub(-#diff))
    assert.is_nil(run("--plugin ./changes --action plugin_start --status-file status.yaml --show-status --dry-run")
      .stdout:find("#", 1, true))
  end)

  it("hides the agent's token, wherever the plugin repeats it", function()
    workspace:plugin_file("leaks", [[
      function P:pe_status()
        local token = self.plugin_config.mlopsApiToken
        print("the token is " .. token)
        self.log:info("token", { value = token })
        return ActionStatusInfo{ status = ActionStatus.OK, msg = token, data = { [token] = { token } } }
      end
      function P:plugin_start() error("no good: " .. self.plugin_config.mlopsApiToken) end]])
    workspace:write("config.yaml", 'pluginConfig: {mlopsApiToken: "canary-4711-token"}\n')
    for _, action in ipairs { "pe_status", "plugin_start" } do
      local result = run(("--plugin ./leaks --action %s --status-file status.yaml --config config.yaml --show-status "
        .. "--log-level trace --trace trace.jsonl"):format(action))
      local everything = result.stdout .. result.stderr .. workspace:read("status.yaml")
        .. workspace:read("trace.jsonl")
      assert.falsy(everything:find("canary", 1, true))
      assert.truthy(status().msg:find("[redacted]", 1, true))
    end
  end)

  it("tells a status path that cannot be used from one that can", function()
    workspace:mkdir("folder")
    os.execute(("ln -s nowhere/file '%s'"):format(workspace:path("link")))
    for _, path in ipairs { "folder", "link", "missing/status.yaml" } do
      local result = run("--plugin ./fine --action pe_status --status-file " .. path)
      assert.equal(74, result.code, path)
      assert.truthy(result.stderr:find(path:match("^[^/]+"), 1, true))
      assert.truthy(result.stderr:find("the action was not run", 1, true))
    end
  end)

  it("writes through a symbolic link, which stays, and replaces what it leads to", function()
    workspace:mkdir("folder")
    workspace:write("folder/real.yaml", "of another run")
    os.execute(("cd '%s'; ln -s folder/real.yaml link; ln -s link again; ln -s folder/new.yaml dangling; "
      .. "ln folder/real.yaml old"):format(workspace.root))
    for link, file in pairs { again = "folder/real.yaml", dangling = "folder/new.yaml" } do
      assert.equal(0, run("--plugin ./fine --action pe_status --status-file " .. link).code)
      assert.equal("fine", workspace:read_yaml(file).msg)
      assert.equal("link", require("lfs").symlinkattributes(workspace:path(link), "mode"))
    end
    assert.equal("of another run", workspace:read("old")) -- replaced, not overwritten
  end)

  it("writes the outcome alone to a FIFO, a device or a descriptor", function()
    local command = "--plugin ./fine --action pe_status --status-file "
    local result = run(command .. "/dev/stdout")
    assert.equal(0, result.code)
    assert.matches('^status: "passing"\nmsg: "fine"\n.*data: null\n$', result.stdout)
    assert.equal(0, run(command .. "/dev/null").code)
    assert.equal(0, run(command .. "/dev/fd/1 >>kept; echo >/dev/null").code)
    workspace:write("kept", "kept\n")
    os.execute(("cd '%s' && '%s' %s /dev/stdout >>kept 2>/dev/null"):format(workspace.root, RUNNER, command))
    assert.matches('^kept\nstatus: "passing"\n', workspace:read("kept"))
    os.execute(("cd '%s'; mkfifo fifo; cat fifo >read 2>/dev/null & echo $! >'%s/cat'"):format(workspace.root,
      workspace.root))
    assert.equal(0, run(command .. "fifo; while kill -0 $(cat cat) 2>/dev/null; do :; done").code)
    assert.matches('^status: "passing"\nmsg: "fine"\n.*data: null\n$', workspace:read("read"))
    result = run(command .. "/dev/full")
    assert.equal(74, result.code)
    assert.matches("cannot write /dev/full: No space left on device %(ENOSPC%); the outcome is in the log only",
      result.stderr)
  end)

  it("survives closed standard streams", function()
    for _, streams in ipairs { "<&-", ">&-", "2>&-", "<&- >&- 2>&-" } do
      os.remove(workspace:path("status.yaml"))
      run("--plugin ./fine --action pe_status --status-file status.yaml --show-status " .. streams)
      assert.equal("fine", status().msg, streams)
    end
  end)

  it("keeps the outcome when standard output is full", function()
    local result = run("--plugin ./fine --action pe_status --status-file status.yaml --show-status >/dev/full")
    assert.equal(0, result.code)
    assert.equal("passing", status().status)
    assert.truthy(result.stderr:find("standard output", 1, true))
    assert.equal(74, run("--help >/dev/full").code)
  end)
end)
