-- bosun.json: what lua-cjson loses is kept.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.json", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  --- The text after decoding and encoding it, keys sorted; or the error's text.
  local function round_trip(text, options)
    return workspace:eval(([[
      local json = require "bosun.json"
      local value, err = json.decode(%q)
      return value == nil and tostring(err) or json.encode(value, %s)
    ]]):format(text, options or "{ sort = true }"))
  end

  local function encode(source, options)
    return workspace:eval(([[
      local json = require "bosun.json"
      local _, result = pcall(function()
        local text = json.encode(%s, %s)
        return text
      end)
      return result
    ]]):format(source, options or "{ sort = true }"))
  end

  it("writes what it reads", function()
    for _, text in ipairs {
      "{}", "[]", "null", "true", "false", '""', "0", "[[],{}]", '{"a":[],"b":{},"c":[[]]}', "[1,2.5,-3]", "[null,1]",
      "9223372036854775807", "[-9223372036854775808]", "[9007199254740993,12345678901234567]", '{"":1}',
      '"[] 12345678901234567 \\" []"', '["[ ]",[]]', '{"[]":[]}', '"é😀"', '{"a":{"b":{"c":[{"d":[]}]}}}', "0.1",
      "[1234567890123456.5,[]]", '{"1":2}',
    } do
      assert.equal(text, round_trip(text))
    end
  end)

  it("reads JSON of other writers", function()
    for text, expected in pairs {
      [" [ ] "] = "[]", ["[\n\t]"] = "[]", ["[1.0,1e2,-0]"] = "[1,100,0]", ['"\\ud83d\\ude00\\/"'] = '"😀/"',
      ['{"b":1,"a":2}'] = '{"a":2,"b":1}', ["12345678901234567890"] = "1.2345678901234567e+19",
      ['"\\u0000"'] = '"\\u0000"',
      ["[ [ ] , -12345678901234567 ]"] = "[[],-12345678901234567]",
    } do
      assert.equal(expected, round_trip(text))
    end
  end)

  it("names the place of a syntax error", function()
    for text, expected in pairs {
      ["[1,2"] = "JSON, line 1, column 5: ", ['{\n "a": x}'] = "JSON, line 2, column 7: ",
      [""] = "JSON, line 1, column 1",
      ["[nan]"] = "column 2", ["[0x10]"] = "column 2", ["[1,]"] = "column 4", ["1 2"] = "column 3",
      ["[[],12345678901234567,x]"] = "column 23", ["{1:2}"] = "column 2",
    } do
      local message = round_trip(text)
      assert.is_truthy(message:find(expected, 1, true), message)
    end
    assert.equal("syntax", workspace:eval [[return select(2, require("bosun.json").decode("[")).code]])
  end)

  it("refuses nesting that is too deep", function()
    assert.matches("^JSON", round_trip(("["):rep(100000)))
  end)

  it("keeps lists and mappings of the other modules", function()
    assert.equal('{"list":[],"map":{}}', encode 'require("bosun.yaml").decode("list: []\\nmap: {}")')
    assert.is_true(workspace:eval [[
      local json, yaml = require "bosun.json", require "bosun.yaml"
      return json.null == yaml.null and yaml.encode(json.decode('{"a":[]}')):find("[]", 1, true) ~= nil
    ]])
    assert.equal("[[],[1]]", encode "{ json.array(), json.array{ 1 } }")
  end)

  it("indents and sorts", function()
    local text = '{"b":[1,{}],"a":{"y":[],"x":null}}'
    assert.equal('{\n  "a": {\n    "x": null,\n    "y": []\n  },\n  "b": [\n    1,\n    {}\n  ]\n}',
      round_trip(text, "{ indent = true, sort = true }"))
    assert.equal('{\n "a": 1\n}', round_trip('{"a":1}', "{ indent = 1 }"))
  end)

  it("writes floats so that they read back the same, and as floats", function()
    assert.equal("[1.0,0.1,1e+100,0.30000000000000004]", encode "{ 1.0, 0.1, 1e100, 0.1 + 0.2 }")
  end)

  it("replaces bytes that are not UTF-8 by U+FFFD", function()
    assert.equal('"a\u{FFFD}b\u{FFFD}é"', encode '"a\\xffb\\xe9é"')
  end)

  it("returns an error from try_encode", function()
    local err = workspace:eval [[
      local text, err = require("bosun.json").try_encode({ a = print })
      return { text, code = err.code, op = err.op, message = err.message }]]
    assert.same({ code = "invalid", op = "json.encode",
      message = "value.a is a function, which JSON cannot represent" }, err)
    assert.equal("[1]", workspace:eval [[return (require("bosun.json").try_encode({ 1 }))]])
  end)

  it("raises on wrong options", function()
    assert.matches("eval%.lua:%d+: json%.encode: unknown option sorted; did you mean \"sort\"%?",
      encode("1", "{ sorted = true }"))
    assert.matches("option indent: expected an integer of 0 or more or a boolean, got %-1",
      encode("1", "{ indent = -1 }"))
  end)

  it("raises on what JSON cannot represent, naming the place in the value and the caller's line", function()
    for source, expected in pairs {
      ["{ a = { print } }"] = "value.a[1] is a function", ["{ 0/0 }"] = "value[1] is ", ["1/0"] = "value is inf",
      ["{ [true] = 1 }"] = "value has a boolean as a key: expected strings or integers",
      ['{ [1] = 1, ["1"] = 2, x = 3 }'] = 'two keys that are written as "1"',
      ["(function() local t = {} t.t = t return t end)()"] = "nested too deeply or in itself",
    } do
      local message = encode(source)
      assert.is_truthy(message:find(expected, 1, true), message)
      assert.matches("eval%.lua:%d+: json%.encode: ", message)
      assert.is_true(#message < 300)
    end
  end)
end)
