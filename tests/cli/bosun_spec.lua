-- bosun, the developer's tool, from outside: describe and validate.

local Workspace = require "tests.support.runner"
local cjson = require "cjson"
local lfs = require "lfs"

local function absolute(path)
  return path:sub(1, 1) == "/" and path or lfs.currentdir() .. "/" .. path
end

local TOOL = absolute(os.getenv("BOSUN_BUILD") or "build") .. "/bosun"

local ACTIONS = { "plugin_start", "plugin_stop", "deployment_start", "deployment_stop", "deployment_replace_model",
  "deployment_status", "pe_status", "deployment_list", "deployment_relaunch", "endpoint_update", "endpoint_status" }

local SCHEMA = [[
P.config_schema = {
  url = { type = "url", required = true, description = "where the cluster is" },
  size = { type = "string", enum = { "small", "large" }, default = "small" },
  port = { type = "integer", min = 1, max = 65535 },
  token = { type = "string", secret = true },
  name = { type = "string", pattern = "^%l+$", check = function(v) return v ~= "root", "root is not allowed" end },
  server = { type = "map", fields = { host = { type = "string", required = true }, wait = { type = "seconds" } } },
  ports = { type = "map", keys = { type = "integer" }, values = { type = "integer", max = 9 }, default = { [80] = 8 } },
  labels = { type = "list", items = { type = "string" }, default = { "a", "b" } },
}
function P:init() error("a plugin object was made") end
function P:pe_status() error("an action was run") end
]]

