-- A NUL byte hides nothing that follows it: messages show it as \0.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"
local cjson = require "cjson"

describe("a NUL byte", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  --- The status of a plugin whose pe_status has this body, and the events of its log.
  local function act(body)
    local plugin = workspace:plugin_file("nul", "function P:pe_status()\n" .. body
      .. "\nreturn ActionStatusInfo { status = ActionStatus.OK }\nend")
    local status = workspace:act("pe_status", nil, { plugin = plugin, args = { "--log-format", "json" } })
    local events = {}
    for line in status.stderr:gmatch "[^\n]+" do events[#events + 1] = cjson.decode(line) end
    return status, events
  end

  it("does not cut what is raised", function()
    for body, expected in pairs {
      ['error("before\\0after")'] = [[before\0after]],
      ['error("before\\0after", 0)'] = [[before\0after]],
      ['error(setmetatable({}, { __tostring = function() return "before\\0after" end }))'] = [[before\0after]],
      ['error(require("bosun.error").new { code = "x", message = "before\\0after" })'] = [[before\0after]],
      ['error { message = "m", file = "f\\0g", line = 1 }'] = [[f\0g:1: m]],
      ['assert(require("bosun.process").run({ "printf", "" }, { timeout = 5, ["cwd\\0x"] = "/" }))'] =
        [[unknown option cwd\0x]],
      ['require("bosun.yaml").encode { ["k\\0ey"] = print }'] = [[the value.k\0ey is a function]],
      ['require("bosun.json").encode(setmetatable({ ["k\\0ey"] = 1 }, getmetatable(require("bosun.yaml").array {})))'] =
        [[it has the key "k\0ey"]],
      [ [[local run = require("bosun.process").run
        assert(run({ "sh", "-c", "printf 'before\\0after' >&2; exit 3" }, { check = true }))]] ]
        = [[sh ended with exit status 3: before\0after]],
    } do
      local status = act(body)
      assert.equal("failing", status.status)
      assert.truthy(status.msg:find(expected, 1, true), status.msg)
    end
  end)

  it("does not cut the message of a status, but stays in its data", function()
    local plugin = workspace:plugin_file("nul", [[
      function P:pe_status()
        return ActionStatusInfo { status = ActionStatus.OK, msg = "before\0after", data = { ["k\0ey"] = "v\0alue" } }
      end
    ]])
    local result = workspace:run { plugin = plugin, action = "pe_status", config = {} }
    assert.equal([[before\0after]], result.status.msg)
    assert.truthy(result.text:find([["k\x00ey": "v\x00alue"]], 1, true), result.text)
    assert.truthy(result.stderr:find([[pe_status: passing: before\0after]], 1, true), result.stderr)
  end)

  it("does not cut the events of the log", function()
    local _, events = act [[
      require("bosun.log").info("log before\0after", { ["k\0ey"] = "v\0alue" })
      self.log:warn("logger before\0after")
      print("print before\0after", 1)
      warn("warn before\0", "after")
    ]]
    local messages = {}
    for i = 1, 4 do messages[i] = events[i].message end
    assert.same({ [[log before\0after]], [[logger before\0after]], "print before\\0after\t1", [[warn before\0after]] },
      messages)
    assert.equal("v\0alue", events[1]["k\\0ey"])
  end)

  it("does not cut the plan of a dry run", function()
    local plugin = workspace:plugin_file("nul", [[
      function P:pe_status()
        require("bosun.effect").begin("change", "before\0after")
        return ActionStatusInfo { status = ActionStatus.OK }
      end
    ]])
    local status = workspace:act("pe_status", nil, { plugin = plugin, args = { "--dry-run" } })
    assert.same({ [[change before\0after]] }, Workspace.steps(status.data.plan))
  end)
end)

describe("warn", function()
  local workspace = Workspace.new()

  teardown(function() workspace:remove() end)

  local function warnings(body)
    local plugin = workspace:plugin_file("warns", "function P:pe_status()\n" .. body
      .. "\nreturn ActionStatusInfo { status = ActionStatus.OK }\nend")
    local seen = {}
    for line in workspace:act("pe_status", nil, { plugin = plugin }).stderr:gmatch "[^\n]+" do
      seen[#seen + 1] = line:match " WARN  (.*) action="
    end
    return seen
  end

  it("logs its pieces as one event", function()
    assert.same({ "one two 3", "@x" }, warnings [[ warn("one ", "two ", 3) warn "@on" warn("@", "x") ]])
  end)

  it("is one event when a finalizer raises", function()
    assert.same({ "error in __gc (error object is not a string)" }, warnings [[
      setmetatable({}, { __gc = function() error({}) end })
      collectgarbage()
    ]])
  end)

  it("takes text only, as Lua's own does", function()
    local plugin = workspace:plugin_file("wrong", "function P:pe_status() warn('a', {}) end")
    assert.matches("bad argument #2 to 'warn' %(string expected, got table%)",
      workspace:act("pe_status", nil, { plugin = plugin }).msg)
  end)
end)
