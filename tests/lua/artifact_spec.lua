-- bosun.artifact: what a plugin of one's own gets of it.
package.path = "./tests/support/?.lua;" .. package.path
local Workspace = require "runner"

describe("bosun.artifact", function()
  local workspace
  before_each(function() workspace = Workspace.new() end)
  after_each(function() workspace:remove() end)

  local HEAD = 'local artifact, fs = require "bosun.artifact", require "bosun.fs"\n'

  it("copies a file and tells size and SHA-256; looks the same until somebody writes", function()
    workspace:write("model", "model A")
    assert.equal("7 7c4a7a803380c808c34920b89750bf6c5b04b3cff7806a231d39e3fda119103f true false true", workspace:eval(
      HEAD .. [[
      local size, sha256 = assert(artifact.copy("model", "copy", { sha256 = true }))
      local first = assert(artifact.look "copy")
      local same = artifact.look("copy").version == first.version and first.size == 7
      local before = fs.stat("copy").ctime
      repeat
        assert(fs.write("copy", "model X", { atomic = false }))
      until fs.stat("copy").ctime ~= before
      local other = artifact.look("copy").version ~= first.version
      return ("%d %s %s %s %s"):format(size, sha256, same, artifact.same("model", "copy"), other)]]))
  end)

  it("returns an error of the world, and raises a wrong option", function()
    assert.equal("ENOENT", workspace:eval(HEAD .. [[
      local _, err = artifact.copy("gone", "copy")
      return err.code]]))
    assert.equal("ENOENT", workspace:eval(HEAD .. "return select(2, artifact.sha256 'gone').code"))
    assert.matches("unknown option sha265; did you mean \"sha256\"", workspace:eval(HEAD .. [[
      return select(2, pcall(artifact.copy, "a", "b", { sha265 = true }))]]))
  end)

  it("takes a model's SHA-256 without holding it in memory", function()
    assert.equal("true", workspace:eval(HEAD .. [[
      local file = assert(io.open("big", "wb"))
      assert(file:seek("set", 64 * 2 ^ 20 - 1) and file:write "x" and file:close())
      collectgarbage()
      local before = collectgarbage "count"
      assert(#artifact.sha256 "big" == 64)
      return tostring(collectgarbage "count" - before < 1024)]]))
  end)
end)
