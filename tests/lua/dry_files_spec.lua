-- What Lua's own io and os do in a dry run: they change nothing, and the plan has what they would have changed.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

local BODY = [[
function P:pe_status()
  local result = {}
  local function add(...) result[#result + 1] = table.concat({ tostring((...)), tostring((select(2, ...))) }, " ") end
  local file = assert(io.open("new.txt", "w"))
  add(file:write("text", 5) == file, file:close())
  file = assert(io.open("kept.txt", "r+b"))
  add(file:read "l")
  file:seek("set", 0)
  file:write "changed"
  file:seek("set", 0)
  add(file:read "l")
  file:close()
  file = assert(io.open("kept.txt", "a+"))
  file:write "more\n"
  file:seek("set", 0)
  add((file:read("a"):gsub("\n", "|")))
  file:close()
  add(io.open("none.txt", "r+"))
  local first <close> = assert(io.open("new.txt", "w+"))
  first:write("abc") first:seek("set", 0)
  add(first:read "a")
  add(os.remove "kept.txt")
  add(os.rename("kept.txt", "moved.txt"))
  local before = io.output()
  io.output("out.txt"):write "x"
  io.output():close()
  io.output(before)
  add(os.tmpname():match "^/tmp/")
  io.open(7, "a"):close()
  add((assert(io.open("kept.txt")):read "a"):gsub("\n", "|"))
  add(pcall(io.open, "kept.txt", "rw"))
  local from_lines = {}
  for line in io.lines "kept.txt" do from_lines[#from_lines + 1] = line end
  add(#from_lines)
  return ActionStatusInfo.passing(nil, nil, { result = result })
end]]

describe("io and os in a dry run", function()
  local workspace

  before_each(function()
    workspace = Workspace.new()
    workspace:write("kept.txt", "one\ntwo\n")
  end)
  after_each(function() workspace:remove() end)

  it("change nothing, work for the plugin, and are in the plan", function()
    local plugin = workspace:plugin_file("files", BODY)
    local before = workspace:tree "."
    local status = workspace:act("pe_status", nil, { plugin = plugin, args = { "--dry-run" } })
    assert.equal("dry run, nothing was changed", status.msg)
    os.remove(workspace:path "status.yaml")
    os.remove(workspace:path "stderr")
    os.remove(workspace:path "config-1.yaml")
    assert.equal(before, workspace:tree ".")
    assert.equal("one\ntwo\n", workspace:read "kept.txt")
    local result = status.data.result
    assert.matches("bad argument #2", table.remove(result, 11))
    assert.same({ "true true", "one nil", "changed nil", "one|two|more| nil",
      "nil none.txt: No such file or directory", "abc nil", "true nil", "true nil", "/tmp/ nil", "one|two| 2",
      "2 nil" }, result)
    local steps = Workspace.steps(status.data.plan)
    assert.matches("^os.tmpname /tmp/lua_%w+$", table.remove(steps, 8))
    assert.same({ "io.open new.txt", "io.open kept.txt", "io.open kept.txt", "io.open new.txt", "os.remove kept.txt",
      "os.rename kept.txt", "io.output out.txt", "io.open 7" }, steps)
    local plan = status.data.plan
    assert.same({ "8 bytes", "changed in place" }, { plan[2].before, plan[2].after })
    assert.same({ "8 bytes", nil }, { plan[5].before, plan[5].after })
    assert.equal("moved to moved.txt", plan[6].after)
  end)

  it("say what is not there, and plan nothing for what is made and removed again", function()
    local plugin = workspace:plugin_file("cleans", [[
function P:pe_status()
  local said = { tostring(select(2, os.remove "none.txt")), tostring(select(2, os.remove "no/folder.txt")) }
  io.open("temporary.txt", "w"):close()
  said[3] = tostring(os.remove "temporary.txt")
  return ActionStatusInfo.passing(nil, nil, { said = said })
end]])
    local data = workspace:act("pe_status", nil, { plugin = plugin, args = { "--dry-run" } }).data
    assert.same({ "none.txt: No such file or directory", "no/folder.txt: No such file or directory", "true" },
      data.said)
    assert.is_nil(data.plan)
  end)

  it("do not remove a file whose content cannot be read", function()
    local plugin = workspace:plugin_file("removes", "function P:pe_status() assert(os.remove 'kept.txt') "
      .. "return ActionStatusInfo.passing() end")
    assert(os.execute(("chmod 000 '%s'"):format(workspace:path "kept.txt")))
    local status = workspace:act("pe_status", nil, { plugin = plugin, args = { "--dry-run" } })
    assert.same({ "os.remove kept.txt" }, Workspace.steps(status.data.plan))
    assert(os.execute(("chmod 600 '%s'"):format(workspace:path "kept.txt")))
    assert.equal("one\ntwo\n", workspace:read "kept.txt")
  end)

  it("are Lua's own in a real run", function()
    local plugin = workspace:plugin_file("files", [[
function P:pe_status()
  local file <close> = assert(io.open("new.txt", "w"))
  file:write "text"
  assert(os.remove "kept.txt")
  return ActionStatusInfo.passing()
end]])
    assert.equal("passing", workspace:act("pe_status", nil, { plugin = plugin }).status)
    assert.same({ "text", nil }, { workspace:read "new.txt", workspace:read "kept.txt" })
  end)
end)
