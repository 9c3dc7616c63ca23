-- bosun.docker: what pulls and builds say while they are at it.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.docker.progress", function()
  local workspace

  setup(function() workspace = Workspace.new() end)
  teardown(function() workspace:remove() end)

  local function eval(code)
    return workspace:eval([[
      local progress = require "bosun.docker.progress"
      local lines = {}
      local function add(line) lines[#lines + 1] = line end
    ]] .. code)
  end

  it("counts the layers and megabytes of a pull", function()
    assert.same({
      "pull x: 0 of 1 layers", "pull x: 0 of 2 layers", "pull x: 1 of 3 layers",
      "pull x: 1 of 3 layers, 5.0 of 20 MB", "pull x: 1 of 3 layers, 6.5 of 23 MB",
      "pull x: 1 of 3 layers, 22 of 23 MB", "pull x: 2 of 3 layers, 22 of 23 MB", "pull x: 3 of 3 layers, 23 of 23 MB",
    }, eval [[
      local note = progress.transfer("pull x", add, 0)
      note { status = "Pulling from library/x", id = "latest" }
      note { status = "Pulling fs layer", id = "a" }
      note { status = "Pulling fs layer", id = "b" }
      note { status = "Already exists", id = "c" }
      note { status = "Downloading", id = "a", progressDetail = { current = 5000000, total = 20000000 } }
      note { status = "Downloading", id = "b", progressDetail = { current = 1500000, total = 3000000 } }
      note { status = "Verifying Checksum", id = "a", progressDetail = {} }
      note { status = "Pull complete", id = "a" }
      note { status = "Download complete", id = "b" }
      note { status = "Status: Downloaded newer image for x" }
      note { stream = "other things" }
      note { status = 7, id = {} }
      return lines
    ]])
  end)

  it("says nothing of what is over soon", function()
    assert.same(0, eval [[
      local note = progress.transfer("pull x", add)
      note { status = "Pulling fs layer", id = "a" }
      return #lines
    ]])
  end)

  it("makes lines of a build's text, and keeps the last", function()
    assert.same({ { "Step 1/2 : FROM x", " ---> 1", "red", "half a line" }, " ---> 1\nred\nhalf a line" }, eval [[
      local take, finish = progress.output(add, 3)
      take "Step 1/2 : "
      take "FROM x\n ---> 1\n"
      take "\27[31mred\27[0m\r\n\n"
      take "half a "
      take "line"
      local last = finish()
      return { lines, last }
    ]])
  end)
end)
