-- What a table is: a list when its keys are 1 to n and nothing else, otherwise a mapping; or an error that names the
-- key. Nothing in a table is dropped.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("a table", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- The message of the error that each piece of code raises, in order.
  local function problems(...)
    local tried = {}
    for i, code in ipairs { ... } do
      tried[i] = ("select(2, pcall(function() local _ = %s end))"):format(code)
    end
    return workspace:eval(([[
      local http, json, yaml = require "bosun.http", require "bosun.json", require "bosun.yaml"
      local process, retry, tar = require "bosun.process", require "bosun.retry", require "bosun.tar"
      local function marked(list) list.name = "extra" return list end
      local seen = { %s }
      for i, message in ipairs(seen) do seen[i] = tostring(message) end
      return seen
    ]]):format(table.concat(tried, ", ")))
  end

  it("in data keeps all its keys", function()
    local plugin = workspace:plugin_file("holes", [[
      function P:pe_status()
        local data = {
          hole = { "a", nil, "c" }, both = { "a", "b", primary = "p" }, list = { "a", "b" }, none = {},
          late = { [2] = "b" }, far = { 1, nil, 3, [42] = true }, floats = { [0.5] = 1, [1] = 2 },
          zero = { [0] = 0, 1 }, empty = require("bosun.yaml").array {}, null = { 1, require("bosun.yaml").null, 3 },
        }
        return ActionStatusInfo { status = ActionStatus.OK, data = data }
      end
    ]])
    local text = workspace:run { plugin = plugin, action = "pe_status", config = {} }.text
    assert.equal([[
data:
  "both":
    1: "a"
    2: "b"
    "primary": "p"
  "empty": []
  "far":
    1: 1
    3: 3
    42: true
  "floats":
    1: 2
    0.5: 1
  "hole":
    1: "a"
    3: "c"
  "late":
    2: "b"
  "list":
    - "a"
    - "b"
  "none": {}
  "null":
    - 1
    - null
    - 3
  "zero":
    0: 0
    1: 1
]], text:match("data:.*"))
  end)

  it("is the same in YAML and in JSON", function()
    assert.same({ '{"1":1,"3":3,"42":true}', "1: 1\n3: 3\n42: true\n", '{"1":1,"x":"x"}', "[1,2]", "{}" },
      workspace:eval [[
        local json, yaml = require "bosun.json", require "bosun.yaml"
        local sorted = { sort = true }
        return { json.encode({ 1, nil, 3, [42] = true }, sorted), yaml.encode { 1, nil, 3, [42] = true },
          json.encode({ 1, x = "x" }, sorted), json.encode({ 1, 2 }, sorted), json.encode({}, sorted) }
      ]])
  end)

  it("that is marked as a list has to be one", function()
    local seen = problems("json.encode(marked(json.decode '[]'))", "yaml.encode { inner = marked(yaml.array {}) }",
      "json.encode { inner = yaml.array { 1, nil, 3 } }", "yaml.encode(yaml.array { [2] = true })")
    for i, expected in ipairs {
      'json.encode: value is marked as a list, but it has the key "name"',
      'the value.inner is marked as a list, but it has the key "name"',
      "json.encode: value.inner is marked as a list, but item 2 is missing",
      "the value is marked as a list, but item 1 is missing",
    } do
      assert.truthy(seen[i]:find(expected, 1, true), seen[i])
    end
  end)

  it("is a list where only a list makes sense", function()
    local seen = problems('tar.new { { name = "a", content = "1" }, nil, { name = "c", content = "3" } }',
      'tar.new { name = "a", content = "1" }',
      'http.all { { url = "http://127.0.0.1:9/" }, nil, { url = "http://127.0.0.1:9/" } }',
      'http.all { url = "http://127.0.0.1:9/" }',
      'http.get("http://127.0.0.1:9/", { headers = { Accept = { "a", nil, "c" } } })',
      'http.get("http://127.0.0.1:9/", { query = { q = { "a", other = "b" } } })',
      'http.post("http://127.0.0.1:9/", { form = { f = { first = "b" } } })',
      'http.get("http://127.0.0.1:9/", { retry = { on = { 503, nil, 504 } } })',
      'process.run { "echo", nil, "c" }', 'process.spawn { "echo", check = true }',
      'retry.run(function() end, { on = { ECONNREFUSED = true } })',
      'process.run({ "env" }, { env = { "A=b" } })',
      'require("bosun.suggest").nearest("a", { "b", nil, "c" })')
    for i, expected in ipairs {
      "tar: expected a list of entries, but item 2 is missing",
      'tar: expected a list of entries, but it has the key "content"',
      "http.all: expected a list of requests, but item 2 is missing",
      'http.all: expected a list of requests, but it has the key "url"',
      "http.get: header Accept: expected a value or a list of values, but item 2 is missing",
      'http.get: query q: expected a value or a list of values, but it has the key "other"',
      'http.post: form f: expected a value or a list of values, but it has the key "first"',
      "http.get: option retry.on: expected a list, but item 2 is missing",
      "expected a list of a program and its arguments, but item 2 is missing",
      'expected a list of a program and its arguments, but it has the key "check"',
      'retry.run: option on: expected a list or a function, but it has the key "ECONNREFUSED"',
      "option env: expected names and values, but a name is a number",
      "expected a list, but item 2 is missing",
    } do
      assert.truthy(seen[i]:find(expected, 1, true), ("%d: %s"):format(i, seen[i]))
    end
  end)

  it("is a list where a schema has one", function()
    local function problem(spec)
      return workspace:eval(([[
        return select(2, pcall(require("bosun.config").load, nil, { tags = %s }))
      ]]):format(spec))
    end
    assert.matches("tags: the default: expected a list, but item 2 is missing",
      problem '{ type = "list", default = { "a", nil, "c" } }', 1, true)
    assert.matches('tags: option enum: expected a list, but it has the key "first"',
      problem '{ type = "string", enum = { first = "a" } }', 1, true)
  end)

  it("of headers keeps those of the request, and the client's others", function()
    assert.same({ "X-A", "1", "X-B", "b", "x-a", "2", "x-one", "theirs" }, workspace:eval [[
      local prepare = require("bosun.http.request").prepare
      local defaults = { headers = { ["X-One"] = "ours", ["X-B"] = "b" } }
      local headers = { ["X-A"] = "1", ["x-a"] = "2", ["x-one"] = "theirs" }
      return prepare(defaults, { url = "http://a/", headers = headers }, {}).native.headers
    ]])
  end)

  it("of deployments has their ids as keys", function()
    local plugin = workspace:plugin_file("ids", [[
      function P:pe_status()
        local info = ActionStatusInfo { status = ActionStatus.OK }
        return ActionStatusInfo { status = ActionStatus.OK, data = { deploymentsStatus = { info } } }
      end
    ]])
    local status = workspace:act("pe_status", nil, { plugin = plugin })
    assert.matches("data.deploymentsStatus has the key 1, a number; expected the ids of deployments", status.msg, 1,
      true)
  end)

  it("from a file with the keys 1 and 2 stays a mapping", function()
    workspace:write("map.yaml", "ports: {1: a, 2: b}\nany: {1: c}\n")
    assert.equal('any:\n  1: "c"\nports:\n  1: "a"\n  2: "b"\n', (workspace:eval(([[
      local config = assert(require("bosun.config").load(%q, { ports = { type = "map" }, any = { type = "any" } }))
      return require("bosun.yaml").encode(config)
    ]]):format(workspace:path "map.yaml")):gsub('"(%l+)":', "%1:")))
  end)

  it("never has two keys that are written the same", function()
    local seen = problems("yaml.encode { [math.huge] = 1, inf = 2 }",
      'yaml.encode { a = { [-math.huge] = 1, ["-inf"] = 2 } }',
      'json.encode { ["1"] = 1, [1] = 2, x = 3 }', 'json.encode { ["\\xff"] = 1, ["\\xfe"] = 2 }',
      'yaml.encode { ["\\xff"] = 1 }')
    for i, expected in ipairs {
      'the value has two keys that are written as "inf"', 'the value.a has two keys that are written as "-inf"',
      'value has two keys that are written as "1"', 'value has two keys that are written as "\u{FFFD}"',
      "the key is not UTF-8",
    } do
      assert.truthy(seen[i]:find(expected, 1, true), ("%d: %s"):format(i, seen[i]))
    end
  end)

  it("keeps all values when its keys are secrets", function()
    local plugin = workspace:plugin_file("secrets", [[
      function P:pe_status()
        local data = { ["secret-one"] = 1, ["secret-two"] = 2, [11223344] = 3, plain = 4, ["[redacted] (2)"] = 5 }
        return ActionStatusInfo { status = ActionStatus.OK, data = data }
      end
    ]])
    local config = { pluginConfig = { token = "secret-one", otherToken = "secret-two", ["pin-code"] = 11223344 } }
    local result = workspace:run { plugin = plugin, action = "pe_status", config = config }
    assert.equal("passing", result.status.status)
    local values, keys = {}, {}
    for key, value in pairs(result.status.data) do keys[#keys + 1], values[#values + 1] = key, value end
    table.sort(keys)
    table.sort(values)
    assert.same({ 1, 2, 3, 4, 5 }, values)
    assert.same({ "[redacted]", "[redacted] (2)", "[redacted] (2) (2)", "[redacted] (3)", "plain" }, keys)
  end)
end)