describe("bosun", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- Runs the tool with a command line in shell syntax, in the workspace.
  local function run(words)
    local pipe = assert(io.popen(("cd '%s' && '%s' %s 2>stderr </dev/null"):format(workspace.root, TOOL, words)))
    local stdout = pipe:read("a")
    local _, how, code = pipe:close()
    return { stdout = stdout, stderr = workspace:read("stderr"), code = how == "exit" and code or -1 }
  end

  local function json(words)
    local result = run(words)
    return cjson.decode(result.stdout), result.code
  end

  describe("run", function()
    before_each(function()
      workspace:plugin_file("echo", [[
        function P:deployment_start(d)
          return ActionStatusInfo{ status = ActionStatus[d.name or "OK"], state = DeploymentState.READY, data = {
            info = d, pe = self.pe_info, config = self.plugin_config, half = 0.5, list = { 1 }, [5] = true } }
        end
        function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, msg = "fine" } end
        function P:plugin_stop() require("bosun.fs").write("written", "x") while true do end end]])
    end)

    it("prints the status, and exits with the outcome", function()
      for name, code in pairs { OK = 0, ERROR = 1, WARN = 2, UNKNOWN = 3 } do
        local result = run(("run ./echo deployment_start deploymentInfo.id=d1 deploymentInfo.name=%s"):format(name))
        assert.equal(code, result.code)
        assert.matches('^status: "%l+"\nmsg: null\nstate: "ready"\nduration: [%d.]+\ntimestamp: %d+\ndata:\n',
          result.stdout)
        assert.matches("deployment_start: %l+ plugin=P", result.stderr)
      end
    end)

    it("takes values of the config, which win over the file and are text where the config has text", function()
      workspace:write("a.yaml", "deploymentInfo: {id: file, modelId: A, keyValueConfig: {memory: 1Gi, cpus: 2}}\n")
      local status, code = json("run ./echo deployment_start --config a.yaml --format json deploymentInfo.id=17 "
        .. "deploymentInfo.keyValueConfig.memory=2Gi 'peInfo.deployments=[a, b]' pluginConfig.n=1.5")
      assert.equal(0, code)
      assert.same({ id = "17", modelId = "A", keyValueConfig = { memory = "2Gi", cpus = 2 } }, status.data.info)
      assert.same({ deployments = { "a", "b" } }, status.data.pe)
      assert.same({ n = 1.5 }, status.data.config)
      assert.same({ 0.5, { 1 }, true }, { status.data.half, status.data.list, status.data["5"] })
      assert.equal(cjson.null, status.msg)
    end)

    it("checks the config that results", function()
      local result = run("run ./echo deployment_start deploymentInfo.id=")
      assert.equal(1, result.code)
      assert.matches('msg: "deploymentInfo.id: an id cannot be empty"', result.stdout)
      for _, words in ipairs { "=d1", "deploymentInfo.=x", "deploymentInfo..id=x", "peInfo.x='[a'", "deploymentInfo.id",
        "deploymentinfo.id=d1" } do
        result = run("run ./echo deployment_start " .. words)
        assert.same({ "", 64 }, { result.stdout, result.code }, words)
      end
      assert.equal(64, run("run ./echo pe_status id=d1").code)
    end)

    it("takes a key without a section for one of what the action is about", function()
      local status = json("run ./echo deployment_start --format json id=17 name=OK "
        .. "deploymentInfo.modelId=A..B")
      assert.same({ id = "17", name = "OK", modelId = "A..B" }, status.data.info)
    end)

    it("is supervised like the runner: dry run, timeout, log and trace", function()
      local result = run("run ./echo plugin_stop --timeout 0.2 --dry-run --trace trace.jsonl --logfile log.txt")
      assert.same({ 1, "" }, { result.code, result.stderr })
      assert.matches("timed out after 0.2 s", result.stdout)
      assert.is_nil(workspace:read("written"))
      assert.matches("fs.write", workspace:read("trace.jsonl"))
      assert.matches("timed out", workspace:read("log.txt"))
    end)

    it("colours the outcome on a terminal only, and not against the will of its user", function()
      local function on_terminal(environment)
        local pipe = assert(io.popen(("cd '%s' && %s script -qec \"'%s' run ./echo pe_status --log-level error\" "
          .. "/dev/null </dev/null"):format(workspace.root, environment, TOOL)))
        local text = pipe:read("a")
        pipe:close()
        return text:match "^[^\r\n]*"
      end
      assert.equal('\27[32mstatus: "passing"\27[0m', on_terminal "NO_COLOR=")
      assert.equal('status: "passing"', on_terminal "NO_COLOR=1")
      assert.matches('^status: "passing"\n', run("run ./echo pe_status").stdout)
    end)

    it("leaves nothing behind", function()
      workspace:plugin_file("where", [[function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK,
        data = require("bosun.fs").list("/tmp") } end]])
      local folders = json("run ./where pe_status --format json").data
      local found
      for _, name in ipairs(folders) do
        if name:find "^bosun%-run%-" then found = true end
      end
      assert.is_true(found)
      assert.equal(74, run("run ./echo pe_status >/dev/full").code)
    end)
  end)

  it("prints help and version", function()
    for words, pattern in pairs {
      ["--help"] = "^usage: bosun COMMAND.*run.*describe.*validate", ["-h"] = "^usage: bosun COMMAND",
      ["--version"] = "^bosun %d+%.%d+%.%d+\n$", ["describe --help"] = "^usage: bosun describe.*%-%-format",
      ["validate -h"] = "^usage: bosun validate.*%-%-private%-config.*%-%-action",
    } do
      local result = run(words)
      assert.matches(pattern, result.stdout)
      assert.same({ "", 0 }, { result.stderr, result.code })
    end
  end)

  it("refuses a wrong command line with 64 and says what is near", function()
    for words, pattern in pairs {
      [""] = "a command is missing",
      ["descrieb test"] = 'unknown command "descrieb"; did you mean "describe"?',
      ["--hepl"] = "unknown option --hepl; did you mean --help?", ["describe"] = "PLUGIN is missing: a plugin's name",
      ["describe test twice"] = 'unexpected argument "twice"; options begin with "--"',
      ["describe test --formt json"] = "unknown option --formt; did you mean --format?",
      ["describe test --format jsn"] = 'unknown format "jsn"; did you mean "json"?',
      ["describe ''"] = "PLUGIN has an empty value",
      ["describe test --timeout 0"] = '--timeout "0": expected a number of seconds above 0',
      ["validate"] = "--plugin is missing", ["validate --plugin test --config"] = "--config needs a value",
      ["validate --plugin test --action pe_stats"] = 'did you mean "pe_status"?',
      ["validate --plugin test --format yaml"] = 'unknown format "yaml"; expected text or json',
    } do
      local result = run(words)
      assert.same({ "", 64 }, { result.stdout, result.code }, words)
      assert.truthy(result.stderr:find(pattern, 1, true), result.stderr)
    end
  end)

  it("tells a plugin that is not there from one that is broken", function()
    workspace:write("broken.lua", "local x = = 1")
    workspace:write("raises.lua", 'error "not today"')
    workspace:write("plain.lua", "return {}")
    workspace:plugin_file("schema", "P.config_schema = { port = { type = 'integr' } }")
    workspace:plugin_file("kind", "P.config_schema = 5")
    for _, command in ipairs { "describe %s", "validate --plugin %s" } do
      for plugin, expected in pairs {
        filesytem = { 66, 'did you mean "filesystem"?' },
        ["./nothing"] = { 66, "no plugin file ./nothing.lua" },
        ["./broken"] = { 70, "broken.lua:1: " }, ["./raises"] = { 70, "raises.lua:1: not today" },
        ["./plain"] = { 70, "returned a plain table" },
        ["./schema"] = { 70, "the config_schema of P: port: type is integr; expected one of" },
        ["./kind"] = { 70, "P.config_schema is a number; expected a table of keys" },
      } do
        local result = run(command:format(plugin))
        assert.same({ "", expected[1] }, { result.stdout, result.code }, result.stderr)
        assert.truthy(result.stderr:find("bosun: ", 1, true))
        assert.truthy(result.stderr:find(expected[2], 1, true), result.stderr)
      end
    end
  end)

  it("stops a plugin that never ends", function()
    workspace:write("loop.lua", "while true do end")
    workspace:write("deaf.lua", 'string.find(("a"):rep(40), ("a?"):rep(40) .. ("a"):rep(40) .. "b")')
    local result = run "describe ./loop --timeout 0.3"
    assert.equal(70, result.code)
    assert.matches("timed out after 0.3 s while loading the plugin", result.stderr)
    result = run "validate --plugin ./deaf --timeout=0.1"
    assert.equal(70, result.code)
    assert.matches("timed out", result.stderr)
  end)

  it("ends with Ctrl-C", function()
    workspace:write("loop.lua", "io.stderr:write('running\\n') while true do end")
    local script = [[
      env --default-signal=INT "$0" describe ./loop 2>running & tool=$!
      until [ -s running ]; do sleep 0.01; done
      kill -INT $tool; wait $tool; exit $?]]
    -- A shell's background job ignores SIGINT; env gives it its meaning back.
    local pipe = io.popen(("cd '%s' && bash -c '%s' '%s' 2>/dev/null"):format(workspace.root, script, TOOL))
    pipe:read("a")
    assert.equal(130, select(3, pipe:close()))
  end)

  describe("describe", function()
    it("prints actions and options of the built-in plugins", function()
      for _, plugin in ipairs { "filesystem", "test" } do
        local text = run("describe " .. plugin).stdout
        assert.equal("plugin " .. plugin, text:match("^[^\n]*"))
        for _, action in ipairs(ACTIONS) do assert.matches("\n  " .. action, text) end
        assert.is_nil(text:find("NOT IMPLEMENTED", 1, true))
      end
      local text = run("describe filesystem").stdout
      assert.matches("\n  baseDir: a path; default \"%.\"\n      the folder with the deployment", text)
    end)

    it("tells what a plugin implements and what comes from the base class", function()
      workspace:plugin_file("own", SCHEMA)
      local text = run("describe ./own").stdout
      assert.matches("\n  pe_status\n", text)
      assert.matches("\n  plugin_start  NOT IMPLEMENTED\n", text)
      assert.matches("\n  deployment_relaunch  %(from the base class", text)
    end)

    it("prints every option's kind", function()
      workspace:plugin_file("own", SCHEMA)
      local text = run("describe ./own").stdout
      for _, line in ipairs {
        "url: an http or https URL; required", 'size: one of "small", "large"; default "small"',
        "port: an integer from 1 to 65535", "token: a string; secret", "name: a string; matches the Lua pattern ^%l+$",
        "server: a mapping", "server.host: a string; required", 'server.wait: seconds, or a duration such as 5m',
        'ports: a mapping; default {"80":8}; each key an integer', "ports.*: an integer, 9 or less",
        'labels: a list; default ["a","b"]', "labels[]: a string",
      } do
        assert.truthy(text:find("\n  " .. line .. "\n", 1, true), line .. "\n" .. text)
      end
    end)

    it("says so when there is no schema", function()
      workspace:plugin_file("none", "")
      workspace:plugin_file("empty", "P.config_schema = {}")
      assert.matches("options: unknown; the plugin has no config_schema\n$", run("describe ./none").stdout)
      assert.matches("options: none\n$", run("describe ./empty").stdout)
      assert.equal(cjson.null, json("describe ./none --format json").options)
      assert.same({}, json("describe ./empty --format json").options)
      assert.matches("^# The plugin P has no config_schema", run("describe ./none --format yaml-sample").stdout)
    end)

    it("prints JSON", function()
      workspace:plugin_file("own", SCHEMA)
      local description, code = json("describe ./own --format=json")
      assert.equal(0, code)
      assert.equal("P", description.plugin)
      local origins = {}
      for i, action in ipairs(description.actions) do
        assert.equal(ACTIONS[i], action.name)
        origins[action.name] = action.from
      end
      assert.same({ "plugin", "base", cjson.null },
        { origins.pe_status, origins.deployment_relaunch, origins.plugin_stop })
      local options = {}
      for _, option in ipairs(description.options) do options[option.path] = option end
      assert.same({ path = "url", type = "url", required = true, description = "where the cluster is" }, options.url)
      assert.same({ path = "size", type = "string", required = false, enum = { "small", "large" }, default = "small" },
        options.size)
      assert.same({ path = "port", type = "integer", required = false, min = 1, max = 65535 }, options.port)
      assert.is_true(options["server.host"].required)
      assert.same({ type = "integer", required = false }, options.ports.keys)
      assert.equal(9, options["ports.*"].max)
      assert.equal("string", options["labels[]"].type)
    end)

    it("prints a private config to start from", function()
      workspace:plugin_file("own", SCHEMA)
      local text = run("describe ./own --format yaml-sample").stdout
      assert.truthy(text:find("\n# where the cluster is: an http or https URL. Required.\nurl:\n", 1, true), text)
      assert.truthy(text:find('\n# size: "small"\n', 1, true), text)
      -- As it is, it lacks only what is required; with the comments gone it is whole.
      workspace:write("sample.yaml", text)
      local problems = json("validate --plugin ./own --private-config sample.yaml --format json")
      assert.equal(1, #problems)
      assert.equal("url", problems[1].path)
      local whole = text:gsub("\nurl:", "\nurl: http://h"):gsub("\n# (%w+:)", "\n%1"):gsub("\n#  ", "\n ")
        :gsub("host:", "host: h"):gsub('name: "text"', "name: abc")
      workspace:write("whole.yaml", whole)
      local result = run("validate --plugin ./own --private-config whole.yaml")
      assert.equal(0, result.code, result.stdout .. whole)
    end)

    it("shows the keys inside lists and maps in the sample", function()
      workspace:plugin_file("own", [[
P.config_schema = {
  servers = { type = "list", items = { type = "map", fields = {
    host = { type = "string", required = true }, port = { type = "integer", default = 80 } } } },
  needed = { type = "list", required = true, items = { type = "map", fields = {
    a = { type = "any", required = true } } } },
  deep = { type = "map", keys = { type = "integer", min = 3 }, values = { type = "list", items = { type = "list",
    items = { type = "map", fields = { z = { type = "boolean" } } } } } },
  set = { type = "list", default = { { b = 1 } }, items = { type = "map", fields = { b = { type = "integer" } } } },
}]])
      assert.equal([[
# Private config of the plugin P. A key that is commented out shows its default, or an example.

# a mapping; each key an integer, 3 or more.
# deep:
#   3:
#     -
#       -
#         # true or false.
#         z: true

# a list. Required.
needed:
  -
    # a value. Required.
    a:

# a list.
# servers:
#   -
#     # a string. Required.
#     host:
#     # an integer; default 80.
#     port: 80

# a list; default [{"b":1}].
# set:
#   - "b": 1
]], run("describe ./own --format yaml-sample").stdout)
    end)

    it("prints samples of the built-in plugins that are right as they are", function()
      for _, plugin in ipairs { "filesystem", "test" } do
        workspace:write("sample.yaml", run("describe " .. plugin .. " --format yaml-sample").stdout)
        local result = run("validate --plugin " .. plugin .. " --private-config sample.yaml")
        assert.same({ "", 0 }, { result.stdout, result.code })
      end
    end)
  end)

  describe("validate", function()
    local PRIVATE = "baseDri: x\ndeploymentInfoFile: a/b\ndeploymentKVFile: 5\n"
    local ACTION = "deploymentInfo:\n  ID: x\npeInfo: [1]\n"

    before_each(function()
      workspace:plugin_file("own", SCHEMA)
      workspace:write("private.yaml", PRIVATE)
      workspace:write("action.yaml", ACTION)
    end)

    it("prints every problem of both files, with its place", function()
      local result = run("validate --plugin filesystem --private-config private.yaml --config action.yaml "
        .. "--action deployment_start")
      assert.equal(78, result.code)
      assert.equal([[
private.yaml:1:1: baseDri: unknown key; did you mean "baseDir"?
private.yaml:2:21: deploymentInfoFile: the name contains a '/' (at byte 2)
private.yaml:3:19: deploymentKVFile: expected a string, found the integer 5: put it in quotes
action.yaml:3:9: peInfo: expected a mapping, found a list: write "key: value" lines below it
action.yaml:2:3: deploymentInfo.ID: unknown key; did you mean "id"?
]], result.stdout)
      assert.equal("bosun: 5 problems\n", result.stderr)
    end)

    it("prints them as JSON", function()
      local problems, code = json("validate --plugin filesystem --private-config private.yaml --config action.yaml "
        .. "--format json")
      assert.equal(78, code)
      assert.equal(4, #problems)
      assert.same({ file = "private.yaml", line = 1, column = 1, path = "baseDri",
        message = 'unknown key; did you mean "baseDir"?' }, problems[1])
      assert.same({ "action.yaml", 3, 9, "peInfo" },
        { problems[4].file, problems[4].line, problems[4].column, problems[4].path })
      workspace:write("fine.yaml", "baseDir: .\n")
      local result = run("validate --plugin filesystem --private-config fine.yaml --format json")
      assert.same({ "[]\n", "", 0 }, { result.stdout, result.stderr, result.code })
    end)

    it("finds out that the plugin lacks the action", function()
      workspace:plugin_file("lacking", "function P:deployment_stop() end function P:deployment_strat() end")
      workspace:write("good.yaml", "deploymentInfo: {id: d}\n")
      for action, lacked in pairs { deployment_start = "deployment_start", deployment_relaunch = "deployment_start",
        plugin_stop = "plugin_stop" } do
        local result = run("validate --plugin ./lacking --config good.yaml --action " .. action)
        assert.equal(78, result.code)
        assert.matches('^/.*/lacking.lua:5: plugin "P" has no method ' .. lacked .. ": define function P:",
          result.stdout)
      end
      local problems = json "validate --plugin ./lacking --config good.yaml --action deployment_start --format json"
      assert.same({ 1, 5, cjson.null, "" }, { #problems, problems[1].line, problems[1].column, problems[1].path })
      assert.matches("is deployment_strat a misspelling of it%?$", problems[1].message)
      assert.equal(0, run("validate --plugin ./lacking --config good.yaml --action deployment_stop").code)
      assert.equal(0, run("validate --plugin ./lacking --config good.yaml").code)
    end)

    it("runs no action, makes no plugin object and changes nothing", function()
      workspace:write("fine.yaml", "url: http://h\nserver: {host: h}\n")
      workspace:write("writes.lua", workspace:read("own.lua"):gsub("return P", [[
        assert(require("bosun.fs").write("was-here", "x"))
        return P]]))
      workspace:write("stderr", "")
      local before = workspace:tree "."
      local result = run("validate --plugin ./writes --private-config fine.yaml --action pe_status")
      assert.same({ "", "bosun: 0 problems\n", 0 }, { result.stdout, result.stderr, result.code })
      workspace:write("stderr", "")
      assert.equal(before, workspace:tree ".")
    end)

    it("checks what an action needs only for that action", function()
      workspace:write("none.yaml", "pluginConfig: {}\n")
      assert.equal(0, run("validate --plugin test --config none.yaml").code)
      assert.equal(0, run("validate --plugin test --config none.yaml --action pe_status").code)
      assert.equal(0, run("validate --plugin test --action pe_status").code)
      local result = run("validate --plugin test --config none.yaml --action deployment_stop")
      assert.same({ "none.yaml:1:1: deploymentInfo: missing: deployment_stop needs it\n", 78 },
        { result.stdout, result.code })
      local problems = json("validate --plugin test --action deployment_stop --format json")
      assert.equal(cjson.null, problems[1].file)
      assert.same({ "deploymentInfo", "missing: deployment_stop needs it; no action config was given" },
        { problems[1].path, problems[1].message })
    end)

    it("names a required key when there is no private config", function()
      local problems, code = json("validate --plugin ./own --format json")
      assert.equal(78, code)
      assert.same({ cjson.null, "url" }, { problems[1].file, problems[1].path })
      assert.matches('missing: expected an http or https URL.*; no private config was given', problems[1].message)
      assert.matches("^url: missing: expected", run("validate --plugin ./own").stdout)
    end)

    it("takes files that cannot be read, or are no YAML, for problems", function()
      workspace:write("bad.yaml", "a: [1\nb: 2\n")
      for _, option in ipairs { "--config", "--private-config" } do
        for _, plugin in ipairs { "test", "./none" } do
          workspace:plugin_file("none", "")
          local problems, code = json(("validate --plugin %s %s bad.yaml --format json"):format(plugin, option))
          assert.equal(78, code)
          assert.equal(1, #problems)
          assert.same({ "bad.yaml", "" }, { problems[1].file, problems[1].path })
          assert.equal(2, problems[1].line)
          assert.is_nil(problems[1].message:find("bad.yaml", 1, true))
          local result = run(("validate --plugin %s %s nothing.yaml"):format(plugin, option))
          assert.equal(78, result.code)
          assert.equal("nothing.yaml: cannot open nothing.yaml: No such file or directory (ENOENT)\n", result.stdout)
        end
      end
    end)

    it("says that a plugin without a schema cannot be checked", function()
      workspace:plugin_file("none", "")
      local result = run("validate --plugin ./none --private-config private.yaml")
      assert.equal(0, result.code)
      assert.matches("the plugin has no config_schema: only the YAML syntax of private.yaml was checked", result.stderr)
    end)

    it("shows no secret", function()
      workspace:write("secret.yaml", "url: http://h\ntoken: 123456\n")
      local result = run("validate --plugin ./own --private-config secret.yaml")
      assert.equal(78, result.code)
      assert.is_nil((result.stdout .. result.stderr):find("123456", 1, true))
    end)

    it("takes the samples that come with the program", function()
      local samples = lfs.currentdir() .. "/sample_configs/"
      for _, case in ipairs {
        { "filesystem", "plugin.filesystem.conf.yaml" }, { "test", "plugin.test.conf.yaml" },
        { lfs.currentdir() .. "/sample_plugin/sample_plugin", "sample_plugin_config.yaml" },
      } do
        local result = run(("validate --plugin %s --private-config %s --action deployment_start --config %s"):format(
          case[1], samples .. case[2], samples .. "action_config_deployment_1_model_A.yaml"))
        assert.same({ "", 0 }, { result.stdout, result.code })
      end
    end)

    it("fails when its output cannot be written", function()
      local result = run("describe test >/dev/full")
      assert.equal(74, result.code)
      assert.matches("standard output", result.stderr)
    end)
  end)

  it("shows all of a text with a NUL byte", function()
    workspace:plugin_file("nul", [[
      P.config_schema = { port = { type = "integer", description = "before\0after",
        check = function() return nil, "bad\0port" end } }
    ]])
    workspace:write("nul.yaml", "port: 1\n")
    assert.truthy(run("describe ./nul.lua").stdout:find([[before\0after]], 1, true))
    local checked = run("validate --plugin ./nul.lua --private-config nul.yaml")
    assert.equal("nul.yaml:1:7: port: bad\\0port\n", checked.stdout)
  end)
end)
