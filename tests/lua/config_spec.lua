-- bosun.config, used by a plugin inside the host.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.config", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- The result of config.load for a file with this text (false: no file) and a schema in Lua source: the config, or
  --- nil and the error's fields.
  local function load(text, schema)
    if text then workspace:write("private.yaml", text) end
    local result = workspace:eval(([[
      local loaded, err = require("bosun.config").load(%s, %s)
      if loaded then return { config = loaded } end
      return { code = err.code, op = err.op, message = tostring(err), problems = err.problems }
    ]]):format(text and ("%q"):format(workspace:path "private.yaml") or "nil", schema))
    return result.config, result
  end

  local function value_of(yaml, spec)
    local config, failure = load("key: " .. yaml .. "\n", "{ key = " .. spec .. " }")
    return config and config.key, failure.message and failure.message:gsub("^.*private%.yaml:", "")
  end

  it("reads the values of each type", function()
    for _, case in ipairs {
      { '"text"', '{type="string"}', "text" }, { "5", '{type="integer"}', 5 }, { "0x10", '{type="integer"}', 16 },
      { "1.5", '{type="number"}', 1.5 }, { "2", '{type="number"}', 2 }, { "no", '{type="boolean"}', false },
      { '"5m"', '{type="seconds"}', 300.0 }, { "1.5", '{type="seconds"}', 1.5 },
      { '"512Mi"', '{type="bytes"}', 512 << 20 },
      { '"10kB"', '{type="bytes"}', 10000 }, { "7", '{type="bytes"}', 7 }, { '"1.5 GiB"', '{type="bytes"}', 3 << 29 },
      { "./x", '{type="path"}', "./x" }, { '"https://h/p?q"', '{type="url"}', "https://h/p?q" },
      { "b", '{type="string", enum={"a", "b"}}', "b" }, { "ab1", '{type="string", pattern="^%l+%d$"}', "ab1" },
      { "8080", '{type="integer", min=1, max=65535}', 8080 },
    } do
      local value, message = value_of(case[1], case[2])
      assert.equal(case[3], value, case[1] .. " " .. case[2] .. " " .. tostring(message))
      assert.equal(math.type(case[3]), math.type(value))
    end
  end)

  it("refuses a value of another kind, and says what it expected and found", function()
    for _, case in ipairs {
      { "5", '{type="string"}', 'expected a string, found the integer 5: put it in quotes' },
      { "yes", '{type="string"}', 'expected a string, found the boolean true: put it in quotes' },
      { '"5"', '{type="integer"}', 'expected an integer, found the string "5"' },
      { "5.0", '{type="integer"}', 'expected an integer, found the number 5.0' },
      { ".nan", '{type="number"}', 'expected a number' }, { ".inf", '{type="seconds"}', 'expected seconds' },
      { "-1", '{type="seconds"}', 'expected seconds, or a duration such as 5m, found the integer -1' },
      { '"5 parsecs"', '{type="seconds"}', 'found the string "5 parsecs"' },
      { '"many"', '{type="bytes"}', 'expected a size such as 512Mi, found the string "many"' },
      { "-1", '{type="bytes"}', 'expected a size such as 512Mi' }, { '"-1k"', '{type="bytes"}', 'expected a size' },
      { '"8192Pi"', '{type="bytes"}', 'expected a size such as 512Mi' },
      { "0", '{type="bytes", min=1}', 'expected a size such as 512Mi, 1 or more, found the integer 0' },
      { "maybe", '{type="boolean"}', 'expected true or false, found the string "maybe"' },
      { '""', '{type="path"}', 'expected a path' }, { '"a\\0b"', '{type="path"}', 'expected a path' },
      { "h/p", '{type="url"}', 'expected an http or https URL' },
      { '"http://a b"', '{type="url"}', 'expected an http' },
      { '"http://h:0/"', '{type="url"}', 'expected an http' }, { "ftp://h", '{type="url"}', 'expected an http' },
      { "[a]", '{type="string"}', 'expected a string, found a list' },
      { "[a]", '{type="map"}', 'expected a mapping, found a list: write "key: value" lines below it' },
      { "[]", '{type="map"}', 'expected a mapping, found a list: write "key: value" lines below it' },
      { "{}", '{type="list"}', 'expected a list, found a mapping' },
      { "0", '{type="integer", min=1, max=9}', 'expected an integer from 1 to 9, found the integer 0' },
      { "bb", '{type="string", enum={"aaa", "bbb"}}',
        'expected one of "aaa", "bbb", found the string "bb"; did you mean "bbb"?' },
      { "x", '{type="string", pattern="^%d+$", description="digits only"}',
        'expected text that matches the Lua pattern "^%d+$" (digits only), found the string "x"' },
      { "x", '{type="string", check=function(v) return nil, "no " .. v .. " here" end}', 'no x here' },
      { "x", '{type="string", check=function() return false end}', 'the string "x" is not accepted' },
    } do
      local value, message = value_of(case[1], case[2])
      assert.is_nil(value)
      assert.equal("1:6: key: ", message:sub(1, 10))
      assert.is_truthy(message:find(case[3], 1, true), message)
    end
  end)

  it("reports everything at once, in the order of the file", function()
    local _, failure = load("\nbasedir: x\nport: many\nnested:\n  hots: h\nlist:\n  - 1\n  - two\n  - ~\n", [[{
      baseDir = { type = "path", required = true, description = "where things lie" },
      port = { type = "integer" },
      nested = { type = "map", fields = { host = { type = "string" } } },
      list = { type = "list", items = { type = "integer" } },
    }]])
    local file = workspace:path "private.yaml"
    assert.equal("config", failure.code)
    assert.equal("config.load", failure.op)
    assert.equal(table.concat({
      file .. ':2:1: basedir: unknown key; did you mean "baseDir"?',
      file .. ':3:7: port: expected an integer, found the string "many"',
      file .. ':5:3: nested.hots: unknown key; did you mean "host"?',
      file .. ':8:5: list[2]: expected an integer, found the string "two"',
      file .. ':9:5: list[3]: expected an integer, found null',
    }, "\n"), failure.message)
    local third = failure.problems[2]
    assert.same({ "config", file, 3, 7, "port", 'expected an integer, found the string "many"' },
      { third.code, third.file, third.line, third.column, third.path, third.message })
  end)

  it("stops after 20 problems and counts the rest", function()
    local lines = {}
    for i = 1, 30 do lines[i] = ("key%d: x\n"):format(i) end
    local schema = "(function() local s = {} for i = 1, 30 do s['key' .. i] = { type = 'integer' } end return s end)()"
    local _, failure = load(table.concat(lines), schema)
    assert.equal(30, #failure.problems)
    assert.matches("… and 10 more$", failure.message)
  end)

  it("checks the keys and values of a map", function()
    local schema = '{ ports = { type = "map", keys = { type = "integer", min = 1 }, values = { type = "integer" } } }'
    assert.same({ ports = { [80] = 81, [8080] = 8081 } }, load("ports: {80: 81, 8080: 8081}", schema))
    local _, failure = load('ports:\n  0: 1\n  "a.b": 2\n  90: x\n', schema)
    assert.matches(":2:3: ports%.0: the key: expected an integer, 1 or more, found the integer 0", failure.message)
    assert.matches(':3:3: ports%["a%.b"%]: the key: expected an integer, 1 or more, found the string "a%.b"',
      failure.message)
    assert.matches(':4:7: ports%.90: expected an integer, found the string "x"', failure.message)
  end)

  it("asks the check of a map's keys", function()
    local schema = [[{ ports = { type = "map", keys = { type = "string", check = function(key)
      return key ~= "bad", "expected another key" end } } }]]
    assert.same({ ports = { good = 1 } }, load("ports: {good: 1}", schema))
    local _, failure = load("ports:\n  good: 1\n  bad: 1\n", schema)
    assert.matches(":3:3: ports%.bad: the key: expected another key", failure.message)
  end)

  it("gives a check the mapping around the value", function()
    local schema = [[{ a = { type = "string", check = function(_, beside)
      return beside.b ~= nil, "needs b" end }, b = { type = "integer" } }]]
    assert.same({ a = "x", b = 1 }, load("a: x\nb: 1\n", schema))
    local _, failure = load("a: x\n", schema)
    assert.matches(":1:4: a: needs b", failure.message)
  end)

  it("keeps a null in a map of any values", function()
    local schema = [[{ m = { type = "map", values = { type = "any", check = function(value)
      return value ~= require("bosun.yaml").null, "null!" end } } }]]
    local _, failure = load("m:\n  a: 1\n  b: null\n", schema)
    assert.matches(":3:6: m%.b: null!", failure.message)
  end)

  it("fills in defaults, converted and in a new table each time", function()
    local schema = [[{
      wait = { type = "seconds", default = "5m" }, dir = { type = "path", default = "." },
      list = { type = "list", default = { 1, 2 } }, none = { type = "string" },
      nested = { type = "map", default = {}, fields = { port = { type = "integer", default = 80 } } },
    }]]
    local defaults = { wait = 300, dir = ".", list = { 1, 2 }, nested = { port = 80 } }
    for _, text in ipairs { "{}", "", "# nothing\n", "wait: ~\ndir:\n" } do
      assert.same(defaults, load(text, schema))
    end
    assert.same(defaults, load(false, schema))
    assert.is_true(workspace:eval([[
      local config = require "bosun.config"
      local schema = { list = { type = "list", default = { 1 } } }
      table.insert(config.load(nil, schema).list, 2)
      return #config.load(nil, schema).list == 1
    ]]))
  end)

  it("names a required key when there is no file", function()
    local _, failure = load(false, '{ port = { type = "integer", required = true } }')
    assert.equal('port: missing: expected an integer; no private config was given',
      failure.message)
  end)

  it("reads an empty list as a list", function()
    assert.is_true(workspace:eval(([[
      local file = %q
      assert(require("bosun.fs").write(file, "list: []\nany: []\n"))
      local schema = { list = { type = "list" }, any = { type = "any" } }
      local loaded = assert(require("bosun.config").load(file, schema))
      local text = require("bosun.yaml").encode(loaded)
      return text:find('"list": %%[%%]') ~= nil and text:find('"any": %%[%%]') ~= nil
    ]]):format(workspace:path "list.yaml")))
  end)

  it("never shows a secret", function()
    local _, failure = load('token: 12345\nlist: "hunter2"\n',
      '{ token = { type = "string", secret = true }, list = { type = "list", secret = true } }')
    assert.is_nil(failure.message:find("12345", 1, true))
    assert.is_nil(failure.message:find("hunter2", 1, true))
    assert.matches("1:8: token: expected a string, found another kind of value", failure.message)
  end)

  it("turns a secret text into a bosun.secret", function()
    workspace:write("s.yaml", 'token: "hunter2"\n')
    assert.same({ shown = "[secret]", length = 7 }, workspace:eval(([[
      local token = require("bosun.config").load(%q, { token = { type = "string", secret = true } }).token
      return { shown = tostring(token), length = #token:reveal() }
    ]]):format(workspace:path "s.yaml")))
  end)

  it("passes on the error of a file that cannot be read", function()
    local _, failure = load("a: [1\n", "{}")
    assert.matches("private%.yaml:%d+:%d+: ", failure.message)
    _, failure = load("- a\n- b\n", "{}")
    assert.matches("private%.yaml:1:1: expected a mapping", failure.message)
    _, failure = load("just text", "{}")
    assert.matches("private%.yaml:1:1: expected a mapping", failure.message)
    local message = workspace:eval [[return select(2, require("bosun.config").load("/nonexistent/x", {})).message]]
    assert.matches("/nonexistent/x", message)
  end)

  it("finds the line of a loaded value", function()
    workspace:write("p.yaml", 'net: "bosun"\nports:\n  80: 81\nlist: [a, b]\n')
    local messages = workspace:eval(([[
      local config = require "bosun.config"
      local schema = { net = { type = "string" }, ports = { type = "map" }, list = { type = "list" },
        absent = { type = "map" } }
      local loaded = assert(config.load(%q, schema))
      local function at(path) return tostring(config.problem(loaded, path, "why")) end
      return { at "net", at "ports.80", at "list.2", at "absent.x", at { "ports", 80 },
        tostring(config.problem(config.load(nil, schema), "net", "why")) }
    ]]):format(workspace:path "p.yaml"))
    local file = workspace:path "p.yaml"
    assert.same({ file .. ":1:6: net: why", file .. ":3:7: ports.80: why", file .. ":4:11: list[2]: why",
      file .. ":1:1: absent.x: why", file .. ":3:7: ports.80: why", "net: why; no private config was given" },
      messages)
  end)

  it("is loaded for a plugin that has a config_schema, before init", function()
    local plugin = workspace:plugin_file("typed", [[
      P.config_schema = { port = { type = "integer", required = true }, wait = { type = "seconds", default = "1m" } }
      function P:init() self.seen = self.config.port + self.config.wait end
      function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, data = { seen = self.seen } } end]])
    assert.equal(140.0, workspace:act("pe_status", nil, { plugin = plugin, private = "port: 80\n" }).data.seen)
    local status = workspace:act("pe_status", nil, { plugin = plugin, private = "prot: 80\n" })
    assert.equal("failing", status.status)
    assert.matches('^/.*config%-%d+%.yaml:1:1: prot: unknown key; did you mean "port"%?$', status.msg)
    assert.matches('^/.*config%-%d+%.yaml:1:1: port: missing: expected an integer$',
      workspace:act("pe_status", nil, { plugin = plugin, private = "wait: 1\n" }).msg)
    assert.equal("port: missing: expected an integer; no private config was given",
      workspace:act("pe_status", nil, { plugin = plugin }).msg)
  end)

  it("is inherited with the class that has the schema", function()
    local plugin = workspace:plugin_file("child", [[
      P.config_schema = { port = { type = "integer", default = 7 } }
      P = P:extend("Child")
      function P:pe_status() return ActionStatusInfo{ status = ActionStatus.OK, data = self.config } end]])
    assert.same({ port = 7 }, workspace:act("pe_status", nil, { plugin = plugin }).data)
  end)

  it("names the plugin of an invalid config_schema", function()
    local plugin = workspace:plugin_file("wrong", "P.config_schema = { port = { type = 'integr' } }")
    assert.matches("wrong%.lua:%d+: the config_schema of P: port: type is integr; expected one of",
      workspace:act("pe_status", nil, { plugin = plugin }).msg)
    plugin = workspace:plugin_file("wrong", "P.config_schema = 'text'")
    assert.matches("P%.config_schema is a string; expected a table of keys",
      workspace:act("pe_status", nil, { plugin = plugin }).msg)
  end)

  describe("for the action config", function()
    local ACTION = 'deploymentInfo:\n  id: d\n  keyValueConfig:\n    memory: "64Gi"\n    "a.b": 1\n'
      .. 'peInfo:\n  id: p\n  deployments: [one, {id: two}]\n'

    --- The message of the problem with this key path (Lua source), raised by an action; `before` is run first.
    local function problem(key_path, before)
      local plugin = workspace:plugin_file("later", ([[
        function P:deployment_start()
          %s error(self:action_config_problem(%s, "why"))
        end]]):format(before or "", key_path))
      local status = workspace:act("deployment_start", nil, { plugin = plugin, config = ACTION })
      assert.equal("failing", status.status)
      return (status.msg:gsub("^/.*/config%-%d+%.yaml:(%d)", "%1"))
    end

    it("names the line of a value later", function()
      assert.equal("4:13: deploymentInfo.keyValueConfig.memory: why", problem '"deploymentInfo.keyValueConfig.memory"')
      assert.equal('5:12: deploymentInfo.keyValueConfig["a.b"]: why',
        problem '{ "deploymentInfo", "keyValueConfig", "a.b" }')
      assert.equal("8:17: peInfo.deployments[1]: why", problem '"peInfo.deployments[1]"')
      assert.equal("8:27: peInfo.deployments[2].id: why", problem '"peInfo.deployments.2.id"')
    end)

    it("names the mapping around a key that is absent", function()
      assert.equal("4:5: deploymentInfo.keyValueConfig.cpu: why", problem '"deploymentInfo.keyValueConfig.cpu"')
      assert.equal("1:1: pluginConfig.mlopsUrl: why", problem '"pluginConfig.mlopsUrl"')
    end)

    it("names file and key when the file is gone", function()
      local message = problem('"deploymentInfo.id"', 'assert(require("bosun.fs").remove(self.action_config_file))')
      assert.matches("^/.*/config%-%d+%.yaml: deploymentInfo%.id: why$", message)
    end)

    it("can be raised by init, and without any action config", function()
      local plugin = workspace:plugin_file("early",
        'function P:init() error(self:action_config_problem("peInfo.id", "why")) end')
      local config = { peInfo = { id = "p" } }
      assert.matches("config%-%d+%.yaml:1:%d+: peInfo.id: why$",
        workspace:act("pe_status", nil, { plugin = plugin, config = config }).msg)
      local status = workspace:run { plugin = plugin, action = "pe_status" }.status
      assert.equal("peInfo.id: why; no action config was given", status.msg)
    end)
  end)

  describe("has the same message as the check of the action config", function()
    --- What each checker says of a config with this section `deploymentInfo`, without the file's name, and without the
    --- reason why a key is required: an action needs it, or the schema.
    local function both(info)
      local text = "deploymentInfo: " .. info .. "\n"
      local plugin = workspace:plugin_file("twin", [[P.config_schema = { deploymentInfo = { type = "map",
        required = true, fields = { id = { type = "string", required = true }, name = { type = "string" },
          keyValueConfig = { type = "map" } } } }]])
      local action = workspace:act("deployment_stop", nil, { plugin = "test", config = text }).msg
      local private = workspace:act("pe_status", nil, { plugin = plugin, private = text }).msg
      local function bare(message)
        return (message:gsub("/[^:\n]*%.yaml:", ""):gsub("missing: [^\n]*", "missing: …"))
      end
      return bare(action), bare(private)
    end

    for info, expected in pairs {
      ["{id: 9029}"] = "1:22: deploymentInfo.id: expected a string, found the integer 9029: put it in quotes",
      ["{id: 2.50}"] = "1:22: deploymentInfo.id: expected a string, found the number 2.5: put it in quotes",
      ["{id: 5.0e+100}"] = "1:22: deploymentInfo.id: expected a string, found the number 5.0e+100: put it in quotes",
      ["{id: yes}"] = "1:22: deploymentInfo.id: expected a string, found the boolean true: put it in quotes",
      ["{id: [x]}"] = "1:22: deploymentInfo.id: expected a string, found a list",
      ["{id: {a: b}}"] = "1:22: deploymentInfo.id: expected a string, found a mapping",
      ["{id: d, keyValueConfig: 'a\"b\\c\té'}"] = '1:41: deploymentInfo.keyValueConfig: expected a mapping, found '
        .. 'the string "a\\"b\\\\c\\té": write "key: value" lines below it',
      [("{id: d, keyValueConfig: %s}"):format(("ü"):rep(50))] = "1:41: deploymentInfo.keyValueConfig: expected a "
        .. ('mapping, found the string "%s"…: write "key: value" lines below it'):format(("ü"):rep(20)),
      ["[]"] = '1:17: deploymentInfo: expected a mapping, found a list: write "key: value" lines below it',
      ["{}"] = "1:17: deploymentInfo.id: missing: …",
      ["{Id: x}"] = '1:18: deploymentInfo.Id: unknown key; did you mean "id"?',
      ["{id: 2, name: 1}"] = "1:22: deploymentInfo.id: expected a string, found the integer 2: put it in quotes\n"
        .. "1:31: deploymentInfo.name: expected a string, found the integer 1: put it in quotes",
    } do
      it(info:sub(1, 40), function()
        local action, private = both(info)
        assert.equal(action, private)
        assert.equal(expected, action)
      end)
    end
  end)

  it("raises on an invalid schema, at the caller's line", function()
    for schema, pattern in pairs {
      ['{ key = { type = "strin" } }'] = "key: type is strin; expected one of any, boolean",
      ['{ key = { typ = "string" } }'] = 'key: unknown option typ; did you mean "type"%?',
      ['{ key = "string" }'] = "key: expected a table {type = …}, got a string",
      ['{ key = { type = "map", fields = { sub = { type = "x" } } } }'] = "key%.sub: type is x",
      ['{ key = { type = "integer", default = "five" } }'] = "key: the default: expected an integer, found the string",
      ['{ key = { type = "string", min = 1 } }'] = "only a number can have min and max",
      ['{ key = { type = "string", required = true, default = "x" } }'] = "a required key cannot have a default",
      ['5'] = "expected a table of keys",
    } do
      local message = workspace:eval(([[
        local ok, message = pcall(function() require("bosun.config").load(nil, %s) end)
        return not ok and message
      ]]):format(schema))
      assert.matches("eval%.lua:%d+: config schema: ", message)
      assert.matches(pattern, message)
    end
  end)
end)
