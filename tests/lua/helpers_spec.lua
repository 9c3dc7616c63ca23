-- What the library's modules share: tables, text and lines, and the functions of ActionStatusInfo.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("inside the library", function()
  local workspace

  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  it("keys are sorted by their text, and assignments with them", function()
    assert.same({ { 10, 9, "a", "b" }, { "A=1", "B", "C=false" } }, workspace:eval [[
      local tables = require "bosun.tables"
      return { tables.sorted_keys { b = 1, a = 2, [9] = 3, [10] = 4 },
        tables.assignments { C = false, B = true, A = 1 } }
    ]])
  end)

  it("a copy is shallow, and what is added wins", function()
    assert.same({ { a = 1, b = 3 }, { a = 1, b = 2 } }, workspace:eval [[
      local tables = require "bosun.tables"
      local map = { a = 1, b = 2 }
      return { tables.copy(map, { b = 3 }), map }
    ]])
  end)

  it("text is cut between characters, at either end", function()
    assert.same({ "aä…", "a…", "…ä", "short", "a b", "x" }, workspace:eval [[
      local text = require "bosun.text"
      return { text.head("aää", 3), text.head("aää", 2), text.tail("aä", 2), text.head("short", 5),
        text.one_line(" a\r\n\tb ", 10), text.trimmed "x \n" }
    ]])
  end)

  it("lines come out of pieces of any size", function()
    for size = 1, 12 do
      assert.same({ "one", "", "two", "\rthree", "end" }, workspace:eval(([[
        local lines, seen = require "bosun.lines", {}
        local add, finish = lines.splitter(function(line) seen[#seen + 1] = line end)
        local all = "one\r\n\ntwo\n\rthree\nend"
        for at = 1, #all, %d do add(all:sub(at, at + %d - 1)) end
        finish()
        return seen
      ]]):format(size, size)))
    end
  end)

  it("no line follows the one that was refused", function()
    assert.same({ { "1", "2" }, false, false }, workspace:eval [[
      local lines, seen = require "bosun.lines", {}
      local add, finish = lines.splitter(function(line) seen[#seen + 1] = line return line ~= "2" end)
      local more = add "1\n2\n3\n4"
      return { seen, more, finish() }
    ]])
  end)

  it("a line without an end comes in parts", function()
    assert.same({ 1024 * 1024, 5 }, workspace:eval [[
      local lines, seen = require "bosun.lines", {}
      local add, finish = lines.splitter(function(line) seen[#seen + 1] = #line end)
      add(("x"):rep(1024 * 1024)); add "12345"; finish()
      return seen
    ]])
  end)

  it("ActionStatusInfo has a function for each outcome, which checks its arguments", function()
    for name in pairs { passing = 1, warning = 1, failing = 1, unknown = 1 } do
      local plugin = workspace:plugin_file("plugin", ([[
        function P:deployment_status() return ActionStatusInfo.%s("said", DeploymentState.READY, { x = 1 }) end
        function P:pe_status() local info = ActionStatusInfo.%s(5) return info end]]):format(name, name))
      local status = workspace:act("deployment_status", { id = "d1" }, { plugin = plugin })
      assert.same({ name, "said", "ready", 1 }, { status.status, status.msg, status.state, status.data.x })
      assert.equal(name == "failing", status.data.error ~= nil)
      assert.matches("plugin%.lua:7: ActionStatusInfo: msg is a number; expected a string",
        workspace:act("pe_status", nil, { plugin = plugin }).msg)
    end
  end)

  describe("deployment_info", function()
    local function said(call)
      return workspace:eval(([[
        local given = require "bosun.deployment_info"
        local result, problem = %s
        return { result or false, problem and tostring(problem), problem and problem.code }
      ]]):format(call))
    end

    it("reads ids", function()
      assert.same({ "d1" }, said 'given.id({ id = "d1" }, "id")')
      for value, problem in pairs {
        [""] = "is missing", ["id = 5"] = "is missing", ["id = ''"] = "is missing",
        ["id = 'a\\0b'"] = "contains a NUL byte",
        ["id = ('x'):rep(1025)"] = "is 1025 bytes long; at most 1024 are allowed",
      } do
        local expected = { false, "deploymentInfo.id " .. problem, "config" }
        assert.same(expected, said(('given.id({ %s }, "id")'):format(value)))
      end
    end)

    it("checks the model's file", function()
      local file = workspace:write("model.bin", "12345")
      assert.same({ { path = file, file = "model.bin", type = "file", size = 5 } },
        said(("given.artifact { modelArtifact = %q }"):format(file)))
      for value, problem in pairs {
        [""] = "deploymentInfo.modelArtifact is missing", ["'/a\\0b'"] = "contains a NUL byte",
        ["'/nonexistent/model'"] = "cannot read the model: .*/nonexistent/model",
        ["'/'"] = "is a directory; expected a file",
      } do
        local result = said(("given.artifact { modelArtifact = %s }"):format(value == "" and "nil" or value))
        assert.is_false(result[1])
        assert.matches(problem, result[2])
      end
    end)

    it("takes a folder where the caller does", function()
      local folder = workspace:mkdir "model"
      local result = said(("given.artifact({ modelArtifact = %q }, { folder = true })"):format(folder .. "/"))
      assert.same({ "model", "directory" }, { result[1].file, result[1].type })
      result = said 'given.artifact({ modelArtifact = "/dev/null" }, { folder = true })'
      assert.matches("is a char; expected a file or a directory", result[2])
    end)

    it("notices that another model was served", function()
      assert.same({ " (it served model B, not A)" }, said 'given.other_model({ modelId = "A" }, "B")')
      for _, call in ipairs { '{ modelId = "A" }, "A"', '{ modelId = "A" }', '{}, "B"' } do
        assert.same({ "" }, said(("given.other_model(%s)"):format(call)))
      end
    end)
  end)
end)
